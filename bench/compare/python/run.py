"""What a Python user has: Forebay's service over HTTP beside SQLAlchemy with dogpile.cache and Django
with cachalot, each on a file of its own. Rounds take turns; every answer is checked against the file.

usage: run.py --forebay PROGRAM [--rounds N] [--json]
"""

import argparse
import importlib.metadata
import json
import os
import statistics
import sys
import tempfile
import time

from table import RANGE, ROWS, age, fill

READS = 500
WRITES = 50
# Users that are asked for; the others are read only where none is in memory.
USERS = 200


def timed(work, arguments):
    """Nanoseconds for one call."""
    began = time.perf_counter_ns()
    for argument in arguments:
        work(argument)
    return (time.perf_counter_ns() - began) / len(arguments)


def check(side, path, user):
    found = side.read(user)
    if found != (user, f"user {user}", f"user{user}@example.com", age(path, user)):
        raise SystemExit(f"error: {side.name} gives {found} for user {user}")


def measured(side, path):
    """One round: what each operation took."""
    users = [n * 31 % USERS + 1 for n in range(READS)]
    written = users[:WRITES]
    for user in range(1, USERS + 1):
        side.read(user)
    side.total(RANGE)
    took = {
        "Python: point read again": timed(side.read, users),
        "Python: total of 5,000 rows again": timed(side.total, [RANGE] * READS),
        "Python: write, and what it makes untrue": timed(side.write, written),
        "Python: point read after it was written": timed(side.read, written),
    }
    for user in written:
        check(side, path, user)
    others, totals = [], []
    for user in written:
        side.write(user)
        others.append(timed(side.read, [user % USERS + 1]))
        # The written row is among those that are added up.
        totals.append(timed(side.total, [RANGE]))
    took["Python: point read after another was written"] = statistics.median(others)
    took["Python: total after one of its rows was written"] = statistics.median(totals)
    for user in (1, USERS, ROWS):
        check(side, path, user)
    return took


def enter(arguments, folder):
    """The sides, Forebay first, each with its file."""
    from alchemy import Alchemy
    from cachalot_django import Cachalot
    from service import Service

    makers = [lambda path: Service(arguments.forebay, path), Alchemy, Cachalot]
    sides = []
    for number, make in enumerate(makers):
        path = os.path.join(folder, f"{number}.db")
        fill(path)
        sides.append((make(path), path))
    return sides


def outcome(rounds, sides):
    packages = ["SQLAlchemy", "dogpile.cache", "Django", "django-cachalot"]
    versions = {package: importlib.metadata.version(package) for package in packages}
    versions["Python"] = sys.version.split()[0]

    def side(operation, number):
        return {
            "name": sides[number][0].name,
            "rounds_ns": [of_round[number][operation] for of_round in rounds],
        }

    operations = [
        {
            "operation": operation,
            "ours": side(operation, 0),
            "peers": [side(operation, number) for number in range(1, len(sides))],
        }
        for operation in rounds[0][0]
    ]
    return {"versions": versions, "operations": operations}


def table(result):
    for operation in result["operations"]:
        print(operation["operation"])
        for side in [operation["ours"], *operation["peers"]]:
            print(f"  {side['name']:32} {statistics.median(side['rounds_ns']) / 1e3:>9.1f} us")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--forebay", required=True, help="the program, for `forebay serve`")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sides = enter(arguments, folder)
        try:
            for side, path in sides:
                measured(side, path)
            rounds = [
                [measured(side, path) for side, path in sides] for _ in range(arguments.rounds)
            ]
        finally:
            for side, _ in sides:
                side.close()
    result = outcome(rounds, sides)
    if arguments.json:
        print(json.dumps(result, indent=2))
    else:
        table(result)


if __name__ == "__main__":
    main()
