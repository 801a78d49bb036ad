// Batches, scripts and migrations, each in one round trip.
import { assert, client, direct, done, fails, plain } from "./check.mjs";

await client.execute("CREATE TABLE box (id INTEGER PRIMARY KEY, name TEXT UNIQUE)");
const names = async () =>
  plain(await direct.execute("SELECT name FROM box ORDER BY id")).map(([name]) => name);

const results = await client.batch(
  [
    "INSERT INTO box (name) VALUES ('a')",
    { sql: "INSERT INTO box (name) VALUES (?)", args: ["b"] },
    { sql: "INSERT INTO box (name) VALUES (:name)", args: { name: "c" } },
    ["UPDATE box SET name = upper(name) WHERE id > ?", [1]],
    "SELECT count(*) AS n FROM box",
  ],
  "write",
);
assert.deepEqual(results.map((result) => result.rowsAffected), [1, 1, 1, 2, 0]);
assert.deepEqual(results.map((result) => result.lastInsertRowid).slice(0, 3), [1n, 2n, 3n]);
assert.deepEqual(plain(results[4]), [[3n]]);
assert.deepEqual(await names(), ["a", "B", "C"]);

// One failure takes the whole batch back.
const broken = client.batch(
  ["INSERT INTO box (name) VALUES ('d')", "INSERT INTO box (name) VALUES ('a')", "DELETE FROM box"],
  "write",
);
await fails(broken, "SQLITE_CONSTRAINT", /UNIQUE constraint failed: box\.name/);
assert.deepEqual(await names(), ["a", "B", "C"]);
await fails(client.batch(["SELECT 1", "nonsense"], "read"), undefined, /syntax error/);

// The same text many times: the client stores it on the stream and names it.
const many = Array.from({ length: 300 }, (_, i) => ({
  sql: "INSERT INTO box (name) VALUES (?)",
  args: [`n${i}`],
}));
assert.equal((await client.batch(many, "write")).length, 300);
assert.equal((await names()).length, 303);
// More different texts than a client keeps on its stream.
const texts = Array.from({ length: 100 }, (_, i) => `SELECT ${i} AS c${i}`);
const answers = await client.batch(texts, "read");
assert.deepEqual(answers.map((answer) => answer.rows[0][0]), texts.map((_, i) => BigInt(i)));

await client.executeMultiple(`
  DELETE FROM box WHERE name LIKE 'n%';
  -- A comment; with a semicolon.
  INSERT INTO box (name) VALUES ('x;y');
`);
assert.deepEqual(await names(), ["a", "B", "C", "x;y"]);
const script = client.executeMultiple("INSERT INTO box (name) VALUES ('z'); nonsense; DELETE FROM box");
await fails(script, undefined, /syntax error/);
assert.deepEqual(await names(), ["a", "B", "C", "x;y", "z"]);

await client.migrate([
  "CREATE TABLE lid (id INTEGER PRIMARY KEY, box INTEGER REFERENCES box(id))",
  "INSERT INTO lid (box) VALUES (999)",
]);
assert.equal((await direct.execute("SELECT count(*) FROM lid")).rows[0][0], 1n);
// The switch that a migration sets lasted for its own stream only.
const orphan = client.execute("INSERT INTO lid (box) VALUES (998)");
await fails(orphan, "SQLITE_CONSTRAINT", /FOREIGN KEY constraint failed/);

done("batches, scripts and a migration");
