/** The table of models: figures of the chosen window, sorted and filtered by whoever looks. */

import { $, badge, h, icon, keep, mark, offer, say } from "./dom.js";
import * as format from "./format.js";

const stopped = (row) => row.cancelled + row.abandoned;
const COLUMNS = [
  { id: "model", name: "Model", value: (row) => row.model },
  { id: "health", name: "Health", value: (row) => ["unhealthy", "degraded", "healthy", "no_data"].indexOf(row.status) },
  { id: "calls", name: "Calls", value: (row) => row.calls, show: format.count, sum: true },
  { id: "ok", name: "Answered", value: (row) => row.ok, show: format.count, sum: true },
  { id: "failed", name: "Failed", value: (row) => row.failed, show: format.count, sum: true, alarm: true },
  { id: "stopped", name: "Stopped", value: stopped, show: format.count, sum: true, about: "Cancelled by the host, or a stream that it left" },
  { id: "p50", name: "p50", value: (row) => row.seconds?.p50, show: format.seconds, about: "Half of the calls took less" },
  { id: "p95", name: "p95", value: (row) => row.seconds?.p95, show: format.seconds, about: "19 of 20 calls took less" },
  { id: "first", name: "First p95", value: (row) => row.first_chunk?.p95, show: format.seconds, about: "To the first chunk of a stream, 19 of 20 took less" },
  { id: "input", name: "Tokens in", value: (row) => row.tokens.input, show: format.count, sum: true },
  { id: "output", name: "Tokens out", value: (row) => row.tokens.output, show: format.count, sum: true },
  { id: "cost", name: "Cost", value: (row) => row.cost_usd, sum: true, about: "US dollars; ≥ where the cost of some calls is unknown" },
];

/** The table. `show(rows, health)` brings it up to date. */
export function modelTable() {
  const state = { sort: "cost", down: true, rows: [], open: new Set() };
  const body = h("tbody", { role: "rowgroup" });
  const foot = h("tr", { role: "row" }, ...COLUMNS.map(({ id, name }) => h("td", { role: "cell", class: `is-${id}`, "data-name": name })));
  const heads = COLUMNS.map((column) => heading(column, state, draw));
  $("models").append(h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, ...heads.map(({ node }) => node))), body, h("tfoot", { role: "rowgroup" }, foot));
  $("models-sort").append(...COLUMNS.map(({ id, name }) => h("option", { value: id }, `Sort by ${name.toLowerCase()}`)));
  $("models-sort").addEventListener("change", (event) => sortBy(state, event.target.value, draw));
  for (const id of ["models-search", "models-provider"]) $(id).addEventListener("input", draw);

  function draw() {
    const text = $("models-search").value.trim().toLowerCase();
    const provider = $("models-provider").value;
    const rows = state.rows.filter((row) => (!provider || row.provider === provider) && row.model.toLowerCase().includes(text));
    const { value } = COLUMNS.find(({ id }) => id === state.sort);
    rows.sort((a, b) => order(value(a), value(b)) * (state.down ? -1 : 1) || b.calls - a.calls || a.model.localeCompare(b.model));
    heads.forEach((head) => head.show());
    $("models-sort").value = state.sort;
    keep(body, rows.flatMap((row) => (state.open.has(row.model) ? [row, { more: row }] : [row])), (row) => (row.more ? `more ${row.more.model}` : row.model), (row) => (row.more ? details() : line(row, state, draw)));
    const largest = Math.max(...state.rows.map((row) => Number(row.cost_usd ?? 0)));
    for (const node of body.querySelectorAll("[data-cost]")) node.style.setProperty("--share", largest ? node.dataset.cost / largest : 0);
    sums(rows).forEach((text, index) => say(foot.children[index], text));
    foot.hidden = rows.length < 2;
    $("models").hidden = !rows.length;
    $("models-empty").hidden = rows.length > 0;
    say($("models-empty"), state.rows.length ? "No model with calls in this window matches. Clear the search or choose all providers." : "No calls in this window. Choose a longer one, or send one from the playground.");
  }

  return (rows, health) => {
    const known = new Map(health.providers.flatMap((one) => one.models).map((one) => [one.model, one]));
    state.rows = rows.map((row) => ({ ...row, status: known.get(row.model)?.status ?? "no_data", reason: known.get(row.model)?.reason }));
    offer($("models-provider"), rows.map((row) => row.provider));
    draw();
  };
}

