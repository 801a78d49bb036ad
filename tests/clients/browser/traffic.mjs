// What is asked of the service while somebody looks: enough of each kind that each table of the
// dashboard has something to show.

/** Who asks the service at `url`, with its token. */
export function client(url, token) {
  const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
  async function ask(path, body) {
    const method = body === undefined ? "GET" : "POST";
    const response = await fetch(url + path, {
      method,
      headers,
      body: body && JSON.stringify(body),
    });
    return response.json();
  }
  return {
    ask,
    query: (sql, params = []) => ask("/v1/query", { sql, params }),
  };
}

const TRACE = "/*traceparent='00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'*/";

/** Tables with rows, and one statement each that is slow, repeated, wrong, and hostile. */
export async function fill({ query }) {
  const rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 4000)";
  await query("CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT, country INTEGER)");
  await query(
    "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER REFERENCES customer, total REAL)",
  );
  await query(
    `INSERT INTO customer ${rows} SELECT i, 'c' || (i * 7919 % 4000) || '@example.com', i % 40 FROM n`,
  );
  await query(`INSERT INTO orders ${rows} SELECT i, i * 31 % 4000 + 1, i % 97 FROM n`);
  for (let id = 1; id <= 8; id += 1) {
    await query(`SELECT total FROM orders WHERE customer = ? ${TRACE}`, [id]);
  }
  await query(
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000000) SELECT count(*) FROM n",
  );
  await query("SELECT nothing FROM customer");
  await query(`SELECT 1 AS "${HOSTILE}"`);
}

/** The name of a column that would like to be markup. */
export const HOSTILE = "<img src=x onerror=alert(1)>";

/** Asks one thing after another until it is stopped. */
export function traffic({ query }) {
  let isOn = true;
  const work = (async () => {
    for (let n = 0; isOn; n += 1) {
      await query("SELECT id, country FROM customer WHERE email = ?", [`c${n % 5}@example.com`]);
      await query("SELECT email FROM customer WHERE id = ?", [n % 20]);
      if (n % 10 === 0) {
        await query("UPDATE customer SET country = ? WHERE email = ?", [n, `c${(n / 10) % 5}@example.com`]);
      }
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
  })();
  return async () => {
    isOn = false;
    await work;
  };
}
