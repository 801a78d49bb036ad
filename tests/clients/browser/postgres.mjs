// The dashboard on a service in front of PostgreSQL: node postgres.mjs URL BROWSER [hypopg]. What
// differs there from SQLite: the lag behind the server is plotted, and an index is at most reckoned,
// if the server has the extension for that.
import assert from "node:assert/strict";
import { open, until } from "./browser.mjs";
import { client } from "./traffic.mjs";

const [service, executable] = process.argv.slice(2);
assert.ok(service && executable, "usage: node postgres.mjs URL BROWSER [hypopg]");
const ADMIN = "change-it";

// A script that hangs must end by itself.
setTimeout(() => {
  console.error("the script did not end in time");
  process.exit(1);
}, 200_000).unref();

const { browser, page, seen } = await open(executable, service);
const user = client(service, "look-at-it");
const text = (selector) => page.locator(selector).first().innerText();
const is = (selector, wanted) =>
  until(async () => wanted.test(await text(selector)), `${selector} ${wanted}`);

/** Shows a view as it is, for whoever looks at pictures. */
async function shot(name) {
  if (process.env.FOREBAY_SHOTS)
    await page.screenshot({ path: `${process.env.FOREBAY_SHOTS}/postgres-${name}.png` });
}

let isOn = true;
const asking = (async () => {
  for (let n = 0; isOn; n += 1) {
    await user.query("SELECT id FROM customer WHERE email = $1", [`c${n}@example.com`]);
    if (n % 10 === 0) await user.query("UPDATE customer SET country = $1 WHERE id = $2", [n, 7]);
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
})();

await page.goto(service);
await page.fill("#token", ADMIN);
await page.click("#sign-form button");
await is("#link-text", /^Live$/);
await is("#plot-lag .value", /\d.*s$/);
await is("#plot-throughput .value", /[1-9]/);
assert.equal(await page.locator("#plots canvas").count(), 7, "the lag is a plot of its own");
await is("#heavy", /customer/);
await is("#well", /of 100/);
if (process.env.FOREBAY_SHOTS) await page.waitForTimeout(20_000);
await shot("light");
await page.emulateMedia({ colorScheme: "dark" });
await shot("dark");
await page.setViewportSize({ width: 360, height: 740 });
await shot("narrow");
const wide = () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
await until(async () => (await wide()) <= 0, "the overview is as narrow as the screen");
await page.setViewportSize({ width: 1280, height: 860 });
await page.emulateMedia({ colorScheme: "light" });

// Where the server lacks the extension, it is said.
const hasTrial = process.argv[4] === "hypopg";
await page.click('#tabs a[href="#indexes"]');
await page.click("#advise");
if (hasTrial) {
  // What is only reckoned is shown with the reason, and without a button.
  const reckoned = page.locator("#view-indexes", { hasText: /customer \(email\)[^]*not proven/ });
  await reckoned.waitFor({ state: "attached" });
  assert.equal(await page.getByRole("button", { name: "Apply" }).count(), 0);
  await shot("reckoned");
} else {
  await is("#view-indexes", /No index could be tried[\s\S]*hypopg/);
  await shot("untried");
}

isOn = false;
await asking;
assert.deepEqual(seen.strangers, [], "the page asks nobody else");
assert.deepEqual(seen.errors, [], "the page makes no errors");
await browser.close();
console.log("passed: the dashboard in front of PostgreSQL");
