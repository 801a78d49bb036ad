"""Prometheus' own reader of its text format over GET /metrics, while requests come in."""

import json
import threading
import urllib.request

from prometheus_client.openmetrics.parser import text_string_to_metric_families

from check import URL, done

# Ways to ask, so that there are hits, misses, writes and errors.
ASKED = ["SELECT count(*) FROM Artist", "SELECT * FROM Album LIMIT 10", "SELECT nothing", "SELECT 1 + {}"]
ROUNDS = 60


def ask():
    for n in range(ROUNDS):
        for sql in ASKED:
            body = json.dumps({"sql": sql.format(n)}).encode()
            headers = {"Content-Type": "application/json"}
            request = urllib.request.Request(f"{URL}/v1/query", body, headers)
            try:
                urllib.request.urlopen(request).read()
            except urllib.error.HTTPError as error:
                assert error.code == 400, error


def scrape():
    with urllib.request.urlopen(f"{URL}/metrics") as answer:
        kind = answer.headers["Content-Type"]
        assert kind.startswith("application/openmetrics-text; version=1.0.0"), kind
        return list(text_string_to_metric_families(answer.read().decode()))


def check(families, before):
    """Every family has a name of ours and says what it is; what counts never goes down."""
    for family in families:
        assert family.name.startswith("forebay_"), family.name
        assert family.documentation and family.type != "unknown", family
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            if family.type in ("counter", "histogram"):
                assert sample.value >= before.get(key, 0), key
                before[key] = sample.value
    return before


threads = [threading.Thread(target=ask) for _ in range(4)]
for thread in threads:
    thread.start()
before, scrapes = {}, 0
while any(thread.is_alive() for thread in threads) or scrapes < 2:
    check(scrape(), before)
    scrapes += 1
for thread in threads:
    thread.join()
families = scrape()
check(families, before)
count = sum(
    sample.value
    for family in families
    for sample in family.samples
    if sample.name == "forebay_http_requests_total" and sample.labels["route"] == "/v1/query"
)
assert count == 4 * ROUNDS * len(ASKED), count
names = {family.name for family in families}
assert {"forebay_cache_hits", "forebay_statement_seconds", "forebay_pool_size"} <= names, names
done(f"{len(families)} families, {scrapes} scrapes under load")
