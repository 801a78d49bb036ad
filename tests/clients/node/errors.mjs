// What a client sees when something fails.
import { assert, client, connect, done, fails, file, url } from "./check.mjs";

await client.execute(
  "CREATE TABLE strict_one (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, age INTEGER CHECK (age > 0), album INTEGER REFERENCES Album(AlbumId)) STRICT",
);
await client.execute("INSERT INTO strict_one VALUES (1, 'a', 1, NULL)");

for (const [sql, code, message] of [
  ["SELEC 1", undefined, /syntax error/],
  ["SELECT * FROM missing", undefined, /no such table: missing/],
  ["SELECT missing FROM Artist", undefined, /no such column: missing/],
  ["SELECT 1; SELECT 2", undefined, /more than one statement/],
  ["", undefined, /no statement/],
  ["INSERT INTO strict_one VALUES (1, 'b', 1, NULL)", "SQLITE_CONSTRAINT", /UNIQUE .*strict_one\.id/],
  ["INSERT INTO strict_one VALUES (2, 'a', 1, NULL)", "SQLITE_CONSTRAINT", /UNIQUE .*strict_one\.name/],
  ["INSERT INTO strict_one VALUES (2, NULL, 1, NULL)", "SQLITE_CONSTRAINT", /NOT NULL/],
  ["INSERT INTO strict_one VALUES (2, 'b', 0, NULL)", "SQLITE_CONSTRAINT", /CHECK/],
  ["INSERT INTO strict_one VALUES (2, 'b', 1, -1)", "SQLITE_CONSTRAINT", /FOREIGN KEY/],
  ["INSERT INTO strict_one VALUES (2, 'b', 'x', NULL)", "SQLITE_CONSTRAINT", /cannot store TEXT/],
  [`ATTACH '${file}.other' AS other`, "SQLITE_AUTH", /./],
  [`VACUUM INTO '${file}.other'`, "SQLITE_AUTH", /./],
  ["PRAGMA journal_mode = DELETE", "SQLITE_AUTH", /./],
  ["SELECT load_extension('x')", "SQLITE_AUTH", /./],
]) {
  await fails(client.execute(sql), code, message);
}
await fails(client.execute({ sql: "SELECT ?, ?", args: [1] }), undefined, /parameter/);
await fails(client.execute({ sql: "SELECT ?", args: [1, 2] }), undefined, /parameter/);
await fails(client.execute({ sql: "SELECT :a", args: { b: 1 } }), undefined, /parameter/);

// Nothing of it did any harm.
assert.equal((await client.execute("SELECT count(*) FROM strict_one")).rows[0][0], 1n);

const nobody = connect({ url: url.replace(/:\d+$/, ":1") });
await assert.rejects(nobody.execute("SELECT 1"));

done("errors");
