/** The server: JSON in its envelope, streams of events, and the token where one is needed. */

const ROOT = new URL("../", import.meta.url); // the page works under any mount
const SILENCE = 15_000; // ms; live updates come each second, so this long without one means that nobody is there
const TOKEN = "modelplug.token";

/** What the server answered instead of data. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

let token = null;

/** Sends this token from now on, in this tab. */
export function useToken(value) {
  token = value;
  try {
    sessionStorage.setItem(TOKEN, value);
  } catch {
    // Without storage it lasts until the page is loaded again.
  }
}

/** Whether a token is sent. */
export const hasToken = () => Boolean(token);

/** Takes the token that stands in the address after #token=, a part that no server sees, or the one kept for this tab. */
export function recallToken() {
  const given = /^#token=(.+)$/.exec(location.hash);
  if (given) {
    history.replaceState(null, "", location.pathname + location.search);
    return useToken(decoded(given[1]));
  }
  try {
    token = sessionStorage.getItem(TOKEN);
  } catch {
    // Storage may be forbidden; the person is asked.
  }
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a % of the token's own
  }
}

async function ask(path, options = {}) {
  if (token && !/^[!-~]+$/.test(token)) throw new Refused(401, "No header can carry this token."); // fetch would fail as if nobody were there
  const headers = { ...options.headers, ...(token ? { authorization: `Bearer ${token}` } : {}) };
  const answer = await fetch(new URL(path, ROOT), { cache: "no-store", ...options, headers });
  if (answer.ok) return answer;
  let message = `The server answered ${answer.status}.`;
  try {
    message = (await answer.json()).error.message;
  } catch {
    // Somebody before the server answered: its page says nothing that belongs here.
  }
  throw new Refused(answer.status, message);
}

/** The data of a GET under api/llm/. Empty parameters are left out. */
export async function get(path, parameters = {}) {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== "" && value != null));
  const answer = await ask(`api/llm/${path}?${query}`, { signal: AbortSignal.timeout(SILENCE) });
  return (await answer.json()).data;
}

/** Whether this server lets visitors call models. */
export async function hasPlayground() {
  const { paths } = await (await ask("openapi.json")).json();
  return Object.keys(paths).some((path) => path.endsWith("/api/llm/playground"));
}

/** The events of a stream, each `{event, data}` with its JSON read. Ends when the server ends it. */
export async function* events(path, { body, signal, silence } = {}) {
  signal?.throwIfAborted();
  const stop = new AbortController();
  signal?.addEventListener("abort", () => stop.abort(signal.reason), { once: true });
  let timer;
  const wait = () => {
    clearTimeout(timer);
    if (silence) timer = setTimeout(() => stop.abort(new Error("silence")), silence);
  };
  const sent = body && { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" } };
  try {
    wait();
    const answer = await ask(`api/llm/${path}`, { ...sent, signal: stop.signal });
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      wait();
      const blocks = (text + value).replaceAll("\r\n", "\n").split("\n\n");
      text = blocks.pop();
      for (const block of blocks) {
        const found = parsed(block);
        if (found) yield found;
      }
    }
  } finally {
    clearTimeout(timer);
    stop.abort();
  }
}

function parsed(block) {
  let event = "message";
  const data = [];
  for (const line of block.split("\n")) {
    if (line.startsWith("event:")) event = line.slice(6).trim();
    else if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
  }
  return data.length ? { event, data: JSON.parse(data.join("\n")) } : null;
}

/** The updates of each second, until the connection breaks. */
export const live = (signal) => events("live", { signal, silence: SILENCE });
