/** The playground: a conversation with the chosen model, streamed, each turn one call. */

import { chosenModel, onChoice } from "./catalog.js";
import { $, h, icon, nextStep, say } from "./dom.js";
import { drawFlow, offerCopy, showChosen, showChunks, showRecord, showRefused, showSent, showStopped } from "./flow.js";
import * as format from "./format.js";
import { events, Refused } from "./server.js";

const turns = []; // what was said: {role, content}
let running = null;
let open = true; // whether models may be called from here

export function openPlayground() {
  drawFlow();
  offerCopy();
  onChoice(showModel);
  showModel(chosenModel());
  $("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  $("prompt").addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    $("ask").requestSubmit();
  });
  $("stop").addEventListener("click", () => running?.abort());
  $("clear").addEventListener("click", clear);
  if (matchMedia("(max-width: 899px)").matches) $("picker").open = false;
}

/** Says so where the host has the playground switched off. */
export function allowPlayground(allowed) {
  open = allowed;
  $("welcome-link").hidden = !allowed;
  if (!allowed) say($("talk-empty"), "The playground is switched off here. A host switches it on with status_app(board, playground=True).");
  $("prompt").disabled = !allowed;
  $("send").disabled = !open || !chosenModel(); // no more: a call may have been shown meanwhile
}

function showModel(model) {
  if (!running) showChosen(model);
  const talks = model?.capabilities.includes("chat");
  $("send").disabled = !talks || !open;
  $("prompt").placeholder = !model ? "Choose a model first" : talks ? `Say something to ${model.name}` : `${model.name} does not chat: choose another model`;
}

function clear() {
  turns.length = 0;
  $("conversation").replaceChildren($("talk-empty"));
  $("talk-empty").hidden = false;
  $("clear").disabled = true;
  showChosen(chosenModel());
  $("prompt").focus();
}

async function send() {
  const model = chosenModel();
  const text = $("prompt").value.trim();
  if (!text || running || $("send").disabled) return;
  turns.push({ role: "user", content: text });
  $("prompt").value = "";
  $("talk-empty").hidden = true;
  $("conversation").append(h("p", { class: "said user" }, h("span", { class: "hidden" }, "You: "), text));
  const answer = answerBox(model);
  working(new AbortController());
  let sent = false;
  try {
    await showSent(model);
    sent = !running.signal.aborted;
    await listen(model, answer);
  } catch (error) {
    if (running.signal.aborted) stopped(answer, sent);
    else failed(answer, { type: "", message: error instanceof Refused ? error.message : "The server does not answer.", next_step: "" });
  }
  working(null);
}

function working(controller) {
  running = controller;
  $("stop").hidden = !controller;
  $("send").hidden = Boolean(controller);
  $("clear").disabled = Boolean(controller);
  $("conversation").setAttribute("aria-busy", String(Boolean(controller)));
  if (!controller) $("prompt").focus({ preventScroll: true });
}

function body(model) {
  const system = $("system").value.trim();
  const sent = { model: model.id, messages: [...(system ? [{ role: "system", content: system }] : []), ...turns] };
  if ($("temperature").value) sent.temperature = Number($("temperature").value);
  if ($("max-tokens").value) sent.max_tokens = Number($("max-tokens").value);
  return sent;
}

async function listen(model, answer) {
  const began = performance.now();
  const passed = () => (performance.now() - began) / 1000;
  let [chunks, first, ended] = [0, null, false];
  for await (const { event, data } of events("playground", { body: body(model), signal: running.signal })) {
    if (event === "chunk") {
      chunks += 1;
      first ??= passed();
      answer.add(data);
      showChunks(chunks, first, passed());
    } else if (event === "call") {
      ended = true;
      finished(answer, data);
    } else if (event === "error") {
      ended = true;
      failed(answer, data);
    }
  }
  if (!ended) throw new Error("the stream ended without a record");
}

/** Keeps what was said. A question without an answer would confuse the next one. */
function keepTurn(answer) {
  const content = answer.text();
  if (content) turns.push({ role: "assistant", content });
  else turns.pop();
}

function finished(answer, call) {
  keepTurn(answer);
  const usage = call.usage ?? {};
  answer.end(
    [
      call.model_id,
      call.first_chunk == null ? null : `first ${format.seconds(call.first_chunk)}`,
      `all ${format.seconds(call.seconds)}`,
      usage.prompt_tokens == null ? null : `${format.count(usage.prompt_tokens)} → ${format.plural(usage.completion_tokens ?? 0, "token")}`,
      call.cost_usd == null ? "cost unknown" : format.dollars(call.cost_usd),
    ].filter(Boolean).join(" · "),
  );
  say($("spoken"), `Answer complete after ${format.seconds(call.seconds)}: ${answer.text()}`);
  showRecord(call);
}

function failed(answer, { type, message, next_step: step, call }) {
  turns.pop(); // the question may be asked again
  answer.fail(type, message, step);
  say($("spoken"), `The call failed: ${message} ${step ?? ""}`);
  if (call) showRecord(call);
  else showRefused(message);
}

function stopped(answer, sent) {
  keepTurn(answer);
  answer.end("stopped by you");
  if (sent) showStopped();
  else showRefused("Stopped by you before it was sent");
}

/** Where an answer grows. */
function answerBox(model) {
  const [thought, text, end] = [h("p"), h("p", { class: "text" }), h("p", { class: "end" })];
  const thinking = h("details", { class: "thinking", hidden: true }, h("summary", {}, "Reasoning"), thought);
  const node = h("div", { class: "said model" }, h("span", { class: "hidden" }, `${model.name}: `), thinking, text, end);
  const log = $("conversation");
  log.append(node);
  log.scrollTop = log.scrollHeight;
  const add = ({ text: more, reasoning }) => {
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
    if (reasoning) {
      thinking.hidden = false;
      thought.append(reasoning);
    }
    text.append(more ?? "");
    if (atEnd) log.scrollTop = log.scrollHeight;
  };
  const fail = (type, message, step) => {
    const next = nextStep();
    next.show(step);
    node.classList.add("failed");
    end.replaceChildren(h("strong", {}, icon("unhealthy"), type || "Not called"), h("span", {}, message), next.node);
    log.scrollTop = log.scrollHeight;
  };
  const close = (words) => {
    say(end, words);
    log.scrollTop = log.scrollHeight;
  };
  return { add, fail, end: close, text: () => text.textContent };
}
