"""The service in front of PostgreSQL, through libsql-client: Hrana over HTTP, one statement or one
batch at a time."""

import asyncio
import faulthandler
import sys

import libsql_client

# A script that hangs must end by itself.
faulthandler.dump_traceback_later(120, exit=True)

URL = sys.argv[1]


async def rejects(work, code, part):
    try:
        await work
    except libsql_client.LibsqlError as error:
        assert part in str(error), error
        assert code is None or error.code == code, error.code
    else:
        raise AssertionError(f"it did not fail: expected {part}")


async def main():
    async with libsql_client.create_client(URL) as client:
        await client.execute("CREATE TABLE kinds (id int PRIMARY KEY, t text, i bigint, d float8, b bytea)")
        values = [1, "ümlaut \U0001f600", 2**53 + 1, 0.1, b"\x00\xff"]
        insert = "INSERT INTO kinds VALUES ($1, $2, $3, $4, $5)"
        result = await client.execute(insert, values)
        assert result.rows_affected == 1
        row = (await client.execute("SELECT * FROM kinds WHERE id = $1", [1])).rows[0]
        assert list(row) == values, row
        await rejects(client.execute(insert, values), "23505", "kinds_pkey")
        await rejects(client.execute("SELECT * FROM kinds WHERE id = ?", [1]), "42601", "syntax error")
        await rejects(client.execute("SELECT * FROM kinds WHERE id = $1", {"id": 1}), None, "$1, $2")
        await rejects(client.execute("SELEC 1"), "42601", "syntax error")
        await rejects(client.execute("SELECT * FROM missing"), "42P01", "missing")
        results = await client.batch(["DELETE FROM kinds", "SELECT count(*) FROM kinds"])
        assert [tuple(row) for row in results[1].rows] == [(0,)]
        # One failure takes the whole batch back.
        batch = ["INSERT INTO kinds VALUES (2)", "INSERT INTO kinds VALUES (2)"]
        await rejects(client.batch(batch), "23505", "kinds_pkey")
        count = await client.execute("SELECT count(*) FROM kinds")
        assert count.rows[0][0] == 0
    print("passed: values, batches and errors")


asyncio.run(main())
