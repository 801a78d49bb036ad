"""The DB-API client that is built on libSQL's client in Rust: Hrana 3, with cursors."""

import libsql_experimental as libsql

from check import FILE, QUERIES, URL, VALUES_32, counter, direct, done, fails

connection = libsql.connect(URL, auth_token="")

before = counter("forebay_cache_hits_total")
compared = 0
for sql in QUERIES:
    expect = direct.execute(sql).fetchall()
    for _ in range(2):
        rows = connection.execute(sql).fetchall()
        assert rows == expect, sql
        compared += len(rows)
# Answers of more than 1,000 rows are streamed, past the cache.
hits = counter("forebay_cache_hits_total") - before
assert hits >= len(QUERIES) - 3, hits

connection.execute("CREATE TABLE kinds (id INTEGER PRIMARY KEY, v)")
connection.commit()
for value in VALUES_32:
    cursor = connection.execute("INSERT INTO kinds (v) VALUES (?)", (value,))
    assert cursor.rowcount == 1, cursor.rowcount
    key = cursor.lastrowid
    connection.commit()
    sql = "SELECT v, typeof(v) FROM kinds WHERE id = ?"
    expect = direct.execute(sql, (key,)).fetchall()
    assert expect[0][0] == value
    assert connection.execute(sql, (key,)).fetchall() == expect, value

# A cursor that is left in the middle does not hold up the next statement.
cursor = connection.execute("SELECT TrackId FROM Track ORDER BY TrackId")
assert [row[0] for row in cursor.fetchmany(3)] == [1, 2, 3]
assert connection.execute("SELECT 7").fetchone() == (7,)

# Transactions: the client begins them by itself before a write.
other = libsql.connect(URL, auth_token="")
count = "SELECT count(*) FROM Artist"
artists = direct.execute(count).fetchone()
connection.execute("INSERT INTO Artist VALUES (100001, 'A')")
assert connection.execute(count).fetchone() == (artists[0] + 1,)
assert other.execute(count).fetchone() == artists
assert direct.execute(count).fetchone() == artists
connection.rollback()
assert connection.execute(count).fetchone() == artists
connection.execute("INSERT INTO Artist VALUES (100001, 'A')")
connection.commit()
assert other.execute(count).fetchone() == (artists[0] + 1,)
assert direct.execute(count).fetchone() == (artists[0] + 1,)

# A table that only the transaction knows.
connection.execute("BEGIN")
connection.execute("CREATE TABLE draft (x TEXT)")
connection.execute("INSERT INTO draft VALUES (?)", ("one",))
assert connection.execute("SELECT x FROM draft").fetchall() == [("one",)]
connection.rollback()
fails(lambda: connection.execute("SELECT x FROM draft"), "no such table: draft")

# Two that have read the same and both want to write: one of them must lose.
for one in (connection, other):
    one.execute("BEGIN")
    one.execute(count).fetchone()
connection.execute("DELETE FROM Artist WHERE ArtistId = 100001")
connection.commit()
fails(lambda: other.execute("DELETE FROM Artist WHERE ArtistId = 100001"), "SQLITE_BUSY")
other.rollback()
assert other.execute(count).fetchone() == artists

connection.execute("INSERT INTO kinds VALUES (5000, 1)")
connection.commit()
fails(lambda: connection.execute("INSERT INTO kinds VALUES (5000, 1)"), "SQLITE_CONSTRAINT", "UNIQUE")
connection.rollback()
fails(lambda: connection.execute("SELEC 1"), "syntax error")
fails(lambda: connection.execute("SELECT * FROM missing"), "no such table: missing")
fails(lambda: connection.execute(f"ATTACH '{FILE}.other' AS other"), "SQLITE_AUTH")
assert connection.execute("SELECT 1").fetchone() == (1,)

done(f"{len(QUERIES)} queries, {compared} rows, {len(VALUES_32)} values, {hits:.0f} hits")
