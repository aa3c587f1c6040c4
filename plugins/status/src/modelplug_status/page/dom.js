/** Elements: made so that text stays text whatever it says, and kept so that focus and selection survive an update. */

export const $ = (id) => document.getElementById(id);

/** An element with attributes and children. Strings become text, never HTML. */
export function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child != null));
  return node;
}

/** One of the drawings at the top of index.html; decoration only, the words stand beside it. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

/** Sets a node's text if it differs: untouched nodes keep their selection and are not read out again. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Sets or removes an attribute if it differs. */
export function mark(node, name, value) {
  if (value == null) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

const kept = new WeakMap();

/**
 * Makes the parent's children stand for these items, in their order.
 * `make(item)` answers `{node, show}` once for each key; `show(item)` is called at every update.
 */
export function keep(parent, items, key, make) {
  const before = kept.get(parent) ?? new Map();
  const after = new Map();
  for (const item of items) {
    const name = key(item);
    if (!after.has(name)) after.set(name, before.get(name) ?? make(item));
    after.get(name).show(item);
  }
  for (const [name, { node }] of before) if (!after.has(name)) node.remove();
  let place = parent.firstElementChild;
  for (const { node } of after.values()) {
    if (node === place) place = place.nextElementSibling;
    else parent.insertBefore(node, place);
  }
  kept.set(parent, after);
}

/** Advice after an arrow; what stands between backticks is code. */
export function nextStep() {
  const words = h("span");
  const node = h("p", { class: "next" }, icon("arrow"), words);
  let shown = "";
  const show = (text) => {
    if ((text ?? "") === shown) return;
    shown = text ?? "";
    words.replaceChildren(...shown.split("`").map((part, index) => (index % 2 ? h("code", {}, part) : part)));
  };
  return { node, show };
}

/** A status in words with its shape; colour comes third. */
export function badge() {
  const node = h("span", { class: "badge" });
  const show = (status) => {
    if (node.dataset.status === status) return;
    node.dataset.status = status;
    node.replaceChildren(icon(status), WORDS[status] ?? status);
  };
  return { node, show };
}

export const WORDS = { healthy: "healthy", degraded: "degraded", unhealthy: "unhealthy", no_data: "no data" };

/** Offers these values in a select, after its first option, and keeps what is chosen. */
export function offer(select, values) {
  const chosen = select.value;
  const wanted = [...new Set(values)].sort();
  if (wanted.join("\n") === [...select.options].slice(1).map((option) => option.value).join("\n")) return;
  if (chosen && !wanted.includes(chosen)) wanted.push(chosen);
  select.replaceChildren(select.options[0], ...wanted.map((value) => h("option", { value }, value)));
  select.value = chosen;
}
