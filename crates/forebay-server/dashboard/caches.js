// The caches: of the databases, and those that an application keeps beside them.

import { get, post } from "./api.js";
import { confirm } from "./confirm.js";
import { badge, empty, facts, fill, h, toast } from "./element.js";
import { bytes, count, percent } from "./format.js";
import { session, whyNot } from "./session.js";

let root;
let isBusy = false;

async function clear(title, what) {
  const isDone = await confirm({
    title: `Clear ${title}?`,
    text: h(
      "p",
      {},
      "Everything in it is dropped, and read again when it is asked for. Until then more goes to the database.",
    ),
    verb: "Clear it",
    work: () => post("cache/clear", { all: true, ...what }),
  });
  if (isDone) toast(`${title} is cleared.`);
  await caches.load();
}

async function setMode(db, mode) {
  try {
    await post("cache/mode", { db, mode });
    toast(`The cache of ${db} is ${mode}.`);
  } catch (error) {
    toast(`Not done: ${error.message}.`);
  }
  await caches.load();
}

function modes(db, mode) {
  if (!session.isAdmin) return badge(mode, mode === "on" ? "good" : "warn");
  const button = (word) =>
    h(
      "button",
      { type: "button", "aria-pressed": String(word === mode), onclick: () => setMode(db, word) },
      word,
    );
  return h(
    "div",
    { class: "choice", role: "group", "aria-label": `Cache of ${db}` },
    ["on", "shadow", "off"].map(button),
  );
}

const button = (title, what) =>
  session.isAdmin &&
  h("button", { type: "button", class: "plain", onclick: () => clear(title, what) }, "Clear…");

function room(it) {
  const share = it.bytes_max > 0 ? it.bytes / it.bytes_max : 0;
  return h("div", { class: "room" }, h("div", { class: "bar-line", width: `${100 * share}%` }));
}

const sums = (it) => [
  ["Answers kept", count(it.entries)],
  ["Room", `${bytes(it.bytes)} of ${bytes(it.bytes_max)}`],
  ["Hits", count(it.hits)],
  ["Misses", count(it.misses)],
];

function ofDatabase([name, it]) {
  const why = Object.entries(it.bypasses)
    .sort(([, a], [, b]) => b - a)
    .slice(0, 6);
  return h(
    "article",
    { class: "card" },
    h(
      "div",
      { class: "head" },
      h("h2", {}, `Answers of ${name}`),
      h(
        "span",
        { class: "buttons" },
        modes(name, it.mode),
        button(`the cache of ${name}`, { db: name }),
      ),
    ),
    it.off_because && h("p", { class: "wrong" }, `Nothing is cached: ${it.off_because}`),
    h(
      "p",
      { class: "now" },
      h("span", { class: "value" }, percent(it.hit_ratio)),
      h("span", { class: "quiet" }, "answered from memory, of what may be kept"),
    ),
    room(it),
    facts([
      ...sums(it),
      ["Dropped by changes", count(it.invalidations)],
      ["Dropped for room", count(it.evictions)],
      ["All dropped", count(it.flushes)],
      ["Compared with the database", `${count(it.audit.compared)}, ${it.audit.differing} differed`],
    ]),
    why.length > 0 && [
      h("h3", {}, "Went past the cache"),
      facts(why.map(([reason, n]) => [reason.replaceAll("_", " "), count(n)])),
    ],
  );
}

function ofApplication([name, it]) {
  return h(
    "article",
    { class: "card" },
    h(
      "div",
      { class: "head" },
      h("h2", {}, `Cache ${name}`),
      button(`the cache ${name}`, { cache: name }),
    ),
    h(
      "p",
      { class: "now" },
      h("span", { class: "value" }, percent(it.hit_ratio)),
      h("span", { class: "quiet" }, "answered from it"),
    ),
    room(it),
    facts([
      ...sums(it),
      ["Loads", count(it.loads)],
      ["Failed loads", count(it.failures)],
      ["Loading now", count(it.loading)],
    ]),
  );
}

export const caches = {
  every: () => 2,
  start: (place) => (root = place),
  async load() {
    if (isBusy) return;
    isBusy = true;
    try {
      const all = await get("cache/stats");
      const cards = [
        ...Object.entries(all.databases).map(ofDatabase),
        ...Object.entries(all.caches).map(ofApplication),
      ];
      // Whoever is on a button by keyboard stays there.
      const at = [...root.querySelectorAll("button")].indexOf(document.activeElement);
      fill(
        root,
        whyNot() && h("p", { class: "quiet" }, whyNot()),
        cards.length > 0 ? cards : empty("There is no cache here."),
      );
      if (at >= 0) root.querySelectorAll("button")[at]?.focus();
    } finally {
      isBusy = false;
    }
  },
};
