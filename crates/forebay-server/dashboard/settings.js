// The settings in force, which are looked at, and the level of the log, which can be changed.

import { get, post } from "./api.js";
import { empty, fill, h, toast } from "./element.js";
import { plural } from "./format.js";
import { session, whyNot } from "./session.js";

let root;

async function level() {
  let it;
  try {
    it = await get("log");
  } catch (error) {
    // Whoever carries the service may have no way to change it.
    if (error.status === 404) return null;
    throw error;
  }
  const field = h("input", {
    id: "level",
    value: it.level,
    spellcheck: "false",
    autocomplete: "off",
    disabled: !session.isAdmin,
  });
  const set = async (event) => {
    event.preventDefault();
    try {
      const now = await post("log", { level: field.value });
      field.value = now.level;
      toast(`The level of the log is ${now.level}.`);
    } catch (error) {
      toast(`Not done: ${error.message}.`);
    }
  };
  return h(
    "form",
    { class: "card", onsubmit: set },
    h("h2", {}, "Level of the log"),
    h(
      "div",
      { class: "bar" },
      h("label", { for: "level" }, "Level"),
      field,
      session.isAdmin && h("button", { type: "submit", class: "plain" }, "Set"),
    ),
    h(
      "p",
      { class: "quiet" },
      "error, warn, info, debug or trace; or by module, as in warn,forebay_server=debug. It holds until the service stops.",
    ),
  );
}

/** What was configured: what differs from the defaults, and below it the rest. */
function configured(all) {
  const own = all.filter((it) => it.origin !== "default");
  const others = all.filter((it) => it.origin === "default");
  const row = (it) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, h("code", {}, it.key)),
      h("td", { class: "wide" }, it.value ?? h("span", { class: "quiet" }, "not set")),
      h("td", { class: "quiet" }, it.origin),
    );
  const titles = ["Key", "Value", "From"].map((it) => h("th", { scope: "col" }, it));
  const table = (rows) =>
    h(
      "table",
      { class: "texts" },
      h("thead", {}, h("tr", {}, titles.map((it) => it.cloneNode(true)))),
      h("tbody", {}, rows.map(row)),
    );
  return h(
    "div",
    { class: "card", id: "configured" },
    h("h2", {}, "Configuration"),
    own.length > 0 ? table(own) : h("p", { class: "quiet" }, "Everything is as by default."),
    h(
      "details",
      {},
      h("summary", {}, `${plural(others.length, "setting")} as by default`),
      table(others),
    ),
  );
}

export const settings = {
  every: () => 0,
  start: (place) => (root = place),
  async load() {
    const { settings: all, configuration } = await get("config");
    const rows = Object.entries(all).map(([name, value]) =>
      h(
        "tr",
        {},
        h("th", { scope: "row" }, h("code", {}, name)),
        h("td", { class: "wide" }, value),
      ),
    );
    const head = h(
      "thead",
      {},
      h(
        "tr",
        {},
        ["Setting", "Value"].map((it) => h("th", { scope: "col" }, it)),
      ),
    );
    const table = h(
      "div",
      { class: "card" },
      h("h2", {}, "In force"),
      h("table", { class: "texts" }, head, h("tbody", {}, rows)),
    );
    fill(
      root,
      whyNot() && h("p", { class: "quiet" }, whyNot()),
      await level(),
      configuration.length > 0 && configured(configuration),
      rows.length > 0 ? table : empty("No settings are told."),
    );
  },
};
