// The promise: while clients read in a loop, another program changes the same file, and no read
// that begins after a change was acknowledged answers what was there before it.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { assert, client, connect, counter, done, file } from "./check.mjs";

const writes = 300;
const readers = 4;

// The command, as a user would run it: each change is a transaction of its own, and its answer
// is the acknowledgement.
const sqlite = spawn("sqlite3", [file], { stdio: ["pipe", "pipe", "inherit"] });
const answers = createInterface({ input: sqlite.stdout })[Symbol.asyncIterator]();
const ask = async (sql) => {
  sqlite.stdin.write(`${sql}\n`);
  return (await answers.next()).value;
};
assert.equal(await ask(".timeout 10000\nSELECT 'ready';"), "ready");

await client.execute("CREATE TABLE clock (id INTEGER PRIMARY KEY, tick INTEGER NOT NULL)");
await client.execute("INSERT INTO clock VALUES (1, 0)");
const before = await counter("forebay_cache_hits_total");

let acknowledged = 0n;
let writing = true;
let reads = 0;
let changes = 0;

async function read(one, sql) {
  let last = 0n;
  while (writing) {
    const least = acknowledged;
    const { rows } = await one.execute(sql);
    const tick = rows[0][0];
    assert.ok(tick >= least, `stale: ${tick} was read after ${least} was acknowledged`);
    assert.ok(tick >= last, `back in time: ${tick} after ${last}`);
    changes += tick > last ? 1 : 0;
    last = tick;
    reads += 1;
  }
}

async function write() {
  for (let tick = 1; tick <= writes; tick++) {
    const answer = await ask(`UPDATE clock SET tick = ${tick} WHERE id = 1; SELECT ${tick};`);
    assert.equal(answer, String(tick));
    acknowledged = BigInt(tick);
    // Some time in which reads may be answered from memory.
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  writing = false;
}

const clients = Array.from({ length: readers }, () => connect());
const texts = [
  "SELECT tick FROM clock WHERE id = 1",
  "SELECT max(tick), (SELECT count(*) FROM Artist) FROM clock",
];
await Promise.all([write(), ...clients.map((one, i) => read(one, texts[i % texts.length]))]);
clients.forEach((one) => one.close());
sqlite.stdin.end();

const hits = (await counter("forebay_cache_hits_total")) - before;
assert.ok(changes >= writes / 2, `the readers noticed ${changes} changes only`);
assert.ok(hits >= reads / 10, `${hits} hits in ${reads} reads prove little`);
done(`${writes} writes, ${reads} reads, ${hits} hits, 0 stale`);
