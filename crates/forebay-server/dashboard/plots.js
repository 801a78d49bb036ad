// The plots: one card each, with the figure of now in words and the last five minutes as lines.

import { bytes, count, ms, percent, rate, short } from "./format.js";
import { $, h } from "./element.js";

/** How much of the past is shown, and kept. */
const SPAN_S = 300;

/** Without an event for so long, the line is broken. */
const GAP_S = 3;

const CARDS = [
  {
    id: "throughput",
    title: "Statements a second",
    lines: [
      ["all", (it) => it.calls],
      ["from memory", (it) => it.hits],
    ],
    show: rate,
  },
  {
    id: "time",
    title: "Time at the database",
    lines: [
      ["p50", (it) => it.p50_ms],
      ["p99", (it) => it.p99_ms],
    ],
    show: ms,
    isLog: true,
  },
  {
    id: "hit-ratio",
    title: "Answered from memory",
    lines: [["of what may be kept", (it) => it.hit_ratio]],
    show: percent,
    max: 1,
  },
  {
    id: "pool",
    title: "Connections",
    lines: [
      ["in use", (it) => sum(it, "in_use")],
      ["waited for", (it) => sum(it, "waiting")],
    ],
    show: count,
    floor: 4,
    steps: [1, 2, 5, 10, 20, 50, 100, 200, 500],
  },
  {
    id: "drops",
    title: "Answers dropped a second",
    lines: [
      ["by changes", (it) => it.invalidations],
      ["for room", (it) => it.evictions],
    ],
    show: rate,
    more: (it) => `${count(it.entries)} kept, ${bytes(it.bytes)} of ${bytes(it.bytes_max)}`,
  },
  {
    id: "errors",
    title: "Errors a second",
    lines: [["failed", (it) => it.errors]],
    show: rate,
    floor: 1,
    colours: ["--bad"],
  },
  {
    id: "lag",
    title: "Behind the server",
    lines: [["lag", (it) => it.replication?.lag_ms]],
    show: ms,
    when: (it) => it.replication !== null && it.replication !== undefined,
  },
];

const sum = (it, what) => Object.values(it.pools).reduce((all, pool) => all + pool[what], 0);

/** What has come: the times, and the figures of all databases. */
let events = [];
let db = null;
let cards = [];

/** The last figures of the database that is shown. */
export const latest = () => events.at(-1)?.databases[db];

/** Shows another database, or the first one. */
export function choose(name) {
  db = name;
  build();
}

export function addPast(past) {
  const last = events.at(-1)?.at ?? 0;
  past.filter((it) => it.at > last).forEach(keep);
  build();
}

export function add(event) {
  if (event.at <= (events.at(-1)?.at ?? 0)) return;
  keep(event);
  const isMissing = wanted().length !== cards.length;
  if (isMissing) build();
  else draw();
}

function keep(event) {
  const last = events.at(-1);
  if (last && event.at - last.at > GAP_S) {
    events.push({ at: last.at + 1, databases: {} }, { at: event.at - 1, databases: {} });
  }
  events.push(event);
  const oldest = event.at - SPAN_S - GAP_S;
  while (events[0].at < oldest) events.shift();
}

function wanted() {
  const now = latest();
  return CARDS.filter((card) => !card.when || (now && card.when(now)));
}

function build() {
  cards.forEach((card) => card.plot?.destroy());
  cards = wanted().map(make);
  $("plots").replaceChildren(...cards.map((card) => card.figure));
  cards.forEach((card) => (card.plot = plot(card)));
  draw();
}

