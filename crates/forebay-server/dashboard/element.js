// Elements. What comes from the server gets into the page as text, and in no other way.

/** An element with attributes, listeners (`onclick`) and children: elements, texts, or nothing. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "width") element.style.width = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  add(element, children);
  return element;
}

function add(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === undefined || child === null || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

/** Puts these in place of what is in an element. */
export function fill(element, ...children) {
  element.replaceChildren();
  add(element, children);
}

export const $ = (id) => document.getElementById(id);

/** With a large letter at its beginning. */
export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** A word with a colour of its own; the colour never says more than the word. */
export const badge = (word, kind = "") => h("span", { class: `badge ${kind}` }, word);

/** What is there to say when there is nothing. */
export const empty = (title, text) =>
  h("div", { class: "empty" }, h("p", { class: "title" }, title), text && h("p", {}, text));

/** SQL, plans and the like, as they stand. */
export const code = (text, label) => h("pre", { tabindex: 0, "aria-label": label }, text);

/** Names with values. */
export const facts = (pairs) =>
  h(
    "dl",
    { class: "facts" },
    pairs
      .filter(([, value]) => value !== undefined && value !== null && value !== "")
      .map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
  );

let timer;

/** Says shortly what was done; screen readers read it out. */
export function toast(text) {
  const place = $("toast");
  place.textContent = text;
  place.classList.add("shown");
  clearTimeout(timer);
  timer = setTimeout(() => place.classList.remove("shown"), 6000);
}
