// What the scripts share: the service and the file they compare it with, and a summary at the
// end that the Rust test looks for.
import assert from "node:assert/strict";
import { createClient } from "@libsql/client";

const [url, file] = process.argv.slice(2);
assert.ok(url && file, "usage: node SCRIPT URL FILE");

// A script that hangs must end by itself.
setTimeout(() => {
  console.error("the script did not end in time");
  process.exit(1);
}, 120_000).unref();

/** The service, through libSQL's client over HTTP. */
export const client = createClient({ url, intMode: "bigint" });

/** The same file, opened by libSQL's own engine in this process. */
export const direct = createClient({ url: `file:${file}`, intMode: "bigint" });

export { assert, file, url };

export function connect(options = {}) {
  return createClient({ url, intMode: "bigint", ...options });
}

/** Rows as plain arrays, with blobs that compare. */
export function plain(result) {
  const value = (v) => (v instanceof ArrayBuffer ? Buffer.from(v).toString("hex") : v);
  return result.rows.map((row) => Array.from(row, value));
}

/** Asserts that `work` fails with this code and a message that matches. */
export async function fails(work, code, message) {
  await assert.rejects(work, (error) => {
    assert.match(`${error.message} ${error.cause?.message ?? ""}`, message);
    if (code !== undefined) {
      assert.equal(error.code, code, error.message);
    }
    return true;
  });
}

/** One counter of the service. */
export async function counter(name) {
  const text = await (await fetch(`${url}/metrics`)).text();
  const line = text.split("\n").find((line) => line.startsWith(`${name} `));
  return Number(line?.split(" ")[1]);
}

export function done(summary) {
  console.log(`passed: ${summary}`);
  client.close();
  direct.close();
}
