"""Extend of hyrise/index_selection_evaluation, over HypoPG: prints what it selects, as SQL.

usage: extend.py HOME URL QUERIES MEGABYTES

HOME is a checkout, QUERIES a file of statements that end with `;` and a new line, each behind a
line `-- calls: N`. A statement weighs what it costs in all its calls, of which the original knows
nothing.
"""

import sys

home, url, path, megabytes = sys.argv[1:5]
sys.path.insert(0, home)

import psycopg2
from selection.algorithms.extend_algorithm import ExtendAlgorithm
from selection.dbms.postgres_dbms import PostgresDatabaseConnector
from selection.workload import Column, Query, Table, Workload


class Connector(PostgresDatabaseConnector):
    """A connection by address; indexes that are there stay."""

    def create_connection(self):
        self._connection = psycopg2.connect(url)
        self._connection.autocommit = True
        self._cursor = self._connection.cursor()

    def drop_indexes(self):
        pass


def tables(connector):
    found = {}
    rows = connector.exec_fetch(
        "SELECT table_name, column_name FROM information_schema.columns "
        "WHERE table_schema = 'public' ORDER BY 1, ordinal_position",
        one=False,
    )
    for table, column in rows:
        found.setdefault(table, Table(table)).add_column(Column(column))
    return list(found.values())


def statements(text):
    calls = 1
    for part in text.split(";\n"):
        lines = part.strip().splitlines()
        if lines and lines[0].startswith("-- calls:"):
            calls = int(lines.pop(0).split(":")[1])
        if lines:
            yield "\n".join(lines), calls


connector = Connector("given by address", autocommit=True)
connector.exec_only("CREATE EXTENSION IF NOT EXISTS hypopg")
columns = [column for table in tables(connector) for column in table.columns]
queries = []
for number, (text, calls) in enumerate(statements(open(path).read()), 1):
    query = Query(number, text, [column for column in columns if column.name in text.lower()])
    query.calls = calls
    queries.append(query)
algorithm = ExtendAlgorithm(connector, {"budget_MB": float(megabytes), "max_index_width": 3})
costs = algorithm.cost_evaluation


def weighed(workload, indexes, store_size=False):
    costs._prepare_cost_calculation(indexes, store_size=store_size)
    return sum(query.calls * costs._request_cache(query, indexes) for query in workload.queries)


costs.calculate_cost = weighed
for index in algorithm.calculate_best_indexes(Workload(queries)):
    print(f"CREATE INDEX extend ON {index.table()} ({index.joined_column_names()})")
