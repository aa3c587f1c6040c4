/** The charts over time: what each shows, how it is drawn, and the same in words and as a table. */

import { $, h, mark, say } from "./dom.js";
import * as format from "./format.js";

const HEIGHT = 136;
const LABELS = 52; // width of the labels on the left
const per = (key, seconds) => (point, step) => (point[key] == null ? null : (point[key] / step) * seconds);
const answered = (point) => {
  const judged = point.ok + point.failed;
  return judged ? point.ok / judged : null;
};

/** `value(point, step)` of a line is what is drawn, null where nothing is known. */
const CHARTS = [
  {
    title: "Calls",
    unit: "per second",
    show: format.rate,
    lines: [
      { name: "all", colour: "--line-1", value: per("calls", 1), fill: true },
      { name: "failed", colour: "--bad", value: per("failed", 1), fill: true, dash: [4, 3] },
    ],
  },
  {
    title: "Answered",
    unit: "part of calls",
    show: format.percent,
    range: (low) => [Math.max(0, Math.min(0.9, Math.floor(low * 10 - 0.001) / 10)), 1],
    lines: [{ name: "success rate", colour: "--line-2", value: answered }],
  },
  {
    title: "Whole answer",
    unit: "seconds",
    show: format.seconds,
    lines: [
      { name: "p50", colour: "--line-1", value: (point) => point.p50 },
      { name: "p95", colour: "--line-3", value: (point) => point.p95, dash: [6, 3] },
    ],
  },
  {
    title: "First chunk",
    unit: "seconds",
    show: format.seconds,
    lines: [
      { name: "p50", colour: "--line-1", value: (point) => point.first_p50 },
      { name: "p95", colour: "--line-3", value: (point) => point.first_p95, dash: [6, 3] },
    ],
  },
  {
    title: "Tokens",
    unit: "per minute",
    show: format.short,
    lines: [
      { name: "in", colour: "--line-1", value: per("tokens_input", 60) },
      { name: "out", colour: "--line-2", value: per("tokens_output", 60), dash: [6, 3] },
    ],
  },
  {
    title: "Cost",
    unit: "dollars per hour",
    show: format.dollars,
    lines: [{ name: "at this rate", colour: "--line-1", value: per("cost_usd", 3600), fill: true }],
  },
];

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** The time of day under the axis; a label that would be cut off at the edge is left out. */
function times(plot, splits) {
  const form = { hour: "2-digit", minute: "2-digit", ...(splits[1] - splits[0] < 60 ? { second: "2-digit" } : {}) };
  const { min, max } = plot.scales.x;
  const from = (time) => ((max - time) / (max - min)) * (plot.width - LABELS); // pixels from the right edge
  return splits.map((time) => (from(time) < (form.second ? 14 : 6) ? "" : new Date(time * 1000).toLocaleTimeString("en-GB", form)));
}

/** The charts in this element. `draw` is called with what there is, `repaint` when colours have changed. */
export function charts(parent) {
  const all = CHARTS.map((chart) => new Chart(chart));
  parent.append(...all.map((chart) => chart.node));
  new ResizeObserver(() => all.forEach((chart) => chart.fit())).observe(parent);
  return {
    draw: (points, step, range) => all.forEach((chart) => chart.draw(points, step, range)),
    repaint: () => all.forEach((chart) => chart.repaint()),
  };
}

class Chart {
  constructor({ title, unit, show, range, lines }) {
    Object.assign(this, { title, unit, show, range, lines, data: [[], ...lines.map(() => [])] });
    this.keys = lines.map(({ name, colour: key, dash }) => {
      const value = h("b", {}, format.UNKNOWN);
      const swatch = h("i", { "data-line": key.slice(2), class: dash ? "dashed" : null, "aria-hidden": "true" });
      return { value, node: h("span", { class: "key" }, swatch, name, value) };
    });
    this.when = h("span", { class: "when" });
    this.canvas = h("div", { class: "plot", role: "img" });
    this.empty = h("p", { class: "plot-empty" }, "No calls in this time");
    this.node = h(
      "figure",
      { class: "card chart" },
      h("figcaption", {}, h("h3", {}, title, h("small", {}, unit)), h("p", {}, ...this.keys.map(({ node }) => node), this.when)),
      this.canvas,
      this.empty,
    );
  }