const order = (a, b) => (typeof a === "string" ? -a.localeCompare(b) : Number(a ?? -1) - Number(b ?? -1));

function sortBy(state, id, draw) {
  state.down = state.sort === id ? !state.down : true;
  state.sort = id;
  draw();
}

function heading({ id, name, about }, state, draw) {
  const button = h("button", { type: "button", title: about, onclick: () => sortBy(state, id, draw) }, name);
  const node = h("th", { scope: "col", role: "columnheader", class: `is-${id}` }, button);
  const show = () => mark(node, "aria-sort", state.sort === id ? (state.down === (id !== "model") ? "descending" : "ascending") : null);
  return { node, show };
}

function line({ model, provider }, state, draw) {
  const status = badge();
  const toggle = () => {
    if (!state.open.delete(model)) state.open.add(model);
    draw();
  };
  const button = h("button", { type: "button", class: "more", onclick: toggle }, icon("chevron"), h("span", { class: "name" }, model));
  const cells = COLUMNS.map(({ id, name }) => h("td", { role: "cell", class: `is-${id}`, "data-name": name }));
  cells[0].append(button, ...(model.startsWith(`${provider}/`) ? [] : [h("small", {}, provider)]));
  cells[1].append(status.node);
  const node = h("tr", { role: "row" }, ...cells);
  const show = (row) => {
    mark(button, "aria-expanded", state.open.has(model));
    status.show(row.status);
    mark(status.node, "title", row.reason);
    COLUMNS.forEach((column, index) => {
      if (column.show) say(cells[index], column.show(column.value(row)));
      if (column.alarm) cells[index].classList.toggle("alarm", column.value(row) > 0);
    });
    const cell = cells.at(-1);
    say(cell, format.cost(row));
    cell.dataset.cost = Number(row.cost_usd ?? 0);
  };
  return { node, show };
}

/** All that is known of a model: the columns leave out what is rarely asked. */
function details() {
  const list = h("dl");
  const node = h("tr", { role: "row", class: "details" }, h("td", { role: "cell", colspan: COLUMNS.length }, list));
  return { node, show: ({ more: row }) => showFacts(list, row) };
}

function showFacts(list, row) {
  const errors = Object.entries(row.errors ?? {}).map(([kind, n]) => `${kind} ${format.count(n)}`).join(", ");
  const part = (measure) => (measure ? ["mean", "p50", "p90", "p95", "p99"].map((name) => `${name} ${format.seconds(measure[name])}`).join(" · ") : format.UNKNOWN);
  const facts = [
    ["Health", row.reason || "no data"],
    ["Seconds", part(row.seconds)],
    ["First chunk", part(row.first_chunk)],
    ["Per output token", part(row.seconds_per_output_token)],
    ["Tokens", `${format.count(row.tokens.input)} in, of which ${format.count(row.tokens.cached)} cached · ${format.count(row.tokens.output)} out, of which ${format.count(row.tokens.reasoning)} reasoning` + (row.tokens_unknown ? ` · unknown for ${format.plural(row.tokens_unknown, "call")}` : "")],
    ["Cost", format.cost(row) + (row.cost_unknown ? `, unknown for ${format.plural(row.cost_unknown, "call")}` : "")],
    ["Attempts", `${format.count(row.attempts)}, of which ${format.count(row.retries)} tried again`],
    ["Errors", errors || "none"],
    ["Stopped", `${format.count(row.cancelled)} cancelled · ${format.count(row.abandoned)} abandoned · ${format.plural(row.cut, "stream")} cut`],
  ];
  keep(list, facts, ([name]) => name, ([name]) => {
    const value = h("dd");
    return { node: h("div", {}, h("dt", {}, name), value), show: ([, text]) => say(value, text) };
  });
}

/** The texts of the last line, one for each column. */
function sums(rows) {
  const total = (value) => rows.reduce((sum, row) => sum + Number(value(row) ?? 0), 0);
  const all = { calls: total((row) => row.calls), cost_usd: total((row) => row.cost_usd), cost_unknown: total((row) => row.cost_unknown) };
  return COLUMNS.map(({ id, value, show, sum }) => {
    if (id === "model") return format.plural(rows.filter(({ provider }) => provider !== "other").length, "model"); // names that are none stand there
    if (id === "cost") return format.cost(all);
    return sum ? show(total(value)) : "";
  });
}
