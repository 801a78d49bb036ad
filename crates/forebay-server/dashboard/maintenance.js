// What is done for a database on a schedule, how it has ended, and having it done now.

import { get, post } from "./api.js";
import { confirm } from "./confirm.js";
import { badge, empty, fill, h, toast } from "./element.js";
import { ago, clock, ms } from "./format.js";
import { session, whyNot } from "./session.js";

const KIND = { done: "good", unfinished: "warn", skipped: "note", failed: "bad", stopped: "warn" };

/** Runs that are listed. */
const RUNS = 50;

let root;
let old = "";

async function run(task) {
  let answer;
  const isAsked = await confirm({
    title: `Run ${task} now?`,
    text: h(
      "p",
      {},
      "It is run whatever its schedule and its window say. What it does to the database is what the configuration says of it.",
    ),
    verb: "Run it",
    work: async () => (answer = await post("maintenance/run", { db: session.db, task })),
  });
  if (isAsked)
    toast(answer.run ? `${task}: ${answer.run.outcome}.` : `${task} runs, and takes its time.`);
  await maintenance.load();
}

/** When it will be, by the clock, and with the day if that is another one. */
function at(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  const day = new Date(seconds * 1000);
  const isToday = day.toDateString() === new Date().toDateString();
  return isToday ? clock(seconds) : `${day.toLocaleDateString("en-CA")} ${clock(seconds)}`;
}

/** A title of `When` is of a column that narrow screens do without. */
const head = (titles) =>
  h(
    "thead",
    {},
    h(
      "tr",
      {},
      titles.map((it) => h("th", { scope: "col", class: it === "When" && "low" }, it)),
    ),
  );

const said = (lines) =>
  lines.length > 0 && h("div", { class: "quiet" }, lines.join("; "));

const task = (it) =>
  h(
    "tr",
    {},
    h("th", { scope: "row" }, it.task),
    h("td", { class: "low" }, it.schedule),
    h(
      "td",
      { class: "time" },
      it.running_since === null
        ? at(it.next)
        : badge(`running since ${clock(it.running_since)}`, "note"),
    ),
    h(
      "td",
      { class: "wide said" },
      it.last
        ? [badge(it.last.outcome, KIND[it.last.outcome]), ` ${ago(it.last.began)}`]
        : h("span", { class: "quiet" }, "never, as far as is known"),
      it.last && ["failed", "skipped"].includes(it.last.outcome) && said(it.last.said),
    ),
    session.isAdmin &&
      h(
        "td",
        {},
        h(
          "button",
          {
            type: "button",
            class: "plain",
            disabled: it.running_since !== null,
            "aria-label": `Run ${it.task} now`,
            onclick: () => run(it.task),
          },
          "Run now…",
        ),
      ),
  );

const past = (it) =>
  h(
    "tr",
    {},
    h("td", { class: "time" }, at(it.began)),
    h("th", { scope: "row" }, it.task),
    h("td", {}, badge(it.outcome, KIND[it.outcome])),
    h("td", { class: "number" }, ms(it.took_ms)),
    h("td", { class: "wide said" }, said(it.said)),
  );

function table(label, titles, rows) {
  return h(
    "div",
    { class: "scroll tall", tabindex: 0, role: "region", "aria-label": label },
    h("table", { class: "texts" }, head(titles), h("tbody", {}, rows)),
  );
}

function page(it) {
  if (!it)
    return empty(
      "Nothing is done on a schedule.",
      "Tasks such as health checks, VACUUM or deleting what is old stand in the configuration, under [[maintenance.task]].",
    );
  const titles = ["Task", "When", "Next", "Last", session.isAdmin && ""].filter((it) => it !== false);
  return [
    whyNot() && h("p", { class: "quiet" }, whyNot()),
    !it.is_leading &&
      h(
        "p",
        { class: "quiet", role: "status" },
        "Another process maintains this database now; this one goes on when that ends.",
      ),
    table("Tasks", titles, it.tasks.map(task)),
    h("h3", {}, "Last runs"),
    it.runs.length > 0
      ? table("Last runs", ["Began", "Task", "Ended", "Took", "What was done"], it.runs.map(past))
      : empty("No task has run yet."),
  ];
}

export const maintenance = {
  every: () => 2,
  start: (place) => (root = place),
  async load() {
    const it = (await get(`maintenance?limit=${RUNS}`)).databases[session.db];
    // Whoever is on a button or in a table stays there while nothing changes.
    const now = JSON.stringify([it, session.role, session.db]);
    if (now === old) return;
    old = now;
    const at = [...root.querySelectorAll("button")].indexOf(document.activeElement);
    fill(root, page(it));
    if (at >= 0) root.querySelectorAll("button")[at]?.focus();
  },
  forget: () => (old = ""),
};