  draw(points, step, range) {
    this.span = range;
    const drawn = this.lines.map(({ value }) => points.map((point) => value(point, step) ?? null));
    this.data = [points.map((point) => point.time), ...drawn];
    this.empty.hidden = points.some((point) => point.calls > 0);
    const drawing = range.join();
    if (!this.plot) this.repaint();
    else if (drawing !== this.drawing) this.plot.setData(this.data);
    this.drawing = drawing;
    this.read(this.plot?.cursor.idx);
    mark(this.canvas, "aria-label", this.words());
  }

  repaint() {
    this.plot?.destroy();
    this.plot = this.data[0].length ? new window.uPlot(this.options(), this.data, this.canvas) : null;
  }

  fit() {
    if (this.plot && this.canvas.clientWidth) this.plot.setSize({ width: this.canvas.clientWidth, height: HEIGHT });
  }

  /** Shows the values under the cursor, or the newest. */
  read(index) {
    const newest = (values) => values.findLast((value) => value != null);
    this.keys.forEach(({ value }, line) => say(value, this.show(index == null ? newest(this.data[line + 1]) : this.data[line + 1][index])));
    say(this.when, index == null ? "" : format.clock(this.data[0][index]));
  }

  words() {
    const lines = this.lines.map(({ name }, line) => {
      const known = this.data[line + 1].filter((value) => value != null);
      if (!known.length) return `${name}: nothing known`;
      const [low, high] = known.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [Infinity, -Infinity]);
      return `${name} now ${this.show(known.at(-1))}, between ${this.show(low)} and ${this.show(high)}`;
    });
    return `${this.title}, ${this.unit}: ${lines.join("; ")}.`;
  }

  options() {
    const axis = { stroke: colour("--ink-3"), font: `11px ${colour("--font")}`, ticks: { show: false } };
    const grid = { stroke: colour("--grid"), width: 1 };
    return {
      width: this.canvas.clientWidth || 300,
      height: HEIGHT,
      padding: [8, 10, 0, 0],
      legend: { show: false },
      cursor: { sync: { key: "time" }, drag: { x: false, y: false }, y: false, points: { size: 7 } },
      scales: { x: { range: () => this.span }, y: { range: (plot, low, high) => this.limits(low, high) } },
      axes: [
        { ...axis, grid: { show: false }, values: times, size: 28, gap: 7, space: (plot, axis, min, max) => (max - min < 200 ? 56 : 36) },
        { ...axis, grid, values: (plot, splits) => splits.map((value) => this.tick(value)), size: LABELS, gap: 6, space: 26 },
      ],
      series: [
        {},
        ...this.lines.map(({ colour: key, fill, dash }) => ({
          stroke: colour(key),
          width: 1.75,
          dash,
          fill: fill ? `color-mix(in srgb, ${colour(key)} 14%, transparent)` : undefined,
          points: { show: true, size: 5, filter: (plot, series) => this.lonely(plot.data[series]) },
        })),
      ],
      hooks: { setCursor: [(plot) => this.read(plot.cursor.left >= 0 ? plot.cursor.idx : null)] },
    };
  }

  /** Points without neighbours, which no line would show. A zero among them would look like something on the axis. */
  lonely(values) {
    const shown = (value) => value != null && (value !== 0 || this.range);
    return [...values.keys()].filter((at) => shown(values[at]) && values[at - 1] == null && values[at + 1] == null);
  }

  tick(value) {
    return value === 0 ? "0" : this.show(value).replace(/(\.\d*?)0+(?!\d)/, "$1").replace(/\.(?!\d)/, "");
  }

  limits(low, high) {
    if (this.range) return this.range(low ?? 1);
    return [0, high > 0 ? high * 1.12 : 1];
  }
}

/** The newest points as rows of a table, for those to whom a drawing says nothing. */
export function tabulate(points, step) {
  if (!$("numbers").open) return;
  const heads = ["Time", "Calls", "Failed", "p50", "p95", "First p50", "First p95", "Tokens in", "Tokens out", "Cost"];
  const rows = points.slice(-120).reverse().map((point) => [
    format.clock(point.time), format.count(point.calls), format.count(point.failed), format.seconds(point.p50), format.seconds(point.p95),
    format.seconds(point.first_p50), format.seconds(point.first_p95), format.count(point.tokens_input), format.count(point.tokens_output), format.dollars(point.cost_usd),
  ]);
  $("numbers-table").replaceChildren(
    h("caption", {}, `Newest first; each line stands for ${format.age(step)}.`),
    h("thead", {}, h("tr", {}, ...heads.map((head) => h("th", { scope: "col" }, head)))),
    h("tbody", {}, ...rows.map((row) => h("tr", {}, ...row.map((cell) => h("td", {}, cell))))),
  );
}
