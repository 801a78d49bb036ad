// The stream of figures: read as it comes, and begun again whenever it breaks. By `fetch` and not
// by EventSource, which could not send the token.

import { ask } from "./api.js";

/** An event comes once a second; without one for so long the connection counts as lost. */
const SILENCE_MS = 5000;
const PAUSE_MS_MIN = 500;
const PAUSE_MS_MAX = 8000;

/** Calls `heard.past(events)`, `heard.beat(event)` and `heard.state("live" | "lost" | "refused")`. */
export function listen(heard) {
  const stop = new AbortController();
  let wake = () => {};
  let pause = PAUSE_MS_MIN;

  async function once() {
    const attempt = new AbortController();
    const end = () => attempt.abort();
    stop.signal.addEventListener("abort", end);
    let silence = setTimeout(end, SILENCE_MS);
    try {
      const response = await ask("live", { signal: attempt.signal });
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        clearTimeout(silence);
        silence = setTimeout(end, SILENCE_MS);
        text += value;
        let at;
        while ((at = text.indexOf("\n\n")) >= 0) {
          tell(text.slice(0, at));
          text = text.slice(at + 2);
        }
      }
    } finally {
      clearTimeout(silence);
      stop.signal.removeEventListener("abort", end);
    }
  }

  function tell(event) {
    const field = (name) => new RegExp(`^${name}: (.*)$`, "m").exec(event)?.[1];
    const data = field("data");
    if (data === undefined) return;
    pause = PAUSE_MS_MIN;
    heard.state("live");
    if (field("event") === "past") heard.past(JSON.parse(data));
    else heard.beat(JSON.parse(data));
  }

  async function run() {
    while (!stop.signal.aborted) {
      let state = "lost";
      try {
        await once();
      } catch (error) {
        if (error.status === 401) return heard.state("refused");
        if (error.status > 0) state = error.message;
      }
      if (stop.signal.aborted) return;
      heard.state(state);
      await new Promise((resolve) => {
        wake = resolve;
        setTimeout(resolve, pause);
      });
      pause = Math.min(pause * 2, PAUSE_MS_MAX);
    }
  }

  const hurry = () => {
    pause = PAUSE_MS_MIN;
    wake();
  };
  window.addEventListener("online", hurry, { signal: stop.signal });
  document.addEventListener("visibilitychange", hurry, { signal: stop.signal });
  run();
  return () => {
    stop.abort();
    wake();
  };
}
