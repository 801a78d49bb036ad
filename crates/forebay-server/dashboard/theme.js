// Light or dark: as the system says, or as was chosen here. It runs before the page is drawn, so
// that a dark page does not flash.
(() => {
  const words = ["auto", "light", "dark"];
  const key = "forebay-theme";
  const read = () => {
    try {
      return localStorage.getItem(key) ?? "auto";
    } catch {
      return "auto";
    }
  };
  const show = (word) => {
    if (word === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = word;
    const button = document.getElementById("theme");
    if (button) button.textContent = `Theme: ${word}`;
    window.dispatchEvent(new Event("themed"));
  };
  let word = words.includes(read()) ? read() : "auto";
  show(word);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => show(word));
  document.addEventListener("DOMContentLoaded", () => {
    show(word);
    document.getElementById("theme").addEventListener("click", () => {
      word = words[(words.indexOf(word) + 1) % words.length];
      try {
        localStorage.setItem(key, word);
      } catch {
        // Without a store it holds until the page is loaded again.
      }
      show(word);
    });
  });
})();
