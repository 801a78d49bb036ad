// The table of all statements.

import { get } from "./api.js";
import { badge, empty, fill, h } from "./element.js";
import { ago, count, ms, percent, plural } from "./format.js";
import { open } from "./opened.js";
import { ofDb } from "./session.js";
import { Table } from "./table.js";

const ratio = (it) => (it.hits + it.misses > 0 ? it.hits / (it.hits + it.misses) : null);

/** In a word, what becomes of a statement's answers. */
export function keeping(it) {
  if (it.is_condemned) return ["condemned", "bad"];
  if (it.mode !== "on") return [it.mode, "warn"];
  if (it.hits + it.misses === 0) return ["not kept", ""];
  return it.worth.verdict === "not_worth" ? ["not worth it", "warn"] : ["kept", "good"];
}

const columns = [
  {
    id: "statement",
    title: "Statement",
    value: (it) => it.name ?? it.statement,
    same: (it) => it.id,
    cell: opener,
    class: "wide",
  },
  { id: "calls", title: "Calls", value: (it) => it.calls, show: count, isNumber: true },
  {
    id: "ratio",
    title: "From memory",
    value: ratio,
    show: percent,
    isNumber: true,
    hint: "Of the answers that may be kept",
  },
  {
    id: "p50",
    title: "p50",
    value: (it) => it.p50_ms,
    show: ms,
    isNumber: true,
    isLow: true,
    hint: "Time at the database",
  },
  {
    id: "p99",
    title: "p99",
    value: (it) => it.p99_ms,
    show: ms,
    isNumber: true,
    hint: "Time at the database",
  },
  {
    id: "time",
    title: "Time in all",
    value: (it) => it.database_ms,
    show: ms,
    isNumber: true,
    hint: "Time at the database, all calls together",
  },
  {
    id: "errors",
    title: "Errors",
    value: (it) => it.errors,
    show: count,
    isNumber: true,
    isLow: true,
  },
  {
    id: "entries",
    title: "Answers",
    value: (it) => it.entries,
    show: count,
    isNumber: true,
    isLow: true,
    hint: "Kept in memory now",
  },
  {
    id: "keeping",
    title: "Kept",
    value: (it) => keeping(it)[0],
    same: (it) => keeping(it)[0],
    cell: (it) => badge(...keeping(it)),
    isLow: true,
  },
  {
    id: "seen",
    title: "Seen",
    value: (it) => it.last_seen,
    show: (it) => ago(it),
    isNumber: true,
    isLow: true,
  },
];

function opener(it) {
  const name = it.name && h("b", {}, it.name, " ");
  const text = h("span", { class: "sql" }, it.statement);
  return h(
    "button",
    { type: "button", class: "opener", title: it.statement, onclick: () => open(it.id) },
    name,
    text,
  );
}

const table = new Table({
  label: "Statements",
  columns,
  key: (it) => it.id,
  sort: { by: "time", isDown: true },
  empty: () =>
    wanted() === ""
      ? empty(
          "No statement has run yet.",
          "Each one shows here as soon as it is asked, by whatever client.",
        )
      : empty("No statement matches.", "The text is looked for in statements, names and ids."),
});

const field = h("input", {
  type: "search",
  id: "filter",
  placeholder: "Part of a statement",
  spellcheck: "false",
  autocomplete: "off",
});
const told = h("span", { class: "quiet", role: "status" });
const own = h("input", { type: "checkbox", id: "own" });
let all = [];

/** Statements by which the library looks after the database itself. */
export const isOwn = (it) => it.name === "health" || it.name === "ping";

const wanted = () => field.value.trim().toLowerCase();

/** Shows those that match the field. */
function sieve() {
  const part = wanted();
  const matches = (it) => `${it.id} ${it.name ?? ""} ${it.statement}`.toLowerCase().includes(part);
  const some = own.checked ? all : all.filter((it) => !isOwn(it));
  const found = part ? some.filter(matches) : some;
  const sum = plural(some.length, "statement");
  const text = part ? `${count(found.length)} of ${sum}` : sum;
  if (told.textContent !== text) told.textContent = text;
  table.set(found);
}

field.addEventListener("input", sieve);
own.addEventListener("change", sieve);

export const statements = {
  /** So many rows are a large answer: they are asked for less often. */
  every: () => (all.length > 1000 ? 30 : 5),
  start(place) {
    const label = h("label", { for: "filter" }, "Filter");
    const also = h("label", { class: "quiet" }, own, " Forebay's own, too");
    fill(place, h("div", { class: "bar" }, label, field, told, also), table.root);
  },
  async load() {
    all = (await get(ofDb("fingerprints?limit=10000"))).fingerprints;
    sieve();
  },
};
