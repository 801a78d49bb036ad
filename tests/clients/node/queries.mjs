// Queries and parameters of every type.
import { assert, client, connect, counter, direct, done, fails, plain } from "./check.mjs";

const queries = [
  "SELECT * FROM Artist ORDER BY ArtistId",
  "SELECT count(*), min(Name), max(Name) FROM Artist",
  "SELECT * FROM Album WHERE ArtistId = 1",
  "SELECT TrackId, Name, Composer, Milliseconds, Bytes, UnitPrice FROM Track ORDER BY TrackId",
  "SELECT a.Name, count(*) AS n, sum(t.Milliseconds) / 8.0 FROM Artist a JOIN Album USING (ArtistId) JOIN Track t USING (AlbumId) GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10",
  "SELECT CustomerId, sum(CAST(Total * 100 AS INTEGER)), max(Total) FROM Invoice GROUP BY 1 ORDER BY 1",
  "SELECT strftime('%Y', InvoiceDate) AS year, max(Total) FROM Invoice GROUP BY 1 ORDER BY 1",
  "SELECT Name, Composer FROM Track WHERE Composer IS NULL ORDER BY TrackId LIMIT 20",
  "SELECT Title, length(Title), hex(Title) FROM Album WHERE Title LIKE '%a%' ORDER BY Title, AlbumId",
  "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 50) SELECT i, i * 0.5 FROM n",
  "SELECT Name, rank() OVER (ORDER BY Milliseconds DESC, TrackId) FROM Track ORDER BY 2 LIMIT 15",
  "SELECT * FROM Artist WHERE ArtistId < 0",
  "SELECT 1 AS a, 2 AS a, NULL, x'00ff', 1e300, 'ümlaut' WHERE 1",
];

let compared = 0;
const before = await counter("forebay_cache_hits_total");
for (const sql of queries) {
  const expect = await direct.execute(sql);
  // The second answer comes from the cache where it may.
  for (let turn = 0; turn < 2; turn++) {
    const result = await client.execute(sql);
    assert.deepEqual(result.columns, expect.columns, sql);
    assert.deepEqual(plain(result), plain(expect), sql);
    compared += result.rows.length;
  }
}
const hits = (await counter("forebay_cache_hits_total")) - before;
assert.ok(hits >= queries.length - 3, `${hits} hits`);

await client.execute("CREATE TABLE IF NOT EXISTS kinds (id INTEGER PRIMARY KEY, v)");
const values = [
  [null, null, "null"],
  [0, 0, "real"],
  [1.5, 1.5, "real"],
  [-0.1, -0.1, "real"],
  [Number.MAX_VALUE, Number.MAX_VALUE, "real"],
  [5e-324, 5e-324, "real"],
  [7n, 7n, "integer"],
  [9007199254740993n, 9007199254740993n, "integer"],
  [9223372036854775807n, 9223372036854775807n, "integer"],
  [-9223372036854775808n, -9223372036854775808n, "integer"],
  [true, 1n, "integer"],
  [false, 0n, "integer"],
  ["", "", "text"],
  ["a\u0000b", "a\u0000b", "text"],
  ["\u{1F600} ü 漢字 \"'\\\n", "\u{1F600} ü 漢字 \"'\\\n", "text"],
  ["x".repeat(100_000), "x".repeat(100_000), "text"],
  [new Uint8Array([]), "", "blob"],
  [new Uint8Array([0, 1, 254, 255]), "0001feff", "blob"],
  [new Uint8Array(70_001).fill(7), "07".repeat(70_001), "blob"],
  [new Date(1_700_000_000_000), 1_700_000_000_000, "real"],
];
for (const [value, expect, kind] of values) {
  const { lastInsertRowid, rowsAffected } = await client.execute({
    sql: "INSERT INTO kinds (v) VALUES (?)",
    args: [value],
  });
  assert.equal(rowsAffected, 1);
  const read = { sql: "SELECT v, typeof(v) FROM kinds WHERE id = ?", args: [lastInsertRowid] };
  for (let turn = 0; turn < 2; turn++) {
    assert.deepEqual(plain(await client.execute(read)), [[expect, kind]]);
  }
  // Bytes as the file has them: libSQL's own engine cuts text at NUL on its way out.
  const bytes = { sql: "SELECT iif(typeof(v) = 'text', hex(v), v) FROM kinds WHERE id = ?", args: [lastInsertRowid] };
  assert.deepEqual(plain(await client.execute(bytes)), plain(await direct.execute(bytes)));
}

for (const [sql, args, expect] of [
  ["SELECT ?, ?", [1n, 2n], [1n, 2n]],
  ["SELECT ?2, ?1", [1n, 2n], [2n, 1n]],
  ["SELECT :a, @b, $c, :a", { a: 1n, b: 2n, c: 3n }, [1n, 2n, 3n, 1n]],
  ["SELECT :a", { ":a": "with its prefix" }, ["with its prefix"]],
]) {
  assert.deepEqual(plain(await client.execute({ sql, args })), [expect], sql);
}

// Infinity is a number that JSON cannot write, and reads back as one.
assert.equal((await client.execute("SELECT 9e999")).rows[0][0], Infinity);

const numbers = connect({ intMode: "number" });
assert.equal((await numbers.execute("SELECT 9007199254740991")).rows[0][0], 9007199254740991);
await fails(numbers.execute("SELECT 9007199254740993"), undefined, /too large/);
numbers.close();

const returning = await client.execute("DELETE FROM kinds WHERE v IS NULL RETURNING id, v");
assert.deepEqual(plain(returning), [[1n, null]]);
assert.equal(returning.rowsAffected, 1);

done(`${queries.length} queries, ${compared} rows, ${values.length} values, ${hits} hits`);
