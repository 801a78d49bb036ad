// Statements that are run once for each of many keys, where one would do.

import { get } from "./api.js";
import { badge, capital, code, empty, facts, fill, h } from "./element.js";
import { count, ms, plural } from "./format.js";
import { ofDb } from "./session.js";

const KINDS = {
  proven: ["N+1, proven", "bad"],
  likely: ["N+1, likely", "warn"],
  writes: ["single writes", "warn"],
  duplicate: ["asked again", ""],
};

function card(it) {
  return h(
    "article",
    { class: "card", tabindex: -1 },
    h(
      "div",
      { class: "head" },
      h("h2", {}, `${ms(it.lost_ms)} lost in ${plural(it.executions, "call")}`),
      badge(...(KINDS[it.kind] ?? [it.kind])),
    ),
    code(it.statement, "Repeated statement"),
    it.source && [
      h("p", { class: "quiet" }, `Its keys come from ${it.source.column} of`),
      code(it.source.statement, "Where the keys come from"),
    ],
    h("p", {}, `${capital(it.evidence)}.`),
    facts([
      ["Scopes", count(it.scopes)],
      ["Most in one scope", count(it.most)],
      ["From memory", count(it.from_memory)],
      ["Begun by", it.entry_points.join(", ")],
      ["Called at", it.caller],
    ]),
    h("h3", {}, "What to do"),
    code(it.cure, "What to do"),
  );
}

let root;
let old = "";

export const repeats = {
  every: () => 10,
  start: (place) => (root = place),
  async load() {
    const { findings } = await get(ofDb("repeats?limit=200"));
    // A page that is read is not to be made anew for nothing.
    const now = JSON.stringify(findings);
    if (now === old) return;
    old = now;
    fill(
      root,
      findings.length > 0
        ? findings.map(card)
        : empty(
            "No statement is repeated where one would do.",
            "Watched are statements of a scope: a transaction, a trace id in a comment, or what an application has opened with forebay::scope.",
          ),
    );
  },
  forget: () => (old = ""),
};
