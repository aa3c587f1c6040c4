/** Alerts: what fires stands at the top, rules and what is over at the end. */

import { $, h, icon, keep, mark, nextStep, say } from "./dom.js";
import * as format from "./format.js";

const key = (alert) => JSON.stringify([alert.rule, alert.provider, alert.model, alert.since]);
const subject = (alert) => alert.model ?? alert.provider ?? "everything";

/** What fires now, by whom it is about. It is read out when it changes, and not each second with its age. */
export function showFiring(firing) {
  say($("spoken-alerts"), firing.map((alert) => `Alert ${alert.rule}, ${subject(alert)}: ${alert.reason}`).join(". "));
  const groups = new Map();
  for (const alert of firing) groups.set(subject(alert), [...(groups.get(subject(alert)) ?? []), alert]);
  keep($("firing"), groups, ([name]) => name, group);
}

function group([name]) {
  const [since, reasons, next] = [h("span", { class: "since" }), h("ul"), nextStep()];
  const show = ([, alerts]) => {
    say(since, `for ${format.age(Date.now() / 1000 - Math.min(...alerts.map((alert) => format.unix(alert.since))))}`);
    const rules = new Map(); // several rules often give one reason
    for (const { reason, rule } of alerts) rules.set(reason, [...(rules.get(reason) ?? []), rule]);
    keep(reasons, rules, ([reason]) => reason, () => {
      const [names, why] = [h("b"), h("span")];
      return { node: h("li", {}, names, why), show: ([reason, all]) => [say(names, all.join(", ")), say(why, reason)] };
    });
    next.show(alerts.findLast((alert) => alert.next_step)?.next_step);
  };
  return { node: h("div", {}, icon("bell"), h("strong", {}, name), since, reasons, next.node), show };
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
