// The dashboard, as a person uses it, against a live service: node dashboard.mjs URL BROWSER, with
// the tokens that the Rust test has given the service.
import assert from "node:assert/strict";
import { open, until, wayTo } from "./browser.mjs";
import { client, fill, HOSTILE, traffic } from "./traffic.mjs";

const [service, executable] = process.argv.slice(2);
assert.ok(service && executable, "usage: node dashboard.mjs URL BROWSER");
const [READER, ADMIN] = ["look-at-it", "change-it"];

// A script that hangs must end by itself.
setTimeout(() => {
  console.error("the script did not end in time");
  process.exit(1);
}, 300_000).unref();

const way = await wayTo(service);
const { browser, page, seen } = await open(executable, way.url);
const user = client(service, READER);
const admin = client(service, ADMIN);
const steps = [];

async function step(name, work) {
  const start = Date.now();
  try {
    await work();
  } catch (error) {
    const file = `${process.env.SHOTS ?? "."}/failed.png`;
    await page.screenshot({ path: file }).catch(() => {});
    console.error(
      `in "${name}" (${page.url()}): ${error.stack}\nshown: ${await page
        .locator("main")
        .innerText()
        .catch(() => "")}`,
    );
    process.exit(1);
  }
  steps.push(`${name} ${Date.now() - start} ms`);
}

const text = (selector) => page.locator(selector).first().innerText();
const is = async (selector, wanted) => {
  let found;
  const holds = async () => wanted.test((found = await text(selector)));
  try {
    await until(holds, `${selector} ${wanted}`);
  } catch (error) {
    throw new Error(`${error.message}, but found ${JSON.stringify(found)}`);
  }
};
const view = async (name) => {
  await page.click(`#tabs a[href="#${name}"]`);
  await page.locator(`#view-${name}`).waitFor();
};

async function signIn(token) {
  await page.fill("#token", token);
  await page.click("#sign-form button");
}

/** The first figures of a column, as they are shown. */
const column = (name) =>
  page.evaluate((name) => {
    const table = document.querySelector("#view-statements table");
    const at = [...table.tHead.rows[0].cells].findIndex((cell) => cell.dataset.column === name);
    return [...table.tBodies[0].rows]
      .filter((row) => !row.className)
      .map((row) => row.cells[at].textContent);
  }, name);

await step("nobody is let in without a token, and none is in the address", async () => {
  await page.goto(way.url);
  await page.locator("#token").waitFor();
  await signIn("wrong");
  await is("#sign-why", /Not let in/);
  await signIn(ADMIN);
  await is("#link-text", /^Live$/);
  await is("#who", /admin/);
  assert.ok(seen.urls.every((url) => !url.includes(ADMIN) && !url.includes("wrong")));
});

await step("with nothing there, it says so", async () => {
  // What maintenance has looked at when it began is the only thing, if that has been already.
  await is("#heavy", /No statement has run yet|maintenance/);
  for (const [name, words] of [
    ["slow", /Nothing was slow/],
    ["repeats", /No statement is repeated/],
    ["indexes", /No advice was asked for/],
    ["statements", /No statement has run yet|maintenance/],
  ]) {
    await view(name);
    await is(`#view-${name}`, words);
  }
});

await fill(user);
let pause = traffic(user);

await step("plots move under load", async () => {
  await view("overview");
  await is("#plot-throughput .value", /[1-9]/);
  await is("#plot-time .value", /s$/);
  await is("#plot-pool .value", /\d/);
  const drawn = () =>
    page.evaluate(() =>
      [...document.querySelectorAll("#plots canvas")].map((it) => it.toDataURL()),
    );
  const [before, figure] = [await drawn(), await text("#plot-throughput .value")];
  assert.equal(before.length, 6, "at SQLite there is no lag to be plotted");
  await until(
    async () => (await drawn()).slice(0, 3).every((it, at) => it !== before[at]),
    "canvases that change",
  );
  await until(
    async () => (await text("#plot-throughput .value")) !== figure,
    "a figure that changes",
  );
  await is("#heavy", /customer/);
  await is("#well", /of 100/);
});

