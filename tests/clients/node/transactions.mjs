// Interactive transactions: commit, rollback, conflict, and what others see meanwhile.
import { assert, client, connect, direct, done, fails } from "./check.mjs";

await client.execute("CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL)");
await client.execute("INSERT INTO account VALUES (1, 100), (2, 0)");
const total = "SELECT group_concat(balance) FROM account";
const seen = async (where) => (await where.execute(total)).rows[0][0];

const pay = await client.transaction("write");
await pay.execute("UPDATE account SET balance = balance - 30 WHERE id = 1");
await pay.execute({ sql: "UPDATE account SET balance = balance + ? WHERE id = 2", args: [30n] });
assert.equal(await seen(pay), "70,30");
assert.equal(await seen(client), "100,0");
assert.equal(await seen(direct), "100,0");
await pay.commit();
assert.ok(pay.closed);
assert.equal(await seen(client), "70,30");
assert.equal(await seen(direct), "70,30");

const undone = await client.transaction("write");
await undone.batch(["UPDATE account SET balance = 0", "INSERT INTO account VALUES (3, 5)"]);
assert.equal(await seen(undone), "0,0,5");
await undone.rollback();
assert.equal(await seen(client), "70,30");

const dropped = await client.transaction("write");
await dropped.execute("DELETE FROM account");
dropped.close();
assert.equal(await seen(client), "70,30");

// A failure in the middle leaves the transaction open for its owner to decide.
const failing = await client.transaction("write");
await failing.execute("UPDATE account SET balance = 71 WHERE id = 1");
const wrong = failing.execute("INSERT INTO account VALUES (1, 0)");
await fails(wrong, "SQLITE_CONSTRAINT", /UNIQUE constraint failed/);
assert.equal(await seen(failing), "71,30");
await failing.commit();
assert.equal(await seen(direct), "71,30");
await fails(failing.execute("SELECT 1"), "TRANSACTION_CLOSED", /closed/);

// Two that have read the same and both want to write: one of them must lose.
const first = await client.transaction("deferred");
const second = await connect().transaction("deferred");
assert.equal(await seen(first), await seen(second));
await first.execute("UPDATE account SET balance = balance + 1 WHERE id = 1");
await first.commit();
await fails(
  second.execute("UPDATE account SET balance = balance + 10 WHERE id = 1"),
  "SQLITE_BUSY",
  /locked/,
);
await second.rollback();
assert.equal(await seen(client), "72,30");

const reading = await client.transaction("read");
assert.equal(await seen(reading), "72,30");
await client.execute("UPDATE account SET balance = 0 WHERE id = 2");
// Its snapshot stays what it was.
assert.equal(await seen(reading), "72,30");
assert.equal(await seen(client), "72,0");
await reading.commit();
assert.equal(await seen(client), "72,0");

// Savepoints, and a table that only the transaction knows.
const nested = await client.transaction("write");
await nested.execute("CREATE TABLE draft (x)");
await nested.execute("INSERT INTO draft VALUES (1)");
await nested.execute("SAVEPOINT s");
await nested.execute("INSERT INTO draft VALUES (2)");
await nested.execute("ROLLBACK TO s");
assert.equal((await nested.execute("SELECT count(*) FROM draft")).rows[0][0], 1n);
await nested.rollback();
await fails(client.execute("SELECT * FROM draft"), undefined, /no such table: draft/);

// Writers one after another: nothing is lost.
const clients = Array.from({ length: 4 }, () => connect());
await Promise.all(
  clients.map(async (one) => {
    for (let i = 0; i < 10; i++) {
      const tx = await one.transaction("write");
      const { rows } = await tx.execute("SELECT balance FROM account WHERE id = 2");
      await tx.execute({ sql: "UPDATE account SET balance = ? WHERE id = 2", args: [rows[0][0] + 1n] });
      await tx.commit();
    }
    one.close();
  }),
);
assert.equal(await seen(direct), "72,40");

done("transactions");
