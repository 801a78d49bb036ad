"""libsql-client over HTTP: Hrana 1, one statement or one batch at a time."""

import asyncio

import libsql_client

from check import FILE, QUERIES, URL, VALUES, direct, done


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
        for sql in QUERIES:
            expect = direct.execute(sql)
            result = await client.execute(sql)
            assert list(result.columns) == [column[0] for column in expect.description], sql
            assert [tuple(row) for row in result.rows] == expect.fetchall(), sql

        await client.execute("CREATE TABLE kinds (id INTEGER PRIMARY KEY, v UNIQUE)")
        for value in VALUES:
            result = await client.execute("INSERT INTO kinds (v) VALUES (?)", [value])
            assert result.rows_affected == 1
            key = result.last_insert_rowid
            row = (await client.execute("SELECT v FROM kinds WHERE id = :id", {"id": key})).rows[0]
            assert row[0] == value, value
            assert direct.execute("SELECT v FROM kinds WHERE id = ?", [key]).fetchone() == (value,)

        batch = ["DELETE FROM kinds", "INSERT INTO kinds (v) VALUES (1)", "SELECT v FROM kinds"]
        results = await client.batch(batch)
        assert [tuple(row) for row in results[2].rows] == [(1,)]
        # One failure takes the whole batch back.
        batch = ["INSERT INTO kinds (v) VALUES (2)", "INSERT INTO kinds (v) VALUES (1)"]
        await rejects(client.batch(batch), "SQLITE_CONSTRAINT", "UNIQUE constraint failed: kinds.v")
        assert direct.execute("SELECT v FROM kinds").fetchall() == [(1,)]

        insert = client.execute("INSERT INTO kinds (v) VALUES (1)")
        await rejects(insert, "SQLITE_CONSTRAINT", "UNIQUE constraint failed: kinds.v")
        await rejects(client.execute("SELEC 1"), None, "syntax error")
        await rejects(client.execute("SELECT * FROM missing"), None, "no such table: missing")
        await rejects(client.execute(f"ATTACH '{FILE}.other' AS o"), "SQLITE_AUTH", "")
    done("queries, values, batches and errors")


asyncio.run(main())
