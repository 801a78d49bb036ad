// The page as a whole: which view is shown and kept up to date, who has signed in, and whether the
// service is there.

import { advice } from "./advice.js";
import { hasToken, setToken } from "./api.js";
import { caches } from "./caches.js";
import { $, fill, h } from "./element.js";
import { clock } from "./format.js";
import { health } from "./health.js";
import { listen } from "./live.js";
import { maintenance } from "./maintenance.js";
import { overview } from "./overview.js";
import { add, addPast, choose } from "./plots.js";
import { repeats } from "./repeats.js";
import { enter, session } from "./session.js";
import { settings } from "./settings.js";
import { slow } from "./slow.js";
import { statements } from "./statements.js";

const VIEWS = {
  overview,
  statements,
  slow,
  repeats,
  indexes: advice,
  health,
  maintenance,
  caches,
  settings,
};

let shown = null;
let timer;
let hangUp = () => {};
let heardAt = null;
let state = "";

for (const [name, view] of Object.entries(VIEWS)) {
  view.start(document.querySelector(`#view-${name} .view`));
}

/** Shows the view that the address names. */
function show(isMove) {
  const named = location.hash.slice(1);
  shown = named in VIEWS ? named : "overview";
  for (const section of document.querySelectorAll("main > section")) {
    section.hidden = section.id !== `view-${shown}`;
  }
  for (const link of $("tabs").children) {
    if (link.hash === `#${shown}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = shown === "overview" ? "Forebay" : `${$(`h-${shown}`).textContent} – Forebay`;
  if (isMove) $(`h-${shown}`).focus({ preventScroll: true });
  if (isMove) scrollTo(0, 0);
  refresh();
}

/** Loads what is shown, now and again. */
async function refresh() {
  clearTimeout(timer);
  const name = shown;
  const view = VIEWS[name];
  const place = $(`view-${name}`);
  try {
    if (!document.hidden && !document.querySelector("dialog[open]")) await view.load();
    place.querySelector(":scope > .wrong")?.remove();
  } catch (error) {
    if (error.status === 401) return;
    // A lost connection is told once, above.
    if (!error.isLost) {
      place.querySelector(":scope > .wrong")?.remove();
      place
        .querySelector("h1")
        .after(h("p", { class: "wrong" }, `This cannot be shown: ${error.message}.`));
    }
  }
  if (name !== shown) return;
  clearTimeout(timer);
  const seconds = view.every();
  if (seconds > 0) timer = setTimeout(refresh, seconds * 1000);
}

function connection(now) {
  if (now === "refused" || now === state) return;
  const was = state;
  state = now;
  const isLive = now === "live";
  document.body.classList.toggle("is-lost", !isLive);
  $("link").classList.toggle("live", isLive);
  $("link-text").textContent = isLive ? "Live" : "Not connected";
  const since = heardAt === null ? "" : ` What is shown is from ${clock(heardAt)}.`;
  const why =
    now === "lost" ? "The connection to the service is lost" : `There are no live figures: ${now}`;
  $("lost").hidden = isLive;
  $("lost").textContent = isLive ? "" : `${why}. Trying again.${since}`;
  if (isLive && was !== "") refresh();
}

/** Finds out who we are, and begins. */
async function begin() {
  hangUp();
  try {
    await enter();
  } catch (error) {
    if (error.status === 401) return;
    connection(error.isLost ? "lost" : error.message);
    setTimeout(begin, 2000);
    return;
  }
  $("tabs").hidden = false;
  $("who").textContent = `${session.name} (${session.isAdmin ? "admin" : "read only"})`;
  $("sign-in").hidden = hasToken() || !session.canChange;
  $("sign-out").hidden = !hasToken();
  $("version").textContent = `Forebay ${session.version}`;
  $("pick-db").hidden = session.databases.length < 2;
  fill(
    $("db"),
    session.databases.map((name) =>
      h("option", { value: name, selected: name === session.db }, name),
    ),
  );
  forget();
  choose(session.db);
  hangUp = listen({
    past(events) {
      heardAt = events.at(-1)?.at ?? heardAt;
      addPast(events);
    },
    beat(event) {
      heardAt = event.at;
      add(event);
    },
    state: connection,
  });
  show(false);
}

const forget = () => Object.values(VIEWS).forEach((view) => view.forget?.());

/** Asks for a token. */
function askToken(why) {
  clearTimeout(timer);
  hangUp();
  shown = null;
  $("tabs").hidden = true;
  $("lost").hidden = true;
  for (const section of document.querySelectorAll("main > section")) {
    section.hidden = section.id !== "view-sign-in";
  }
  $("link-text").textContent = "Signed out";
  $("link").classList.remove("live");
  $("who").textContent = "";
  $("sign-out").hidden = true;
  $("sign-in").hidden = true;
  $("sign-why").textContent = why;
  state = "";
  $("token").focus();
}

window.addEventListener("signed-out", ({ detail }) => {
  const isWrong = detail.code !== "TOKEN_MISSING";
  if (isWrong) setToken(null);
  askToken(isWrong ? `Not let in: ${detail.message}.` : "");
});
window.addEventListener("hashchange", () => shown !== null && show(true));
document.addEventListener(
  "visibilitychange",
  () => shown !== null && !document.hidden && refresh(),
);
$("sign-form").addEventListener("submit", (event) => {
  event.preventDefault();
  setToken($("token").value.trim());
  $("token").value = "";
  $("sign-why").textContent = "";
  begin();
});
$("sign-in").addEventListener("click", () => askToken(""));
$("sign-out").addEventListener("click", () => {
  setToken(null);
  location.reload();
});
$("db").addEventListener("change", () => {
  session.db = $("db").value;
  choose(session.db);
  forget();
  refresh();
});
begin();
