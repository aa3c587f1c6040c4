/** The model selector: search, what a model can do, how much it holds, what it costs. */

import { $, badge, h, keep, offer, say } from "./dom.js";
import * as format from "./format.js";
import { get } from "./server.js";

const MOST = 60;
const state = { models: [], chosen: null, changed: null };

/** The model that is chosen, or null. */
export const chosenModel = () => state.chosen;

/** Asks for the models: those that can be called, unless all are wanted. There may be thousands. */
export async function readCatalog() {
  const { models } = await get("models", { all: $("catalog-ready").checked ? "" : "true" });
  showCatalog(models);
}

/** The choice stays, also while its model is filtered away. */
function showCatalog(models) {
  state.models = models;
  offer($("catalog-provider"), models.map((model) => model.provider));
  offer($("catalog-capability"), models.flatMap((model) => model.capabilities));
  const still = models.find((model) => model.id === state.chosen?.id);
  choose(still ?? state.chosen ?? models.find((model) => model.recommended && model.ready) ?? models.find((model) => model.ready && model.capabilities.includes("chat")) ?? null);
  draw();
}

/** Calls this with the model whenever another is chosen. */
export function onChoice(changed) {
  state.changed = changed;
  for (const id of ["catalog-search", "catalog-provider", "catalog-capability"]) $(id).addEventListener("input", draw);
  $("catalog-ready").addEventListener("input", () => readCatalog().catch(() => {})); // the live connection says when nobody answers
}

function choose(model) {
  const other = model?.id !== state.chosen?.id;
  state.chosen = model;
  say($("picked"), model ? model.name : "none");
  if (other) state.changed?.(model);
}

function draw() {
  const words = $("catalog-search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const [provider, capability] = [$("catalog-provider").value, $("catalog-capability").value];
  const found = state.models.filter(
    (model) =>
      (!provider || model.provider === provider) &&
      (!capability || model.capabilities.includes(capability)) &&
      words.every((word) => [model.id, model.name, model.provider, ...model.aliases].some((name) => name.toLowerCase().includes(word))),
  );
  keep($("catalog"), found.slice(0, MOST), (model) => model.id, option);
  say($("catalog-note"), note(found.length));
}

function note(n) {
  if (!state.models.length) return "No plugin brings a model. Install one, such as modelplug-local, and start again.";
  if (!n) return $("catalog-ready").checked ? "No model that can be called now matches. Clear the filters, or look at all of them." : "No model matches. Clear the filters.";
  return n > MOST ? `${format.count(n - MOST)} more: search to find them.` : "";
}

function option({ id }) {
  const radio = h("input", { type: "radio", name: "model", value: id });
  const [name, full, facts, price] = [h("span", { class: "name" }), h("span", { class: "id" }), h("span", { class: "facts" }), h("span", { class: "price" })];
  const status = badge();
  const able = h("span", { class: "able" });
  const missing = h("span", { class: "missing" }, "not ready: a key or a setting is missing");
  const node = h("label", { class: "model" }, radio, name, status.node, full, able, h("span", { class: "costs" }, facts, price), missing);
  radio.addEventListener("change", () => choose(state.models.find((model) => model.id === id)));
  const show = (model) => {
    radio.checked = state.chosen?.id === id;
    say(name, model.name + (model.recommended ? " ★" : ""));
    name.title = model.recommended ? "Recommended" : "";
    status.node.hidden = model.status === "no_data";
    status.show(model.status);
    say(full, [model.id, ...model.aliases].join(" · "));
    keep(able, [...model.capabilities].sort(), (word) => word, (word) => ({ node: h("i", {}, word.replaceAll("_", " ")), show: () => {} }));
    say(facts, model.context_window == null ? "context unknown" : `${format.context(model.context_window)} context`);
    say(price, prices(model.prices));
    missing.hidden = model.ready && model.allowed;
  };
  return { node, show };
}

/** Dollars for a million tokens, in and out. */
export function prices({ input, output } = {}) {
  if (input == null && output == null) return "price unknown";
  if (Number(input) === 0 && Number(output) === 0) return "free";
  return `${format.dollars(input)} in, ${format.dollars(output)} out per M`;
}
