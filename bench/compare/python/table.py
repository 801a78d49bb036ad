"""The database that all read and write: 10,000 users in one file in WAL mode."""

import sqlite3

ROWS = 10_000

# A range of rows, of which one total is asked.
RANGE = 5_000


def fill(path):
    """Makes the file at this path."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL,"
        " email TEXT NOT NULL, age INTEGER NOT NULL)"
    )
    users = ((n, f"user {n}", f"user{n}@example.com", n % 90) for n in range(1, ROWS + 1))
    connection.executemany("INSERT INTO users VALUES (?, ?, ?, ?)", users)
    connection.commit()
    connection.close()


def age(path, user):
    """What the file itself has, asked past everybody who is measured."""
    connection = sqlite3.connect(path)
    (found,) = connection.execute("SELECT age FROM users WHERE id = ?", (user,)).fetchone()
    connection.close()
    return found