function make(card) {
  const values = card.lines.map(([name], at) => ({
    name,
    value: h("span", { class: "value" }, "–"),
    mark: h("span", { class: `mark line-${at}`, "aria-hidden": "true" }),
  }));
  const [first, ...others] = values;
  const note = h("span", { class: "quiet note" });
  const place = h("div", {
    class: "plot",
    role: "img",
    "aria-label": `${card.title}, last five minutes`,
  });
  const legend = (it) => h("span", { class: "legend" }, it.mark, it.name);
  const figure = h(
    "figure",
    { class: "card figure", id: `plot-${card.id}` },
    h(
      "figcaption",
      {},
      h("h2", {}, card.title),
      h("p", { class: "now" }, first.value, values.length > 1 && legend(first)),
      others.map((it) => h("p", { class: "then" }, it.value, legend(it))),
      card.more && note,
    ),
    place,
  );
  return { ...card, figure, values, note, place };
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function plot(card) {
  const colours = card.colours ?? ["--line-0", "--line-1"];
  const axis = {
    stroke: colour("--quiet"),
    grid: { stroke: colour("--grid"), width: 1 },
    ticks: { show: false },
    font: "11px system-ui, sans-serif",
  };
  const options = {
    width: Math.max(card.place.clientWidth, 120),
    height: 132,
    legend: { show: false },
    padding: [8, 8, 0, 0],
    cursor: {
      y: false,
      drag: { setScale: false, x: false, y: false },
      sync: { key: "forebay" },
      points: { size: 6 },
    },
    scales: {
      x: { time: true },
      y: card.isLog
        ? { distr: 3, range: decades }
        : { range: (_, low, high) => [0, card.max ?? roomy(high, card.floor ?? 0)] },
    },
    axes: [
      {
        ...axis,
        space: 70,
        size: 22,
        gap: 4,
        grid: { show: false },
        values: (_, all) => all.map(minute),
      },
      {
        ...axis,
        space: card.isLog ? 20 : 34,
        ...(card.isLog && { filter: tens, grid: { ...axis.grid, filter: tens } }),
        size: 56,
        gap: 6,
        values: (_, all) => all.map((it) => tick(card, it)),
        ...(card.steps && { incrs: card.steps }),
      },
    ],
    series: [
      {},
      ...card.lines.map(([label], at) => ({
        label,
        stroke: colour(colours[at]),
        width: at === 0 ? 1.75 : 1.5,
        fill: at === 0 && !card.isLog ? colour("--fill") : undefined,
        points: { show: false },
      })),
    ],
    hooks: { setCursor: [(it) => tell(card, it.cursor.idx)] },
  };
  // uPlot is a script of its own, and so a name of the window.
  return new window.uPlot(options, data(card), card.place);
}

/** The top of a scale: some room above, and never nothing. */
function roomy(high, floor) {
  const top = Math.max(high ?? 0, floor);
  return top > 0 ? top * 1.15 : 1;
}

/** Whole powers of ten around what is there. */
function decades(_, low, high) {
  const [from, to] = [Math.max(low ?? 0.1, 0.001), Math.max(high ?? 1, 0.002)];
  return [10 ** Math.floor(Math.log10(from)), 10 ** Math.ceil(Math.log10(to))];
}

/** Of a scale's steps, the powers of ten. */
const tens = (_, steps) => steps.map((it) => (Number.isInteger(round(Math.log10(it))) ? it : null));
const round = (it) => Math.round(it * 1e6) / 1e6;

/** The figure at an axis, without decimals that say nothing. Some have none. */
const tick = (card, value) => (value === null ? null : value === 0 ? "0" : short(card.show(value)));

const minute = (seconds) =>
  new Date(seconds * 1000).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });

function data(card) {
  const of = (event, value) => {
    const figures = event.databases[db];
    return figures ? (value(figures) ?? null) : null;
  };
  return [
    events.map((it) => it.at),
    ...card.lines.map(([, value]) => events.map((it) => of(it, value))),
  ];
}

function draw() {
  const end = events.at(-1)?.at ?? Date.now() / 1000;
  for (const card of cards) {
    tell(card, null);
    if (document.hidden || card.place.clientWidth === 0) continue;
    card.plot.batch(() => {
      card.plot.setData(data(card), false);
      card.plot.setScale("x", { min: end - SPAN_S, max: end });
      // The other scale follows what is seen.
      card.plot.setScale("y", { min: null, max: null });
    });
  }
}

/** Says the figures of the moment under the pointer, or of now. */
function tell(card, at) {
  const event = at === null || at === undefined ? events.at(-1) : events[at];
  const figures = event?.databases[db];
  card.lines.forEach(([, value], line) => {
    const text = figures ? card.show(value(figures)) : "–";
    const place = card.values[line].value;
    if (place.textContent !== text) place.textContent = text;
  });
  if (card.more) card.note.textContent = figures ? card.more(figures) : "";
}

new ResizeObserver(() => {
  for (const card of cards) {
    const width = card.place.clientWidth;
    if (card.plot && width > 0 && width !== card.plot.width)
      card.plot.setSize({ width, height: 132 });
  }
  draw();
}).observe(document.getElementById("plots"));

window.addEventListener("themed", () => cards.length > 0 && build());
document.addEventListener("visibilitychange", () => document.hidden || draw());
