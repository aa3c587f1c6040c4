/** The page: keeps what the server said last, and shows it. */

import { showAlerts, showFiring } from "./alerts.js";
import { readCatalog } from "./catalog.js";
import { charts, tabulate } from "./charts.js";
import { $, mark, say } from "./dom.js";
import { failureQuery, offerProviders, onFailureFilter, showFailures } from "./failures.js";
import * as format from "./format.js";
import { showCounted } from "./flow.js";
import { modelTable } from "./models.js";
import { allowPlayground, openPlayground } from "./playground.js";
import { showProviders, showVerdict } from "./providers.js";
import { get, hasPlayground, hasToken, live, recallToken, Refused, useToken } from "./server.js";

const HOUR = 3700; // seconds, with a step to spare
const RANGES = { "1m": 300, "5m": 300, "60m": 3600, all: 3600 }; // seconds that the charts show
const AT_LEAST = 2500; // ms between two readings of the failures, of which there may be hundreds
const WAITS = [1, 2, 4, 8, 15]; // seconds before trying again to connect

const state = { window: "5m", points: [], step: 1, providers: [], models: [], health: null, totals: null, firing: "", open: null };
const drawn = charts($("charts"));
const showModels = modelTable();

// What the server says ------------------------------------------------------------------------------------------------

async function readAll() {
  const [health] = await Promise.all([get("health"), readFigures(), readHistory(), readFailures(), readAlerts(), readCatalog()]);
  state.health = health;
  allowPlayground(await hasPlayground());
  show();
}

async function readFigures() {
  const asked = state.window;
  const [providers, models] = await Promise.all([get("metrics/providers", { window: asked }), get("metrics/models", { window: asked })]);
  if (asked === state.window) Object.assign(state, { providers: providers.rows, models: models.rows });
}

/** The steps of the last minutes; the newest is still being counted and has no place in a chart. */
async function readHistory(minutes = 60) {
  const { step_seconds: step, points } = await get("metrics/history", { minutes });
  const read = points.slice(0, -1).map((point) => ({ ...point, time: format.unix(point.time) }));
  const open = points.at(-1)?.time; // the server's time: the clock here may be another
  const known = state.points.filter(({ time }) => time < (read[0]?.time ?? Infinity) && time > format.unix(open) - HOUR);
  Object.assign(state, { step, points: minutes === 60 ? read : [...known, ...read], open });
}

async function readFailures() {
  state.failuresRead = Date.now();
  state.failed = false;
  showFailures(await get("metrics/failures", failureQuery()));
}
const readAlerts = async () => showAlerts(await get("alerts"));

async function update(data) {
  const { health, totals, point, failures, alerts } = data;
  const more = state.health && health.model_count !== state.health.model_count;
  Object.assign(state, { health, totals });
  if (state.window === "5m") Object.assign(state, { providers: data.providers, models: data.models });
  else await readFigures();
  if (point && point.time !== state.open) await readHistory(2); // a step is over
  show();
  showFiring(alerts);
  await showCounted();
  if (failures.length) state.failed = true;
  if (state.failed && Date.now() - state.failuresRead > AT_LEAST) await readFailures();
  const firing = JSON.stringify(alerts.map((alert) => [alert.rule, alert.provider, alert.model, alert.since]));
  if (firing !== state.firing) await readAlerts();
  state.firing = firing;
  if (more) await readCatalog();
}

// What is shown -------------------------------------------------------------------------------------------------------

function show() {
  showVerdict(state.health, state.totals);
  showProviders(state.health, state.providers);
  showModels(state.models, state.health);
  offerProviders(state.health.providers.map(({ provider }) => provider));
  $("welcome").hidden = state.health.total_calls > 0;
  showHistory();
}

function showHistory() {
  const range = RANGES[state.window];
  const newest = state.points.at(-1)?.time ?? Date.now() / 1000;
  const oldest = Math.max(newest - range, Math.min(state.points[0]?.time ?? newest, newest - 60)); // not long before the first
  const points = state.points.filter(({ time }) => time >= oldest - state.step);
  drawn.draw(points, state.step, [oldest, newest]);
  tabulate(points, state.step);
  say($("traffic-range"), `last ${format.age(newest - oldest)}, a point every ${format.age(state.step)}`);
}

