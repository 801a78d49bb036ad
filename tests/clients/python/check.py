"""What the scripts share: the service, the file they compare it with, and a last line that the
Rust test looks for."""

import faulthandler
import sqlite3
import sys
import urllib.request

# A script that hangs must end by itself.
faulthandler.dump_traceback_later(120, exit=True)

URL, FILE = sys.argv[1:3]

# The same file through the SQLite of Python itself.
direct = sqlite3.connect(FILE, isolation_level=None, timeout=10)


def counter(name):
    """One counter of the service."""
    with urllib.request.urlopen(f"{URL}/metrics") as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith(f"{name} "):
                return float(line.split()[1])
    raise AssertionError(f"no metric {name}")


def fails(work, *parts):
    """Asserts that `work` fails, and that all these parts are in the message."""
    try:
        work()
    except Exception as error:  # The clients raise whatever they please.
        for part in parts:
            assert part in f"{error!r} {error}", f"{part!r} is not in {error!r}"
    else:
        raise AssertionError(f"it did not fail: expected {parts}")


def done(summary):
    print(f"passed: {summary}")


# Sums of floats are left out: versions of SQLite round them differently.
QUERIES = [
    "SELECT * FROM Artist ORDER BY ArtistId",
    "SELECT count(*), min(Name), max(Name) FROM Artist",
    "SELECT TrackId, Name, Composer, Milliseconds, Bytes, UnitPrice FROM Track ORDER BY TrackId",
    "SELECT a.Name, count(*), sum(t.Milliseconds) / 8.0 FROM Artist a JOIN Album USING (ArtistId)"
    " JOIN Track t USING (AlbumId) GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10",
    "SELECT CustomerId, sum(CAST(Total * 100 AS INTEGER)), max(Total) FROM Invoice GROUP BY 1 ORDER BY 1",
    "SELECT Title, length(Title), hex(Title) FROM Album WHERE Title LIKE '%a%' ORDER BY 1, AlbumId",
    "SELECT * FROM Artist WHERE ArtistId < 0",
    "SELECT NULL, x'00ff', 1e300, 'ümlaut', 1, 9007199254740993, 9223372036854775807, -9223372036854775808",
]

VALUES = [
    None,
    0,
    7,
    2**53 + 1,
    2**63 - 1,
    -(2**63),
    1.5,
    -0.1,
    5e-324,
    1.7976931348623157e308,
    "",
    "a\0b",
    "\U0001f600 ü 漢字 \"'\\\n",
    "x" * 100_000,
    b"\x00\x01\xfe\xff",
    b"\x07" * 70_001,
]

# The client in Rust binds integers beyond 32 bits as floats, whatever the server; it reads them
# right, which is a query above.
VALUES_32 = [v for v in VALUES if not isinstance(v, int) or abs(v) < 2**31]
