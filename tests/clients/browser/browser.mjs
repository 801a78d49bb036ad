// A browser with one page, and a way between it and the service that can be cut.
import assert from "node:assert/strict";
import net from "node:net";
import { chromium } from "playwright-core";

// It must reach nobody but the service, and needs no sandbox of its own on a test machine.
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** The longest that anything may take to show. */
const PATIENCE_MS = 30_000;

/** Opens a page that fails the test with whatever goes wrong in it. */
export async function open(executablePath, url) {
  const browser = await chromium.launch({ executablePath, args: FLAGS });
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 } });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const seen = { errors: [], strangers: [], urls: [] };
  page.on("pageerror", (error) => seen.errors.push(error.stack));
  page.on("console", (message) => {
    // An answer that is an error is told by the browser, too; the page has to deal with it.
    const isAnswer = message.text().startsWith("Failed to load resource");
    if (["error", "warning"].includes(message.type()) && !isAnswer)
      seen.errors.push(message.text());
  });
  page.on("request", (request) => {
    seen.urls.push(request.url());
    if (!request.url().startsWith(url)) seen.strangers.push(request.url());
  });
  return { browser, page, seen };
}

/** Waits until `holds` gives something, and gives that. */
export async function until(holds, what) {
  const start = Date.now();
  for (;;) {
    const found = await holds();
    if (found) return found;
    assert.ok(Date.now() - start < PATIENCE_MS, `waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A way to the service at `url`, on a port of its own. */
export async function wayTo(url) {
  const { hostname, port } = new URL(url);
  const sockets = new Set();
  const server = net.createServer((near) => {
    const far = net.connect(port, hostname);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ]) {
      sockets.add(one);
      one.pipe(other);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        sockets.delete(one);
        other.destroy();
      });
    }
  });
  const listen = (on) => new Promise((resolve) => server.listen(on, "127.0.0.1", resolve));
  await listen(0);
  const own = server.address().port;
  return {
    url: `http://127.0.0.1:${own}`,
    async cut() {
      const closed = new Promise((resolve) => server.close(resolve));
      sockets.forEach((socket) => socket.destroy());
      await closed;
    },
    mend: () => listen(own),
  };
}
