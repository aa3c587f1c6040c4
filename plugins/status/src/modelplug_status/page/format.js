/** Numbers as people read them: sensible units, never more precise than useful, unknown is a dash. */

export const UNKNOWN = "–";
const NARROW = "\u202f";
const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

const digits = (value, most) => value.toLocaleString("en-US", { maximumFractionDigits: most, minimumFractionDigits: most });

/** 1234567 as 1,234,567: counts are exact. */
export const count = (value) => (value == null ? UNKNOWN : whole.format(value));

/** 1234567 as 1.23 M: for rates and axes. */
export function short(value) {
  if (value == null) return UNKNOWN;
  const size = Math.abs(value);
  for (const [unit, of] of [["G", 1e9], ["M", 1e6], ["k", 1e3]]) {
    if (size >= of * 0.9995) return `${significant(value / of)}${NARROW}${unit}`;
  }
  return significant(value);
}

/** Three digits that count: 0.0421, 4.21, 42.1, 421. */
export function significant(value) {
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size >= 100) return whole.format(value);
  const most = Math.min(6, Math.max(0, 2 - Math.floor(Math.log10(size))));
  return value.toLocaleString("en-US", { maximumFractionDigits: most });
}

/** Seconds as 82 ms, 0.82 s, 12.3 s, 1 min 15 s. */
export function seconds(value) {
  if (value == null) return UNKNOWN;
  if (value < 0.0995) return `${significant(Math.round(value * 1e4) / 10)}${NARROW}ms`;
  if (value < 9.995) return `${digits(value, 2)}${NARROW}s`;
  if (value < 59.95) return `${digits(value, 1)}${NARROW}s`;
  return age(value);
}

/** A longer time in its two largest units: 45 s, 12 min, 3 h 20 min, 2 d 4 h. */
export function age(value) {
  const total = Math.max(0, Math.floor(value));
  if (total < 60) return `${total}${NARROW}s`;
  const parts = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const first = parts.findIndex(([size]) => total >= size);
  const [size, unit] = parts[first];
  const [nextSize, nextUnit] = parts[first + 1];
  const rest = Math.floor((total % size) / nextSize);
  const short = unit === "min" && total >= 600;
  return `${Math.floor(total / size)}${NARROW}${unit}` + (rest && !short ? ` ${rest}${NARROW}${nextUnit}` : "");
}

/** A part of one as a percentage that says 100 % only when nothing is missing. */
export function percent(value) {
  if (value == null) return UNKNOWN;
  const shown = value === 1 || value === 0 ? value * 100 : Math.min(99.9, Math.max(0.1, value * 100));
  return `${digits(shown, shown === 100 || shown === 0 ? 0 : 1)}${NARROW}%`;
}

/** Calls per second; slower than one in ten seconds is said per minute or hour. */
export function rate(value) {
  if (value == null) return UNKNOWN;
  if (value === 0) return "0/s";
  if (value >= 0.1) return `${digits(value, value < 10 ? 1 : 0)}/s`;
  return value >= 1 / 600 ? `${significant(Math.round(value * 600) / 10)}/min` : `${significant(value * 3600)}/h`;
}

/** US dollars: cents, and under ten cents three digits that count. */
export function dollars(value) {
  if (value == null) return UNKNOWN;
  const amount = Number(value);
  if (amount === 0) return "$0";
  if (Math.abs(amount) >= 0.1) return `$${digits(amount, 2)}`;
  const most = Math.min(9, 2 - Math.floor(Math.log10(Math.abs(amount))));
  return `$${amount.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: most })}`;
}

/** What calls cost: at least so much where some of them have no known price, a dash where none has. */
export function cost({ cost_usd: amount, cost_unknown: unknown, calls }) {
  if (unknown && unknown >= calls) return UNKNOWN;
  return (unknown ? `≥${NARROW}` : "") + dollars(amount ?? 0);
}

/** A context window in tokens: 8k, 128k, 1M, as people name models. */
export function context(tokens) {
  if (tokens == null) return UNKNOWN;
  if (tokens >= 1e6) return `${Math.round(tokens / 1e5) / 10}M`.replace(".0M", "M");
  if (tokens < 1000) return String(tokens);
  return `${Math.round(tokens / (tokens % 1000 ? 1024 : 1000))}k`;
}

/** Unix seconds of an ISO 8601 time, or of a number that is one already. */
export const unix = (time) => (typeof time === "number" ? time : Date.parse(time) / 1000);

/** The time of day here, with the date when it is another day. */
export function clock(time) {
  const date = new Date(unix(time) * 1000);
  const day = date.toDateString() === new Date().toDateString() ? "" : `${date.toISOString().slice(0, 10)} `;
  return day + date.toLocaleTimeString("en-GB");
}

/** How long ago: just now, 12 s ago. */
export function ago(time, now = Date.now() / 1000) {
  const passed = now - unix(time);
  return passed < 2 ? "just now" : `${age(passed)} ago`;
}

/** 1 call, 2 calls. */
export const plural = (n, word) => `${count(n)} ${word}${n === 1 ? "" : "s"}`;
