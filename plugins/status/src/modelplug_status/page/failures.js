/** Recent failures: alike ones together, each with what to do next. */

import { $, h, icon, keep, mark, nextStep, offer, say } from "./dom.js";
import * as format from "./format.js";

const FILTERS = { provider: "failures-provider", kind: "failures-kind", hours: "failures-hours" };
const MOST = 500; // failures that are asked for
const EACH = 10; // calls that are listed of those that are alike

/** What is asked of the server, as the filters stand. */
export const failureQuery = () => ({ ...Object.fromEntries(Object.entries(FILTERS).map(([name, id]) => [name, $(id).value])), limit: MOST });

/** Calls this whenever a filter is changed. */
export function onFailureFilter(changed) {
  for (const id of Object.values(FILTERS)) $(id).addEventListener("change", changed);
}

/** Shows these failures, newest first; those of one model, kind and message stand together. */
export function showFailures({ rows, total = rows.length }) {
  const groups = new Map();
  for (const row of rows) {
    const key = JSON.stringify([row.provider, row.model, row.type, row.message]);
    if (!groups.has(key)) groups.set(key, { key, rows: [] });
    groups.get(key).rows.push(row);
  }
  offer($("failures-kind"), rows.map((row) => row.kind));
  keep($("failures"), groups.values(), (group) => group.key, item);
  $("failures-empty").hidden = rows.length > 0 && total === rows.length;
  const filtered = $("failures-provider").value || $("failures-kind").value;
  const none = filtered ? "No failure matches these filters." : "No call failed in this time.";
  say($("failures-empty"), rows.length ? `These are the newest ${format.count(rows.length)} of ${format.count(total)} failures.` : none);
}

/** Offers these providers in the filter. */
export const offerProviders = (names) => offer($("failures-provider"), names);

function item() {
  const text = (name) => h("span", { class: name });
  const [type, model, times, when, message] = ["type", "name", "times", "when", "message"].map(text);
  const next = nextStep();
  const calls = h("ol", { class: "calls" });
  const rest = h("p", { class: "muted small" });
  const node = h(
    "li",
    {},
    h(
      "details",
      {},
      h("summary", {}, icon("chevron"), h("span", { class: "what" }, type, model, times, when), message, next.node),
      calls,
      rest,
    ),
  );
  const show = ({ rows }) => {
    const [newest] = rows;
    say(type, newest.type);
    say(model, newest.model);
    say(times, rows.length > 1 ? `${format.count(rows.length)} times` : "");
    say(when, format.ago(newest.timestamp));
    mark(when, "title", format.clock(newest.timestamp));
    say(message, newest.message);
    next.show(newest.advice);
    keep(calls, rows.slice(0, EACH), (row) => row.call_id, call);
    say(rest, rows.length > EACH ? `and ${format.count(rows.length - EACH)} earlier` : "");
  };
  return { node, show };
}

function call(row) {
  const facts = [
    format.clock(row.timestamp),
    row.status ? `status ${row.status}` : null,
    row.stream ? "stream" : "whole answer",
    `after ${format.seconds(row.milliseconds / 1000)}`,
    format.plural(row.attempts, "attempt"),
    row.strategy ? `strategy ${row.strategy}` : null,
    row.retryable ? "may be tried again" : "trying again will not help",
  ];
  const ids = h("span", { class: "ids" }, "call ", h("code", {}, row.call_id), ...(row.request_id ? [" request ", h("code", {}, row.request_id)] : []));
  return { node: h("li", {}, h("span", {}, facts.filter(Boolean).join(" · ")), ids), show: () => {} };
}
