/** How one call goes, step by step: selection, resolution, strategy, call, metrics. */

import { $, h, keep, mark, say } from "./dom.js";
import * as format from "./format.js";
import { get } from "./server.js";

const STEPS = [
  ["selection", "Selection", "The name that was asked for"],
  ["resolution", "Resolution", "The catalog says which model it stands for"],
  ["strategy", "Strategy", "A plugin carries the call"],
  ["call", "Call", "Attempts, first chunk, answer"],
  ["metrics", "Metrics", "The finished call is counted"],
];

const steps = new Map();
let before = 0; // calls of the model before this one
let counting = null; // the record that is not counted yet

/** Draws the five steps, empty. */
export function drawFlow() {
  for (const [id, name, idle] of STEPS) {
    const [facts, note] = [h("dl"), h("p", { class: "muted" }, idle)];
    const node = h("li", { "data-state": "idle", "data-step": id }, h("span", { class: "dot", "aria-hidden": "true" }), h("h3", {}, name), note, facts);
    steps.set(id, { node, facts, note, idle });
    $("flow").append(node);
  }
  steps.get("call").node.append(h("div", { class: "bar", id: "bar", hidden: true }), h("p", { class: "bar-key", id: "bar-key" }));
}

function step(id, state, note, facts = []) {
  const one = steps.get(id);
  one.node.dataset.state = state;
  mark(one.node, "aria-current", state === "active" ? "step" : null);
  say(one.note, note);
  one.note.hidden = !note;
  keep(one.facts, facts.filter(([, value]) => value != null && value !== ""), ([name]) => name, ([name]) => {
    const value = h("dd");
    return { node: h("div", {}, h("dt", {}, name), value), show: ([, text]) => say(value, String(text)) };
  });
}

/** A model was chosen and nothing is under way. */
export function showChosen(model) {
  for (const { node, idle } of steps.values()) step(node.dataset.step, "idle", idle);
  $("bar").hidden = true;
  say($("bar-key"), "");
  $("record").hidden = true;
  counting = null;
  if (model) step("selection", "done", "", [["requested", model.id]]);
}

/** A call is about to be sent: what is known before its record comes. Waits for the count as it is before. */
export async function showSent(model) {
  showChosen(model);
  step("resolution", "done", "", [["model", model.id], ["provider", model.provider], ["context", model.context_window == null ? null : `${format.context(model.context_window)} tokens`]]);
  step("strategy", "active", "Selected when the model is first used, and remembered");
  step("call", "active", "Waiting for the first chunk");
  before = await callsOf(model.id);
}

/** Chunks arrive. */
export function showChunks(n, first, now) {
  step("strategy", "done", "Chosen; its name stands in the record");
  step("call", "active", "", [["first chunk", format.seconds(first)], ["chunks", format.count(n)], ["so far", format.seconds(now)]]);
}

/** The person stopped it: the host's record says abandoned, and nobody is left to be told. */
export function showStopped() {
  step("strategy", "done", "Chosen");
  step("call", "failed", "Stopped by you; recorded as a stream that was left");
  step("metrics", "done", "Counted as stopped");
}

/** The call never began: the name or the request was refused. */
export function showRefused(message) {
  step("resolution", "failed", message);
  for (const id of ["strategy", "call", "metrics"]) step(id, "idle", "Not reached");
}

/** The record of the finished call. */
export function showRecord(call) {
  const ok = call.outcome === "ok";
  const usage = call.usage ?? {};
  step("selection", "done", "", [["requested", call.requested]]);
  step("resolution", "done", "", [["model", call.model_id], ["provider", call.provider], ["goes out as", call.wire_model]]);
  step("strategy", "done", "", [["strategy", call.strategy], ["operation", call.operation]]);
  step("call", ok ? "done" : "failed", "", [
    ["outcome", [call.outcome, call.error?.type].filter(Boolean).join(": ")],
    ["finish reason", call.finish_reason],
    ["attempts", call.attempts?.length],
    ["first chunk", call.first_chunk == null ? null : format.seconds(call.first_chunk)],
    ["seconds", format.seconds(call.seconds)],
    ["tokens", usage.prompt_tokens == null ? `unknown (${usage.source ?? "absent"})` : `${format.count(usage.prompt_tokens)} in, ${format.count(usage.completion_tokens)} out (${usage.source})`],
    ["cost", call.cost_usd == null ? "unknown" : format.dollars(call.cost_usd)],
  ]);
  drawBar(call);
  step("metrics", "active", "Waiting for the next update");
  counting = call;
  $("record").hidden = false;
  $("record-text").replaceChildren(...coloured(JSON.stringify(call, null, 2)));
}

/** Where the time of the call went: attempts that failed, waits, the first chunk, the stream. */
function drawBar(call) {
  const attempts = call.attempts ?? [];
  const parts = [];
  let spent = 0;
  for (const attempt of attempts.slice(0, -1)) {
    parts.push(["tried", attempt.seconds], ["waited", attempt.waited]);
    spent += attempt.seconds + (attempt.waited ?? 0);
  }
  const first = call.first_chunk == null ? call.seconds - spent : Math.max(0, call.first_chunk - spent);
  parts.push([call.first_chunk == null ? "no chunk" : "to first chunk", first], ["stream", Math.max(0, call.seconds - spent - first)]);
  const shown = parts.filter(([, seconds]) => seconds > 0);
  $("bar").hidden = !shown.length;
  $("bar").replaceChildren(...shown.map(([name, seconds]) => {
    const node = h("i", { "data-part": name });
    node.style.flexGrow = String(seconds * 1000); // under one in all would leave a gap
    return node;
  }));
  mark($("bar"), "aria-hidden", "true");
  $("bar-key").replaceChildren(...shown.map(([name, seconds]) => h("span", {}, h("i", { "data-part": name, "aria-hidden": "true" }), `${name} ${format.seconds(seconds)}`)));
}

/** At each live update: whether the record is counted by now. */
export async function showCounted() {
  const call = counting;
  if (!call) return;
  const [then, now] = [before, await callsOf(call.model_id)];
  if (now === then || call !== counting) return;
  counting = null;
  const tokens = call.usage?.total_tokens;
  step("metrics", "done", "", [
    ["its calls", `${format.count(then)} → ${format.count(now)}`],
    ["tokens", tokens == null ? null : `+ ${format.count(tokens)}`],
    ["cost", call.cost_usd == null ? null : `+ ${format.dollars(call.cost_usd)}`],
    ["counted as", call.outcome],
  ]);
}

async function callsOf(model) {
  const { rows } = await get("metrics/models", { window: "all" });
  return rows.find((row) => row.model === model)?.calls ?? 0;
}

/** JSON with its names set apart. */
function coloured(text) {
  return text.split(/("(?:[^"\\]|\\.)*"(?=:))/).map((part, index) => (index % 2 ? h("b", {}, part) : part));
}

/** A button that copies the record. */
export function offerCopy() {
  $("copy").addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText($("record-text").textContent);
      say($("copy"), "Copied");
    } catch {
      getSelection().selectAllChildren($("record-text"));
      say($("copy"), "Selected: press Ctrl + C");
    }
    setTimeout(() => say($("copy"), "Copy"), 2000);
  });
}
