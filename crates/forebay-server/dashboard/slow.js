// The slow log: single executions, with the plan that each had.

import { get } from "./api.js";
import { badge, code, empty, fill, h, $ } from "./element.js";
import { ago, clock, count, ms, plural } from "./format.js";
import { open } from "./opened.js";
import { ofDb } from "./session.js";
import { Table } from "./table.js";

const WHY = { absolute: "over the limit", relative: "over what is usual" };

const columns = [
  {
    id: "at",
    title: "Ended",
    value: (it) => it.at,
    show: (at) => `${clock(at)}`,
    isNumber: true,
    hint: "The time of day",
  },
  { id: "ms", title: "Took", value: (it) => it.ms, show: ms, isNumber: true },
  {
    id: "wait",
    title: "Waited",
    value: (it) => it.pool_wait_ms,
    show: ms,
    isNumber: true,
    isLow: true,
    hint: "For a connection",
  },
  { id: "rows", title: "Rows", value: (it) => it.rows, show: count, isNumber: true, isLow: true },
  {
    id: "statement",
    title: "Statement",
    value: (it) => it.statement,
    same: (it) => it,
    cell: opener,
    class: "wide",
  },
  {
    id: "why",
    title: "Why",
    value: (it) => it.why,
    same: (it) => it.why,
    cell: (it) => (it.failed ? badge("failed", "bad") : badge(WHY[it.why] ?? it.why)),
    isLow: true,
  },
];

function opener(it) {
  return h(
    "button",
    { type: "button", class: "opener", onclick: () => look(it) },
    h("span", { class: "sql" }, it.statement),
  );
}

function look(it) {
  const sheet = $("sheet");
  const close = h(
    "button",
    { type: "button", class: "plain", onclick: () => sheet.close() },
    "Close",
  );
  const more = h(
    "button",
    { type: "button", class: "plain", onclick: () => open(it.fingerprint) },
    "All calls of this statement",
  );
  const facts = [
    `Took ${ms(it.ms)} after ${ms(it.pool_wait_ms)} of waiting, ${plural(it.rows, "row")}, ${ago(it.at)}.`,
    it.caller && `Asked by ${it.caller}.`,
    it.params && `Parameters: ${it.params}`,
    it.left_out > 0 &&
      `${plural(it.left_out, "slow call")} of it before this one are not in the log.`,
  ];
  fill(
    sheet,
    h("div", { class: "head" }, h("h2", { id: "sheet-title" }, "A slow statement"), close),
    code(it.statement, "Text"),
    facts.filter(Boolean).map((text) => h("p", {}, text)),
    h("h3", {}, "Query plan, right afterwards"),
    it.plan.length > 0
      ? code(it.plan.join("\n"), "Query plan")
      : h("p", { class: "quiet" }, "It could not be had."),
    h("div", { class: "buttons left" }, more),
  );
  if (!sheet.open) sheet.showModal();
}

const table = new Table({
  label: "Slow statements",
  columns,
  key: (it) => `${it.at} ${it.fingerprint} ${it.ms}`,
  sort: { by: "at", isDown: true },
  empty: () =>
    empty(
      "Nothing was slow.",
      "Statements show here that take longer than slow_after (100 ms unless set), or much longer than usual for them.",
    ),
});
const changes = h("div");

export const slow = {
  every: () => 5,
  start: (place) => fill(place, table.root, changes),
  async load() {
    const log = await get(ofDb("slow?limit=1000"));
    table.set(log.statements);
    const news = log.plan_changes.map((it) =>
      h(
        "article",
        { class: "card" },
        h("h3", {}, `${ago(it.at)}`),
        code(it.statement, "Statement"),
        h("div", { class: "pair" }, before("Before", it.before), before("Now", it.after)),
      ),
    );
    fill(changes, news.length > 0 && h("h2", {}, "Query plans that have changed"), news);
  },
};

const before = (title, lines) =>
  h("div", {}, h("h4", {}, title), code(lines.join("\n") || "not known any more", title));