await step("tables sort, and texts are texts", async () => {
  await view("statements");
  const number = (it) => Number(it.replaceAll(",", ""));
  const head = page.locator('#view-statements th[data-column="calls"]');
  for (const [order, sign] of [
    ["descending", -1],
    ["ascending", 1],
  ]) {
    await head.locator("button").click();
    await until(async () => (await head.getAttribute("aria-sort")) === order, `aria-sort ${order}`);
    const shown = (await column("calls")).map(number);
    assert.ok(shown.length > 4, `${shown}`);
    assert.deepEqual(
      shown,
      shown.toSorted((a, b) => sign * (a - b)),
    );
  }
  await page.fill("#filter", "onerror");
  await until(async () => (await column("calls")).length === 1, "one statement");
  assert.ok((await column("statement"))[0].includes(HOSTILE));
  assert.equal(await page.locator("main img").count(), 0);
  await page.fill("#filter", "nothing like it");
  await is("#view-statements", /No statement matches/);
  await page.fill("#filter", "");
});

await step("a statement opens", async () => {
  await page.fill("#filter", "country from customer");
  await page.locator("#view-statements .opener").first().click();
  await is("#sheet", /Query plan/);
  const sheet = await text("#sheet");
  for (const word of [
    /SCAN customer/,
    /Why its answers are kept/,
    /up to 1 ms/,
    /What its answers rest on/,
    /dropped/,
  ]) {
    assert.match(sheet, word);
  }
  await page.keyboard.press("Escape");
  await page.locator("#sheet").waitFor({ state: "hidden" });
  await page.fill("#filter", "");
});

await step("what was slow or repeated is told", async () => {
  await view("slow");
  await page.locator("#view-slow .opener").first().click();
  await is("#sheet", /Query plan[\s\S]*n/i);
  await page.keyboard.press("Escape");
  await view("repeats");
  await is("#view-repeats", /N\+1, (likely|proven)[\s\S]*orders[\s\S]*What to do/i);
});

await step("an index is advised and made", async () => {
  const names = async () =>
    (await user.query("SELECT name FROM sqlite_schema WHERE type = 'index'")).rows.flat();
  await view("indexes");
  await page.click("#advise");
  const card = page.locator("#view-indexes article", { hasText: "email" }).first();
  await card.getByRole("button", { name: "Apply" }).click();
  await is("#ask", /CREATE INDEX[\s\S]*undone/);
  await page.click("#ask >> text=Cancel");
  assert.deepEqual(await names(), [], "nothing is made before it is said");
  await card.getByRole("button", { name: "Apply" }).click();
  await page.click("#ask button.main");
  await card.getByText("applied", { exact: true }).waitFor();
  assert.equal((await names()).length, 1);
});

await step("a cache is cleared and switched", async () => {
  await pause();
  const stats = async () => (await admin.ask("/api/v1/admin/cache/stats")).databases.main;
  assert.ok((await stats()).entries > 0);
  await view("caches");
  await page.click("#view-caches >> text=Clear…");
  await page.click("#ask button.main");
  await is("#toast", /is cleared/);
  assert.equal((await stats()).entries, 0);
  await page.click("#view-caches .choice >> text=shadow");
  await until(async () => (await stats()).mode === "shadow", "shadow");
  await page.locator('#view-caches button[aria-pressed="true"] >> text=shadow').waitFor();
  await page.click("#view-caches .choice >> text=on");
  await until(async () => (await stats()).mode === "on", "on");
  pause = traffic(user);
});

await step("health has a score and cures, settings no secrets", async () => {
  await view("health");
  await is("#view-health", /of 100[\s\S]*passed/);
  await view("settings");
  await is("#view-settings", /rows_max/);
  assert.ok(!(await text("#view-settings")).includes(ADMIN));
});

await step("a task of maintenance is run", async () => {
  await view("maintenance");
  await is("#view-maintenance", /optimize[\s\S]*never[\s\S]*No task has run yet/);
  await page.getByRole("button", { name: "Run optimize now" }).click();
  await is("#ask", /Run optimize now\?/);
  await page.click("#ask button.main");
  await is("#toast", /optimize: done/);
  await is("#view-maintenance", /done just now[\s\S]*Last runs[\s\S]*optimize/);
});

await step("dark, light, and chosen by hand", async () => {
  const brightness = () =>
    page.evaluate(() =>
      getComputedStyle(document.body)
        .backgroundColor.match(/\d+/g)
        .slice(0, 3)
        .reduce((a, b) => a + Number(b), 0),
    );
  await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
  assert.ok((await brightness()) < 150);
  await page.click("#theme");
  assert.ok((await brightness()) > 600, "light was chosen");
  await page.click("#theme");
  await page.emulateMedia({ colorScheme: "light" });
  assert.ok((await brightness()) < 150, "dark was chosen");
  await page.click("#theme");
  assert.ok((await brightness()) > 600);
});

