// The service in front of PostgreSQL, through libSQL's client: what works, and what has to be
// written in another way than for SQLite.
import assert from "node:assert/strict";
import { createClient } from "@libsql/client";

const [url] = process.argv.slice(2);
const client = createClient({ url, intMode: "bigint" });

// A script that hangs must end by itself.
setTimeout(() => {
  console.error("the script did not end in time");
  process.exit(1);
}, 120_000).unref();

async function fails(work, code, message) {
  await assert.rejects(work, (error) => {
    assert.match(`${error.message} ${error.cause?.message ?? ""}`, message);
    if (code !== undefined) {
      assert.equal(error.code, code, error.message);
    }
    return true;
  });
}

const rows = (result) =>
  result.rows.map((row) => Array.from(row, (v) => (v instanceof ArrayBuffer ? Buffer.from(v).toString("hex") : v)));

await client.executeMultiple(`
  CREATE TABLE kinds (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, t text, i bigint,
    d float8, b bytea, o bool, j jsonb);
  CREATE TABLE one (a int PRIMARY KEY);
`);

// A number of JavaScript comes as a float, a bigint as an integer.
const insert = "INSERT INTO kinds (t, i, d, b, o, j) VALUES ($1, $2, $3, $4, $5, $6) RETURNING id";
const args = ["ümlaut \u{1F600}", 9007199254740993n, 0.1, new Uint8Array([0, 255]), true, '{"a": 1}'];
const inserted = await client.execute({ sql: insert, args });
assert.equal(inserted.rowsAffected, 1);
assert.equal(inserted.lastInsertRowid, undefined);
assert.deepEqual(rows(inserted), [[1n]]);
const read = { sql: "SELECT t, i, d, b, o, j FROM kinds WHERE id = $1", args: [1] };
assert.deepEqual(rows(await client.execute(read)), [
  ["ümlaut \u{1F600}", 9007199254740993n, 0.1, "00ff", 1n, '{"a": 1}'],
]);
await client.execute({ sql: insert, args: [null, null, null, null, null, null] });

// What SQLite takes and PostgreSQL does not.
await fails(client.execute({ sql: "SELECT t FROM kinds WHERE id = ?", args: [1n] }), "42601", /syntax error/);
await fails(client.execute({ sql: "SELECT t FROM kinds WHERE id = :id", args: { id: 1n } }), undefined, /syntax error/);
await fails(client.execute({ sql: "SELECT t FROM kinds WHERE id = $1", args: { id: 1n } }), undefined, /\$1, \$2/);
await fails(client.execute({ sql: "SELECT t FROM kinds WHERE id = $1", args: [] }), undefined, /1 param/);

const error = "INSERT INTO one VALUES (1)";
await client.execute(error);
await fails(client.execute(error), "23505", /one_pkey/);
await fails(client.execute("SELEC 1"), "42601", /syntax error/);
await fails(client.execute("SELECT * FROM missing"), "42P01", /missing/);

// A batch is a transaction: BEGIN IMMEDIATE, BEGIN DEFERRED or BEGIN TRANSACTION READONLY, the
// statements, COMMIT.
for (const mode of ["deferred", "write", "read"]) {
  const results = await client.batch(["SELECT 1 AS a", "SELECT 2 AS b"], mode);
  assert.deepEqual(results.map(rows), [[[1n]], [[2n]]], mode);
  const tx = await client.transaction(mode);
  assert.deepEqual(rows(await tx.execute("SELECT 1")), [[1n]], mode);
  if (mode === "read") {
    await fails(tx.execute("INSERT INTO one VALUES (9)"), "25006", /read-only/);
    await tx.rollback();
  } else {
    await tx.commit();
  }
}
const count = async () => rows(await client.execute("SELECT count(*) FROM one"))[0][0];
await fails(client.batch(["INSERT INTO one VALUES (2)", "INSERT INTO one VALUES (1)"], "deferred"), "23505", /one_pkey/);
assert.equal(await count(), 1n);
await client.batch([{ sql: "INSERT INTO one VALUES ($1)", args: [2] }, "INSERT INTO one VALUES (3)"], "deferred");
assert.equal(await count(), 3n);

const tx = await client.transaction("deferred");
await tx.execute({ sql: "INSERT INTO one VALUES ($1)", args: [4n] });
assert.equal(await count(), 3n);
await tx.commit();
assert.equal(await count(), 4n);
const undone = await client.transaction("deferred");
await undone.execute("DELETE FROM one");
await undone.rollback();
assert.equal(await count(), 4n);
const failed = await client.transaction("deferred");
await fails(failed.execute("INSERT INTO one VALUES (1)"), "23505", /one_pkey/);
await fails(failed.commit(), undefined, /rolled back/);
failed.close();
assert.equal(await count(), 4n);

// `migrate` is left out: it sends PRAGMA, and its client does not catch the error of that.
console.log("passed: kinds, errors, batches and transactions");
client.close();
