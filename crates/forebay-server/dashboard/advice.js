// Advice on indexes: asked for, shown with its evidence, and applied after a dry run.

import { get, post } from "./api.js";
import { confirm } from "./confirm.js";
import { badge, capital, code, empty, facts, fill, h, toast } from "./element.js";
import { ago, bytes, count, ms, plural } from "./format.js";
import { session, whyNot } from "./session.js";

let root;
let old = "";

async function begin() {
  try {
    await post("advice", { db: session.db });
    toast("Advice is being worked out.");
  } catch (error) {
    toast(`Not begun: ${error.message}.`);
  }
  await advice.load();
}

/** Says what would be run, and runs it on yes. */
async function apply(id, finding) {
  const which = { advice: id, finding: finding.number };
  let plan;
  try {
    plan = await post("advice/apply", { ...which, dry_run: true });
  } catch (error) {
    return toast(`Not possible: ${error.message}.`);
  }
  const text = [
    plan.steps.length > 0
      ? [
          h("p", {}, "This is run on the database, in this order:"),
          code(plan.steps.join(";\n"), "What is run"),
        ]
      : h("p", {}, "Nothing is left to be done."),
    plan.notes.map((note) => h("p", {}, note)),
    plan.undo.length > 0 && [
      h("p", {}, "It can be undone by:"),
      code(plan.undo.join(";\n"), "What undoes it"),
    ],
  ];
  const isDone = await confirm({
    title: `Make an index on ${finding.table}?`,
    text: h("div", {}, text),
    verb: "Make the index",
    work: () => post("advice/apply", { ...which, dry_run: false }),
  });
  if (isDone) toast(`The index on ${finding.table} is made.`);
  await advice.load();
}

function card(id, it) {
  const button = it.is_applied
    ? badge("applied", "good")
    : it.can_apply &&
      session.isAdmin &&
      h("button", { type: "button", class: "main", onclick: () => apply(id, it) }, "Apply…");
  return h(
    "article",
    { class: "card" },
    h(
      "div",
      { class: "head" },
      h("h2", {}, `${capital(it.kind)}${it.table ? ` on ${it.table}` : ""}`),
      h(
        "span",
        {},
        badge(it.is_proven ? "measured" : "estimated", it.is_proven ? "good" : "warn"),
        " ",
        button,
      ),
    ),
    h("p", {}, `${capital(it.message)}.`),
    it.apply.length > 0 && code(it.apply.join(";\n"), "The SQL that does it"),
    it.advice.map((text) => h("p", {}, text)),
    facts([
      ["Saves", `${ms(it.saved_ms)} in all calls counted`],
      ["Takes", it.bytes > 0 && bytes(it.bytes)],
      [
        "Costs writes",
        it.write_us_per_row !== null && `${it.write_us_per_row.toFixed(1)} µs a row`,
      ],
    ]),
    it.effects.length > 0 && effects(it.effects),
  );
}

function effects(all) {
  const row = (it) =>
    h(
      "tr",
      {},
      h(
        "td",
        { class: "wide" },
        h("details", {}, h("summary", {}, h("code", {}, it.statement)), plans(it)),
      ),
      h("td", { class: "number" }, count(it.calls)),
      h("td", { class: "number" }, ms(it.before.ms)),
      h("td", { class: "number" }, ms(it.after.ms)),
    );
  const head = ["Statement", "Calls", "Before", "After"].map((name, at) =>
    h("th", { scope: "col", class: at > 0 ? "number" : "" }, name),
  );
  return h(
    "div",
    {
      class: "scroll short",
      tabindex: 0,
      role: "region",
      "aria-label": "What it means to statements",
    },
    h("table", {}, h("thead", {}, h("tr", {}, head)), h("tbody", {}, all.map(row))),
  );
}

const plans = (it) => [
  h("h4", {}, "Plan now"),
  code(it.plan_before.join("\n"), "Plan now"),
  h("h4", {}, "Plan with it"),
  code(it.plan_after.join("\n"), "Plan with it"),
];

function state({ running, last }) {
  if (running)
    return `Working: a copy of ${running.db} is being tried out, begun ${ago(running.began)}. This may take some minutes.`;
  if (!last) return "No advice was asked for yet.";
  if (last.error) return `The last try, ${ago(last.ended)}, gave none: ${last.error}.`;
  const left =
    last.left_out > 0
      ? ` ${plural(last.left_out, "statement")} left out, of which no text was kept.`
      : "";
  return `Of ${plural(last.queries, "statement")} and ${plural(last.candidates, "possible index", "possible indexes")}, ${ago(last.ended)}.${left}`;
}

function page(it) {
  const { running, last } = it;
  const button =
    session.isAdmin &&
    h(
      "button",
      { type: "button", class: "main", id: "advise", disabled: Boolean(running), onclick: begin },
      last ? "Look again" : "Look for indexes",
    );
  const findings = last?.findings ?? [];
  const refused = last?.refused ?? [];
  return [
    h(
      "div",
      { class: "bar" },
      button,
      h("p", { class: "quiet", role: "status" }, state(it)),
      !session.isAdmin && h("p", { class: "quiet" }, whyNot()),
    ),
    findings.map((finding) => card(last.id, finding)),
    last &&
      !last.error &&
      last.candidates === 0 &&
      refused.length > 0 &&
      empty("No index could be tried.", `${capital(refused[0].reason)}.`),
    last &&
      !last.error &&
      findings.length === 0 &&
      (last.candidates > 0 || refused.length === 0) &&
      empty(
        "No index is worth having.",
        "Of the statements that were counted, none would gain enough to pay for what writes would lose.",
      ),
    !last &&
      !running &&
      empty(
        "What indexes would help?",
        "Statements that were counted are tried out on a private copy of the database, with and without the indexes that they might use. The database itself is only read.",
      ),
    refused.length > 0 &&
      h(
        "details",
        { class: "card" },
        h("summary", {}, `${plural(refused.length, "thing")} looked at and not advised`),
        h(
          "ul",
          {},
          refused.map((one) => h("li", {}, h("code", {}, one.candidate), ` ${one.reason}`)),
        ),
      ),
  ];
}

export const advice = {
  every: () => 2,
  start: (place) => (root = place),
  async load() {
    const it = await get("advice");
    // The age is told in minutes, so that open details stay open while one reads.
    const now = JSON.stringify([it, session.role, it.running ? Date.now() : 0]);
    if (now === old) return;
    old = now;
    fill(root, page(it));
  },
  forget: () => (old = ""),
};
