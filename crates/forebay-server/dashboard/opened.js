// One statement in a sheet of its own: its text, why its answers are kept or not, its plan, how long
// it takes, and what its answers rest on.

import { get, post } from "./api.js";
import { confirm } from "./confirm.js";
import { $, badge, capital, code, facts, fill, h, toast } from "./element.js";
import { ago, bytes, count, ms, percent, plural, short } from "./format.js";
import { ofDb, session } from "./session.js";
import { keeping } from "./statements.js";

let opener = null;

/** Opens the sheet of a statement. */
export async function open(id) {
  opener = document.activeElement;
  const sheet = $("sheet");
  fill(sheet, head("Statement"), h("p", { class: "quiet" }, "Asking the database…"));
  if (!sheet.open) sheet.showModal();
  await show(id);
}

async function show(id) {
  const sheet = $("sheet");
  try {
    const it = await get(ofDb(`fingerprints/${id}`));
    fill(sheet, head(it.name ?? "Statement", id), parts(it));
  } catch (error) {
    fill(
      sheet,
      head("Statement"),
      h("p", { class: "wrong" }, `It cannot be shown: ${error.message}.`),
    );
  }
  // What had the focus is not there any more.
  if (!sheet.contains(document.activeElement)) sheet.querySelector(".head button").focus();
}

function head(title, id) {
  const close = h(
    "button",
    { type: "button", class: "plain", onclick: () => $("sheet").close() },
    "Close",
  );
  const small = id && h("code", { class: "quiet" }, id);
  return h("div", { class: "head" }, h("h2", { id: "sheet-title" }, title, " ", small), close);
}

function parts(it) {
  const why = it.explanation;
  return [
    code(it.sample ?? it.statement, "Text"),
    figures(it),
    part("Why its answers are kept, or not", h("div", {}, verdict(it, why), switches(it))),
    part("Time at the database", histogram(it.database)),
    why &&
      part(
        "Query plan",
        why.plan.length > 0 ? code(why.plan.join("\n"), "Query plan") : nothing("It has none."),
      ),
    why && part("What its answers rest on", rests(why)),
    it.dropped_by.length > 0 && part("What drops its answers", drops(it.dropped_by)),
  ];
}

const part = (title, ...content) => h("section", {}, h("h3", {}, title), content);
const nothing = (text) => h("p", { class: "quiet" }, text);
const list = (items) =>
  h(
    "ul",
    {},
    items.map((item) => h("li", {}, item)),
  );

function figures(it) {
  const kept = it.hits + it.misses > 0 ? it.hits / (it.hits + it.misses) : null;
  return facts([
    ["Calls", count(it.calls)],
    ["From memory", percent(kept)],
    ["Errors", count(it.errors)],
    ["Rows", count(it.rows)],
    ["Last minute", lately(it.minute)],
    ["Answers kept", `${count(it.entries)}, ${bytes(it.bytes)}`],
    ["Waited for connections", ms(it.pool_wait_ms)],
    ["Asked by", it.caller],
    ["Seen", `${ago(it.last_seen)}, first ${ago(it.first_seen)}`],
  ]);
}

function lately(window) {
  const calls = plural(window.calls, "call");
  return window.p95_ms > 0 ? `${calls}, 95 % within ${ms(window.p95_ms)}` : calls;
}

function verdict(it, why) {
  if (!why) return nothing(`The database does not explain it: ${it.unexplained}`);
  const word = badge(...keeping(it));
  if (!why.cacheable) return [h("p", {}, word, " ", `It is a ${why.effect}.`), list(why.reasons)];
  const passed = Object.entries(it.bypasses).map(
    ([reason, n]) => `past the cache ${plural(n, "time")}: ${reason}`,
  );
  const reasons = [why.worth, `switch: ${why.switch}`, why.freshness, why.policy, ...passed];
  return [h("p", {}, word), list(reasons.filter(Boolean).map(capital))];
}

/** The switch and the way to drop what is kept, for admins. */
function switches(it) {
  if (!session.isAdmin || it.explanation?.cacheable !== true) return null;
  const set = async (mode) => {
    try {
      await post("cache/mode", { db: session.db, mode, fingerprint: it.id });
      toast(
        mode
          ? `The cache is ${mode} for this statement.`
          : "The statement has no switch of its own.",
      );
      await show(it.id);
    } catch (error) {
      toast(`Not done: ${error.message}.`);
    }
  };
  const clear = async () => {
    await confirm({
      title: "Drop the answers of this statement?",
      text: h("p", {}, "They are read from the database again when they are asked for."),
      verb: "Drop them",
      work: () => post("cache/clear", { db: session.db, fingerprint: it.id }),
    });
    await show(it.id);
  };
  const button = (text, act) => h("button", { type: "button", class: "plain", onclick: act }, text);
  const modes = ["on", "shadow", "off"].map((mode) => button(`Cache ${mode}`, () => set(mode)));
  return h(
    "div",
    { class: "buttons left" },
    modes,
    button("As the others", () => set(null)),
    button("Drop its answers", clear),
  );
}

function histogram(times) {
  if (times.count === 0)
    return nothing("It has not been there yet: what it answered came from memory.");
  const most = Math.max(...times.buckets.map((it) => it.count));
  const rows = times.buckets.map((it, at) => {
    const from = at === 0 ? 0 : times.buckets[at - 1].up_to_ms;
    const label =
      it.up_to_ms === null ? `over ${short(ms(from))}` : `up to ${short(ms(it.up_to_ms))}`;
    const bar = h("div", { class: "bar-line", width: `${(100 * it.count) / most}%` });
    const empty = it.count === 0 ? "none" : "";
    return h(
      "tr",
      { class: empty },
      h("th", { scope: "row" }, label),
      h("td", { class: "number" }, count(it.count)),
      h("td", { class: "wide" }, bar),
    );
  });
  const sums = facts([
    ["p50", ms(times.p50_ms)],
    ["p95", ms(times.p95_ms)],
    ["p99", ms(times.p99_ms)],
    ["Longest", ms(times.max_ms)],
    ["Mean", ms(times.mean_ms)],
  ]);
  const head = h(
    "thead",
    { class: "unseen" },
    h(
      "tr",
      {},
      ["Time", "Calls", "Share"].map((it) => h("th", { scope: "col" }, it)),
    ),
  );
  return [sums, h("table", { class: "histogram" }, head, h("tbody", {}, rows))];
}

function rests(why) {
  const all = [...why.rests_on, ...why.drops];
  if (all.length > 0) return list(all);
  return why.reads.length > 0
    ? list(why.reads.map((it) => `table ${it}`))
    : nothing("On no table.");
}

function drops(writes) {
  return list(
    writes.map((it) => [h("code", {}, it.cause), ` dropped ${plural(it.count, "answer")}`]),
  );
}

$("sheet").addEventListener("close", () => opener?.isConnected && opener.focus());
