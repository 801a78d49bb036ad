// A table of many rows, of which only those in sight are in the page. It sorts by any column, and
// keeps a row's element as long as the row is in sight, so that focus and selection stay.

import { fill, h } from "./element.js";

/** Of one row, in pixels, as the style has it. */
const ROW = 38;

/** Rows beyond those in sight, on either side. */
const MORE = 8;

/**
 * A column is `{ id, title, value, show?, cell?, isNumber?, isLow? }`: `value` is what it is sorted
 * by, `show` its text, `cell` an element instead. `key` tells rows apart.
 */
export class Table {
  constructor({ label, columns, key, sort, empty }) {
    this.columns = columns;
    this.key = key;
    this.sort = sort;
    this.empty = empty;
    this.rows = [];
    this.shown = new Map();
    this.heads = columns.map((column) => this.head(column));
    this.body = h("tbody");
    this.count = h("caption", { class: "unseen" }, label);
    this.table = h("table", {}, this.count, h("thead", {}, h("tr", {}, this.heads)), this.body);
    this.place = h(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": label },
      this.table,
    );
    this.nothing = h("div", { hidden: true });
    this.root = h("div", { class: "grid" }, this.place, this.nothing);
    this.place.addEventListener("scroll", () => this.later());
    new ResizeObserver(() => this.later()).observe(this.place);
  }

  head(column) {
    const turn = () => {
      const isSame = this.sort.by === column.id;
      // Numbers are wanted from the largest on, texts from A on.
      const isDown = isSame ? !this.sort.isDown : column.isNumber === true;
      this.sort = { by: column.id, isDown };
      this.arrange();
    };
    const arrow = h("span", { class: "arrow", "aria-hidden": "true" });
    const button = h(
      "button",
      { type: "button", onclick: turn, title: column.hint },
      column.title,
      arrow,
    );
    const classes = `${column.isNumber ? "number" : ""} ${column.isLow ? "low" : ""} ${column.class ?? ""}`;
    return h("th", { scope: "col", class: classes, "data-column": column.id }, button);
  }

  /** Shows these rows. */
  set(rows) {
    this.rows = rows;
    this.arrange();
  }

  arrange() {
    const { by, isDown } = this.sort;
    const { value } = this.columns.find((column) => column.id === by);
    const sign = isDown ? -1 : 1;
    const keyed = this.rows.map((row) => [value(row), row]);
    keyed.sort(([a], [b]) => {
      // What is not known comes last, either way.
      if (a === null || a === undefined) return b === null || b === undefined ? 0 : 1;
      if (b === null || b === undefined) return -1;
      return sign * (typeof a === "string" ? a.localeCompare(b) : a - b);
    });
    this.sorted = keyed.map(([, row]) => row);
    this.heads.forEach((head, at) => {
      const isBy = this.columns[at].id === by;
      head.setAttribute("aria-sort", isBy ? (isDown ? "descending" : "ascending") : "none");
    });
    this.table.setAttribute("aria-rowcount", this.sorted.length + 1);
    this.nothing.hidden = this.sorted.length > 0;
    this.place.hidden = this.sorted.length === 0;
    if (this.sorted.length === 0) fill(this.nothing, this.empty());
    this.draw();
  }

  later() {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.draw());
  }

  draw() {
    const rows = this.sorted ?? [];
    const height = this.place.clientHeight || 600;
    const first = Math.max(0, Math.floor(this.place.scrollTop / ROW) - MORE);
    const last = Math.min(rows.length, Math.ceil((this.place.scrollTop + height) / ROW) + MORE);
    const old = this.shown;
    this.shown = new Map();
    const elements = rows.slice(first, last).map((row, at) => {
      const key = this.key(row);
      const element =
        old.get(key) ??
        h(
          "tr",
          {},
          this.columns.map((it) => this.cell(it)),
        );
      element.setAttribute("aria-rowindex", first + at + 2);
      this.columns.forEach((column, cell) => show(column, row, element.cells[cell]));
      this.shown.set(key, element);
      return element;
    });
    const wanted = [gap(first * ROW), ...elements, gap((rows.length - last) * ROW)].filter(Boolean);
    place(this.body, wanted);
  }

  cell(column) {
    const classes = `${column.isNumber ? "number" : ""} ${column.isLow ? "low" : ""} ${column.class ?? ""}`;
    return h("td", { class: classes });
  }
}

/** Puts what is to be shown into a cell, if that is something else than what is there. */
function show(column, row, cell) {
  if (column.cell) {
    const is = column.same?.(row) ?? row;
    if (cell.of !== is) fill(cell, column.cell(row));
    cell.of = is;
    return;
  }
  const text = column.show(column.value(row), row);
  if (cell.textContent !== text) cell.textContent = text;
}

function gap(height) {
  if (height <= 0) return null;
  const cell = h("td", { class: "gap" });
  cell.style.height = `${height}px`;
  return h("tr", { "aria-hidden": "true", class: "gap" }, cell);
}

/** Makes these the children, moving as few as can be: what is moved loses its focus. */
function place(parent, wanted) {
  const stays = new Set(wanted);
  for (const child of [...parent.children]) if (!stays.has(child)) child.remove();
  let at = parent.firstElementChild;
  for (const element of wanted) {
    if (element === at) at = at.nextElementSibling;
    else parent.insertBefore(element, at);
  }
}
