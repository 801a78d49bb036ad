// Numbers with their units, as people read them.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

const isNone = (value) => value === null || value === undefined || Number.isNaN(value);

/** A dash stands for what is not known; zero is a number. */
const none = "–";

export const count = (value) => (isNone(value) ? none : whole.format(value));

/** So many a second. */
export function rate(value) {
  if (isNone(value)) return none;
  if (value >= 100_000) return `${significant(value / 1000)}k`;
  return value >= 100 || value === 0 ? whole.format(value) : significant(value);
}

/** Three digits, and no trailing zeros beyond one decimal. */
function significant(value) {
  if (value >= 100) return whole.format(value);
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** A time that is given in milliseconds. */
export function ms(value) {
  if (isNone(value)) return none;
  if (value === 0) return "0 ms";
  if (value < 1)
    return `${value < 0.01 ? (value * 1000).toFixed(1) : whole.format(value * 1000)} µs`;
  if (value < 1000) return `${significant(value)} ms`;
  if (value < 60_000) return `${significant(value / 1000)} s`;
  if (value < 3_600_000) return `${significant(value / 60_000)} min`;
  return `${significant(value / 3_600_000)} h`;
}

/** Without decimals that say nothing, for scales and bounds. */
export const short = (text) => text.replace(/\.0+(?=\D|$)/, "");

export function bytes(value) {
  if (isNone(value)) return none;
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let at = 0;
  while (value >= 1024 && at < units.length - 1) {
    value /= 1024;
    at += 1;
  }
  return `${at === 0 ? whole.format(value) : significant(value)} ${units[at]}`;
}

/** A share from 0 to 1. A little less than all is never called all. */
export function percent(value) {
  if (isNone(value)) return none;
  const hundredths = value * 100;
  if (hundredths === 0 || hundredths === 100) return `${hundredths} %`;
  if (hundredths > 99.9) return "> 99.9 %";
  return hundredths < 0.1 ? "< 0.1 %" : `${hundredths.toFixed(1)} %`;
}

export const clock = (seconds) =>
  isNone(seconds) ? none : new Date(seconds * 1000).toLocaleTimeString("en-GB");

/** How long ago that was. */
export function ago(seconds, now = Date.now() / 1000) {
  if (isNone(seconds)) return none;
  const past = Math.max(0, now - seconds);
  if (past < 5) return "just now";
  if (past < 60) return `${Math.floor(past)} s ago`;
  if (past < 3600) return `${Math.floor(past / 60)} min ago`;
  if (past < 86_400) return `${Math.floor(past / 3600)} h ago`;
  return `${Math.floor(past / 86_400)} d ago`;
}

export const plural = (number, one, many = `${one}s`) =>
  `${count(number)} ${number === 1 ? one : many}`;
