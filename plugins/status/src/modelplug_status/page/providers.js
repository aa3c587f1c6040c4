/** The verdict at the top, and a card for each provider: how it is, in words, and why. */

import { $, badge, h, keep, nextStep, say } from "./dom.js";
import * as format from "./format.js";

const WORSE = { unhealthy: 0, degraded: 1, healthy: 2, no_data: 3 };

/** Says in one sentence how everything is. */
export function showVerdict(health, totals) {
  const bad = health.providers.filter(({ status }) => status === "unhealthy");
  const weak = health.providers.filter(({ status }) => status === "degraded");
  const words = sentence(health, bad, weak);
  say($("headline"), words);
  say($("spoken-state"), words); // read out when it changes, and only then
  document.title = bad.length + weak.length ? `${words.slice(0, -1)} · modelplug` : "modelplug"; // a tab in the background tells it too
  say($("summary"), sums(health, totals));
  say($("uptime"), `${format.plural(health.provider_count, "provider")}, ${format.plural(health.model_count, "model")}, up ${format.age(health.uptime_seconds)}`);
}

function sentence(health, bad, weak) {
  const names = (rows) => rows.map(({ provider }) => provider).join(", ").replace(/, ([^,]*)$/, " and $1");
  const be = (rows) => (rows.length === 1 ? "is" : "are");
  const parts = [];
  if (bad.length) parts.push(`${names(bad)} ${be(bad)} unhealthy`);
  if (weak.length) parts.push(`${names(weak)} ${be(weak)} degraded`);
  if (parts.length) return `${parts.join(", ")}.`;
  const well = health.providers.filter(({ status }) => status === "healthy");
  if (!well.length) return health.total_calls ? "No recent calls to judge by." : "Ready, and waiting for calls.";
  const all = well.length === 1 ? `${well[0].provider} is healthy` : `All ${well.length} providers in use are healthy`;
  const limping = health.providers.flatMap(({ models }) => models).filter(({ status }) => status === "degraded" || status === "unhealthy");
  return limping.length ? `${all}, but ${limping.length === 1 ? `${limping[0].model} is ${limping[0].status}` : `${limping.length} models are not`}.` : `${all}.`;
}

function sums(health, totals) {
  if (!totals?.calls) return `${format.plural(health.in_flight, "call")} in flight.`;
  const tokens = totals.tokens.input + totals.tokens.output;
  const stopped = (totals.cancelled ?? 0) + (totals.abandoned ?? 0);
  const parts = [
    `${format.plural(totals.calls, "call")} in all: ${format.count(totals.ok)} answered`,
    `${format.count(totals.failed)} failed`,
    stopped ? `${format.count(stopped)} stopped` : null,
    format.plural(tokens, "token"),
    format.cost(totals),
    `${format.count(health.in_flight)} in flight now`,
  ];
  return parts.filter(Boolean).join(" · ");
}

/** A card for each provider, the worst first; `rows` are their figures in the chosen window. */
export function showProviders(health, rows) {
  const figures = new Map(rows.map((row) => [row.provider, row]));
  const order = [...health.providers].sort((a, b) => WORSE[a.status] - WORSE[b.status] || (figures.get(b.provider)?.calls ?? 0) - (figures.get(a.provider)?.calls ?? 0) || a.provider.localeCompare(b.provider));
  keep($("providers"), order.map((one) => ({ ...one, row: figures.get(one.provider) })), (one) => one.provider, card);
}

const FIGURES = [
  ["Calls", (row) => format.rate(row.calls_per_second)],
  ["Answered", (row) => format.percent(row.success_rate)],
  ["p95", (row) => format.seconds(row.seconds?.p95)],
  ["First p95", (row) => format.seconds(row.first_chunk?.p95)],
  ["Tokens", (row) => format.short(row.tokens.input + row.tokens.output)],
  ["Cost", (row) => format.cost(row)],
];

function card({ provider }) {
  const status = badge();
  const reason = h("p", { class: "reason" });
  const next = nextStep();
  const since = h("span", { class: "since" });
  const values = FIGURES.map(() => h("dd"));
  const models = h("ul", { class: "members" });
  const node = h(
    "li",
    { class: "card provider" },
    h("h3", {}, provider),
    h("p", { class: "state" }, status.node, since),
    reason,
    next.node,
    h("dl", {}, ...FIGURES.map(([name], index) => h("div", {}, h("dt", {}, name), values[index]))),
    models,
  );
  const show = (one) => {
    node.dataset.status = one.status;
    status.show(one.status);
    say(since, one.since ? `for ${format.age(Date.now() / 1000 - format.unix(one.since))}` : "");
    say(reason, one.reason ?? "");
    next.show(one.next_step);
    FIGURES.forEach(([, value], index) => say(values[index], one.row ? value(one.row) : format.UNKNOWN));
    // Only models that differ from their provider's good health are worth a line here; the table below has all.
    const worth = one.models.filter((model) => (model.status === "degraded" || model.status === "unhealthy") && one.models.length > 1);
    keep(models, worth, (model) => model.model, member);
  };
  return { node, show };
}

function member({ model }) {
  const status = badge();
  const reason = h("span", { class: "muted" });
  const node = h("li", {}, status.node, h("span", { class: "name" }, model), reason);
  return {
    node,
    show: (one) => {
      status.show(one.status);
      say(reason, one.reason ?? "");
    },
  };
}
