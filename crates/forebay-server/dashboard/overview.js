// What is below the plots: the statements that take most time, and the health in short.

import { get } from "./api.js";
import { $, empty, fill, h } from "./element.js";
import { count, ms, percent } from "./format.js";
import { summary } from "./health.js";
import { open } from "./opened.js";
import { ofDb } from "./session.js";
import { isOwn } from "./statements.js";

/** Statements that are named. */
const NAMED = 6;

/** A look at the health is work for the database, and is taken seldom. */
const HEALTH_MS = 600_000;

let looked = 0;

function row(it, all) {
  const share = all > 0 ? it.database_ms / all : 0;
  const name = h(
    "button",
    { type: "button", class: "opener", title: it.statement, onclick: () => open(it.id) },
    h("span", { class: "sql" }, it.name ?? it.statement),
  );
  const bar = h("div", { class: "bar-line", width: `${100 * share}%` });
  return h(
    "tr",
    {},
    h("td", { class: "wide" }, name, bar),
    h("td", { class: "number" }, percent(share)),
    h("td", { class: "number" }, ms(it.database_ms)),
    h("td", { class: "number low" }, count(it.calls)),
  );
}

export const overview = {
  every: () => 5,
  start() {},
  async load() {
    const answer = await get(ofDb("fingerprints?sort=time&limit=10000"));
    const fingerprints = answer.fingerprints.filter((it) => !isOwn(it));
    const all = fingerprints.reduce((sum, it) => sum + it.database_ms, 0);
    const rows = fingerprints.slice(0, NAMED).map((it) => row(it, all));
    const head = ["Statement", "Share", "In all", "Calls"].map((it, at) =>
      h("th", { scope: "col", class: at === 0 ? "wide" : at === 3 ? "number low" : "number" }, it),
    );
    const at = [...$("heavy").querySelectorAll("button")].indexOf(document.activeElement);
    fill(
      $("heavy"),
      rows.length > 0
        ? h("table", {}, h("thead", {}, h("tr", {}, head)), h("tbody", {}, rows))
        : empty("No statement has run yet.", "Send one, and the plots begin to move."),
    );
    if (at >= 0) $("heavy").querySelectorAll("button")[at]?.focus();
    if (Date.now() - looked < HEALTH_MS) return;
    looked = Date.now();
    await summary($("well"));
  },
  forget: () => (looked = 0),
};
