// What is wrong with a database, how grave it is, and what to do.

import { get } from "./api.js";
import { badge, capital, empty, fill, h } from "./element.js";
import { plural } from "./format.js";
import { session } from "./session.js";

const ORDER = ["critical", "warning", "notice", "unknown", "ok"];
const KIND = { critical: "bad", warning: "warn", notice: "note", ok: "good", unknown: "" };
const STATUS = { healthy: "good", degraded: "warn", critical: "bad", unavailable: "bad" };

const row = (it) =>
  h(
    "tr",
    {},
    h("td", {}, badge(it.severity, KIND[it.severity])),
    h("th", { scope: "row" }, it.name.replaceAll("_", " ")),
    h(
      "td",
      { class: "found" },
      it.value,
      it.limit && h("div", { class: "quiet" }, `limit ${it.limit}`),
    ),
    h(
      "td",
      { class: "wide" },
      capital(it.message),
      it.cure && h("div", { class: "cure" }, it.cure),
    ),
  );

function table(checks, label) {
  const head = ["Severity", "Check", "Found", "What it means, and what to do"];
  return h(
    "div",
    { class: "scroll tall", tabindex: 0, role: "region", "aria-label": label },
    h(
      "table",
      { class: "texts" },
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          head.map((it) => h("th", { scope: "col" }, it)),
        ),
      ),
      h("tbody", {}, checks.map(row)),
    ),
  );
}

function score(it) {
  return h(
    "div",
    { class: "score" },
    h(
      "p",
      { class: "now" },
      h("span", { class: "value" }, Math.round(it.score * 100)),
      h("span", { class: "quiet" }, "of 100"),
    ),
    badge(it.status, STATUS[it.status]),
    it.confidence < 1 &&
      h(
        "p",
        { class: "quiet" },
        `${Math.round(it.confidence * 100)} % of the checks could be made`,
      ),
  );
}

const sorted = (checks) =>
  [...checks].sort((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity));
const of = (checks, ...severities) => checks.filter((it) => severities.includes(it.severity));

const folded = (checks, title, isOpen) =>
  checks.length > 0 &&
  h("details", { class: "card", open: isOpen }, h("summary", {}, title), table(checks, title));

function page(answer) {
  const it = answer.databases[session.db];
  const parts = answer.parts.filter((part) => !part.is_well);
  if (!it) return empty("There is no database here.");
  if (it.error) return h("p", { class: "wrong" }, `The database cannot be looked at: ${it.error}`);
  const wrong = of(sorted(it.checks), "critical", "warning", "notice");
  const [open, fine] = [of(it.checks, "unknown"), of(it.checks, "ok")];
  return [
    score(it),
    again(),
    wrong.length > 0
      ? table(wrong, "Findings")
      : empty("Nothing is wrong.", `${plural(fine.length, "check")} passed.`),
    parts.map((part) =>
      h("p", { class: "wrong" }, `${part.part} ${part.name}: ${part.state}. ${part.because ?? ""}`),
    ),
    folded(fine, `${plural(fine.length, "check")} passed`, wrong.length === 0),
    folded(open, `${plural(open.length, "check")} could not be made`, false),
  ];
}

/** In short, for the overview. */
export async function summary(place) {
  const it = (await get("health/detailed")).databases[session.db];
  if (!it || it.error)
    return fill(place, h("p", { class: "wrong" }, it?.error ?? "There is no database here."));
  const wrong = sorted(it.checks)
    .filter((one) => ["critical", "warning"].includes(one.severity))
    .slice(0, 4);
  const line = (one) =>
    h("li", {}, badge(one.severity, KIND[one.severity]), " ", capital(one.message));
  fill(
    place,
    score(it),
    wrong.length > 0
      ? h("ul", { class: "plainly" }, wrong.map(line))
      : h("p", { class: "quiet" }, `${plural(it.checks.length, "check")}, and nothing to be done.`),
    h("p", {}, h("a", { href: "#health" }, "All checks")),
  );
}

let root;
let old = "";

const again = () =>
  h(
    "div",
    { class: "bar" },
    h("button", { type: "button", class: "plain", onclick: () => health.load() }, "Look again"),
  );

export const health = {
  // A look is work for the database: it is taken when the view is opened, or asked for.
  every: () => 0,
  start: (place) => (root = place),
  async load() {
    if (root.childElementCount === 0)
      fill(root, h("p", { class: "quiet" }, "Looking through the database…"));
    const answer = await get("health/detailed");
    const now = JSON.stringify([answer, session.db]);
    if (now === old) return;
    old = now;
    fill(root, page(answer));
  },
  forget: () => (old = ""),
};
