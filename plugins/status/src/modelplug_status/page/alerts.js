/** Alerts: what fires stands at the top, rules and what is over at the end. */

import { $, h, icon, keep, mark, nextStep, say } from "./dom.js";
import * as format from "./format.js";

const key = (alert) => JSON.stringify([alert.rule, alert.provider, alert.model, alert.since]);
const subject = (alert) => alert.model ?? alert.provider ?? "everything";

/** What fires now. The alerts are read out when they change, and not each second with their age. */
export function showFiring(firing) {
  say($("spoken-alerts"), firing.map((alert) => `Alert ${alert.rule}, ${subject(alert)}: ${alert.reason}`).join(". "));
  keep($("firing"), firing, key, () => {
    const [what, why, since] = [h("strong"), h("span"), h("span", { class: "since" })];
    const next = nextStep();
    const show = (alert) => {
      say(what, `${alert.rule}: ${subject(alert)}`);
      say(why, alert.reason ?? "");
      next.show(alert.next_step);
      say(since, `for ${format.age(Date.now() / 1000 - format.unix(alert.since))}`);
    };
    return { node: h("div", {}, icon("bell"), what, why, since, next.node), show };
  });
}

/** What fires, what is over, and how many rules watch. */
export function showAlerts({ rules, firing, recent }) {
  const over = recent.filter((alert) => alert.state === "resolved");
  keep($("alerts"), [...firing, ...over], (alert) => key(alert) + alert.state, () => {
    const [state, what, why, when] = [h("span", { class: "alert-state" }), h("strong"), h("span"), h("span", { class: "when" })];
    const show = (alert) => {
      node.dataset.state = alert.state;
      say(state, alert.state);
      say(what, `${alert.rule}: ${subject(alert)}`);
      say(why, alert.reason ?? "");
      const lasted = alert.resolved_at ? `, lasted ${format.age(format.unix(alert.resolved_at) - format.unix(alert.since))}` : "";
      say(when, format.ago(alert.since) + lasted);
      mark(when, "title", format.clock(alert.since));
    };
    const node = h("li", {}, state, what, why, when);
    return { node, show };
  });
  $("alerts-empty").hidden = firing.length + over.length > 0;
  const watching = rules.length === 1 ? "One rule watches." : `${format.plural(rules.length, "rule")} watch.`;
  say($("alerts-empty"), rules.length ? `${watching} Nothing fires, and nothing has lately.` : "No rule is set. Rules for errors, seconds and cost stand in config.toml, under [alerts.rules.NAME].");
}