await step("narrow screens", async () => {
  await page.setViewportSize({ width: 360, height: 740 });
  for (const name of [
    "overview",
    "statements",
    "slow",
    "repeats",
    "indexes",
    "health",
    "maintenance",
    "caches",
    "settings",
  ]) {
    await view(name);
    const wide = () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    await until(async () => (await wide()) <= 0, `${name} is as narrow as the screen`);
  }
  await page.setViewportSize({ width: 1280, height: 860 });
});

await step("by keyboard alone", async () => {
  await page.reload();
  await is("#link-text", /^Live$/);
  const focused = () => page.evaluate(() => document.activeElement.innerText.trim());
  const tabTo = async (wanted) => {
    for (let n = 0; n < 40; n += 1) {
      await page.keyboard.press("Tab");
      if (wanted.test(await focused())) return;
    }
    assert.fail(`no way to ${wanted} by keyboard`);
  };
  await tabTo(/^Skip/);
  await tabTo(/^Statements$/);
  await page.keyboard.press("Enter");
  await page.locator("#view-statements .opener").first().waitFor();
  assert.equal(await focused(), "Statements", "the heading of the view has the focus");
  await tabTo(/^Calls/);
  await page.keyboard.press("Enter");
  const head = page.locator('#view-statements th[data-column="calls"]');
  assert.equal(await head.getAttribute("aria-sort"), "descending");
  await tabTo(/customer/);
  const text = await focused();
  await page.keyboard.press("Enter");
  await is("#sheet", /Query plan/);
  const isInside = await page.evaluate(() => document.activeElement.closest("#sheet") !== null);
  assert.ok(isInside, "the sheet has the focus");
  await page.keyboard.press("Escape");
  assert.equal(await focused(), text, "the focus is back");
});

await step("a lost connection is told, and found again", async () => {
  await way.cut();
  await page.locator("#lost").waitFor();
  await is("#lost", /lost.*Trying again.*is from/);
  await is("#link-text", /Not connected/);
  await way.mend();
  await page.locator("#lost").waitFor({ state: "hidden" });
  await is("#link-text", /^Live$/);
});

await step("ten thousand statements", async () => {
  const one = (await admin.ask("/api/v1/admin/fingerprints?limit=1")).fingerprints[0];
  const many = Array.from({ length: 10_000 }, (_, n) => ({
    ...one,
    name: null,
    id: n.toString(16).padStart(16, "0"),
    calls: (n * 7919) % 10_007,
    statement: `select ${n}`,
  }));
  await page.route("**/fingerprints?*", (route) =>
    route.fulfill({ json: { known: 10_000, fingerprints: many } }),
  );
  await view("settings");
  await view("statements");
  await is("#view-statements .bar", /10,000 statements/);
  const rows = () => page.locator("#view-statements tbody tr:not(.gap)").count();
  assert.ok((await rows()) < 100);
  const took = await page.evaluate(() => {
    const start = performance.now();
    for (let n = 0; n < 4; n += 1)
      document.querySelector('#view-statements th[data-column="calls"] button').click();
    return (performance.now() - start) / 4;
  });
  assert.ok(took < 1000, `sorting took ${took} ms`);
  await page.evaluate(() => {
    const place = document.querySelector("#view-statements .scroll");
    place.scrollTop = place.scrollHeight;
  });
  const last = page.locator('#view-statements tr[aria-rowindex="10001"]');
  await last.waitFor();
  assert.ok((await rows()) < 100);
  await page.unroute("**/fingerprints?*");
});

await step("who may only look is offered nothing else", async () => {
  await page.click("#sign-out");
  await page.locator("#token").waitFor();
  await signIn(READER);
  await is("#who", /read only/);
  await view("caches");
  await is("#view-caches", /sign in with an admin token/);
  assert.equal(await page.locator("#view-caches button").count(), 0);
  await view("indexes");
  await is("#view-indexes", /CREATE INDEX/);
  assert.equal(await page.locator("#view-indexes button").count(), 0);
});

await pause();
assert.deepEqual(seen.strangers, [], "the page asks nobody else");
assert.deepEqual(seen.errors, [], "the page makes no errors");
assert.ok(seen.urls.every((url) => !url.includes(ADMIN) && !url.includes(READER)));
await browser.close();
await way.cut();
console.log(`passed: ${steps.length} steps of the dashboard\n${steps.join("\n")}`);