/** The state is read out when it changes; the countdown is only seen. */
function showConnection(name, words, countdown = "") {
  const node = $("connection");
  node.dataset.state = name;
  say(node.querySelector("span"), words);
  say($("countdown"), countdown);
}

// The connection ------------------------------------------------------------------------------------------------------

async function stayConnected() {
  for (let failures = 0; ; failures += 1) {
    try {
      await readAll();
      for await (const { event, data } of live()) {
        if (event !== "update") continue;
        failures = 0;
        connected();
        await update(data);
      }
      throw new Error("the stream has ended");
    } catch (error) {
      if (error instanceof Refused && (error.status === 401 || error.status === 403)) {
        await signIn();
        failures = -1;
        continue;
      }
      await waitFor(WAITS[Math.min(failures, WAITS.length - 1)], error);
    }
  }
}

function connected() {
  state.since = new Date();
  $("links").hidden = hasToken(); // a link sends none
  $("lost").hidden = true;
  document.body.classList.remove("stale");
  showConnection("live", "Live");
}

/** Says that the server is gone and waits, unless the person is quicker. */
function waitFor(seconds, error) {
  document.body.classList.add("stale");
  $("lost").hidden = false;
  const seen = state.since ? ` What you see is from ${format.clock(state.since.getTime() / 1000)}.` : "";
  say($("lost-since"), (error instanceof Refused ? error.message : "It may have been stopped, or the network is gone.") + seen);
  return new Promise((resolve) => {
    let left = seconds;
    const tick = () => {
      showConnection("lost", "Not connected", `again in ${left}\u202fs`);
      if (left <= 0) done();
      left -= 1;
    };
    const done = () => {
      clearInterval(timer);
      $("retry").removeEventListener("click", done);
      showConnection("connecting", "Connecting");
      resolve();
    };
    const timer = setInterval(tick, 1000);
    $("retry").addEventListener("click", done);
    tick();
  });
}

function signIn() {
  const dialog = $("sign-in");
  $("sign-in-wrong").hidden = !hasToken();
  showConnection("lost", "Token needed");
  $("token").value = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      useToken($("token").value.trim());
      resolve();
    }, { once: true });
  });
}

// What the person does ------------------------------------------------------------------------------------------------

function showView() {
  const name = location.hash === "#playground" ? "playground" : "overview";
  for (const id of ["overview", "playground"]) $(id).hidden = id !== name;
  for (const link of document.querySelectorAll("nav a")) mark(link, "aria-current", link.hash === `#${name}` ? "page" : null);
  if (name === "overview" && state.health) show();
}

function switchTheme() {
  const root = document.documentElement;
  root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
  try {
    localStorage.setItem("modelplug.theme", root.dataset.theme);
  } catch {
    // It lasts until the page is loaded again.
  }
  showTheme();
  drawn.repaint();
}

function showTheme() {
  const dark = document.documentElement.dataset.theme === "dark";
  mark($("theme"), "aria-label", `Switch to ${dark ? "light" : "dark"} colours`);
  mark($("theme").querySelector("use"), "href", dark ? "#sun" : "#moon");
}

/** Reads, and leaves a failure to the live connection, which notices it and says so. */
const quietly = (read) => read().catch(() => {});

$("theme").addEventListener("click", switchTheme);
$("numbers").addEventListener("toggle", showHistory);
$("window").addEventListener("change", (event) => {
  state.window = event.target.value;
  quietly(async () => {
    await readFigures();
    show();
  });
});
onFailureFilter(() => quietly(readFailures));
addEventListener("hashchange", () => {
  showView();
  scrollTo(0, 0);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", ({ matches }) => {
  if ((document.documentElement.dataset.theme === "dark") !== matches) switchTheme();
});

recallToken();
showTheme();
showView();
openPlayground();
stayConnected();
