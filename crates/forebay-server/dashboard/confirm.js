// A question before something is changed.

import { $, fill, h } from "./element.js";

/**
 * Asks, and calls `work` on yes; what it gives is said, and its error is shown in the question.
 * Resolves to whether it was done.
 */
export function confirm({ title, text, verb, work }) {
  const dialog = $("ask");
  const wrong = h("p", { class: "wrong", role: "alert" });
  const yes = h("button", { type: "button", class: "main" }, verb);
  const no = h(
    "button",
    { type: "button", class: "plain", onclick: () => dialog.close() },
    "Cancel",
  );
  fill(
    dialog,
    h("h2", { id: "ask-title" }, title),
    text,
    wrong,
    h("div", { class: "buttons" }, no, yes),
  );
  return new Promise((resolve) => {
    let isDone = false;
    dialog.addEventListener("close", () => resolve(isDone), { once: true });
    yes.addEventListener("click", async () => {
      yes.disabled = true;
      wrong.textContent = "";
      try {
        await work();
        isDone = true;
        dialog.close();
      } catch (error) {
        wrong.textContent = `Not done: ${error.message}.`;
        yes.disabled = false;
      }
    });
    dialog.showModal();
    no.focus();
  });
}
