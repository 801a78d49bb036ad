"""The promise, with a client of another language: while threads read in a loop, the sqlite3
command changes rows of the same file, and no read that begins after a change was acknowledged
answers what was there before it."""

import subprocess
import threading
import time

import libsql_experimental as libsql

from check import FILE, URL, counter, done

WRITES = 200
QUERIES = [
    "SELECT tick FROM clock WHERE id = 1",
    "SELECT max(tick), (SELECT count(*) FROM Artist) FROM clock",
]

sqlite = subprocess.Popen(["sqlite3", FILE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def ask(sql):
    sqlite.stdin.write(sql + "\n")
    sqlite.stdin.flush()
    return sqlite.stdout.readline().strip()


assert ask(".timeout 10000\nSELECT 'ready';") == "ready"
setup = libsql.connect(URL, auth_token="")
setup.execute("CREATE TABLE clock (id INTEGER PRIMARY KEY, tick INTEGER NOT NULL)")
setup.execute("INSERT INTO clock VALUES (1, 0)")
setup.commit()
before = counter("forebay_cache_hits_total")

acknowledged = 0
writing = True
reads = []
faults = []


def read(sql):
    connection = libsql.connect(URL, auth_token="")
    last, count = 0, 0
    try:
        while writing:
            least = acknowledged
            tick = connection.execute(sql).fetchall()[0][0]
            assert tick >= least, f"stale: {tick} was read after {least} was acknowledged"
            assert tick >= last, f"back in time: {tick} after {last}"
            last = tick
            count += 1
    except BaseException as error:
        faults.append(error)
    reads.append(count)


threads = [threading.Thread(target=read, args=(sql,)) for sql in QUERIES]
for thread in threads:
    thread.start()
for tick in range(1, WRITES + 1):
    assert ask(f"UPDATE clock SET tick = {tick} WHERE id = 1; SELECT {tick};") == str(tick)
    acknowledged = tick
    time.sleep(0.01)
writing = False
for thread in threads:
    thread.join()
sqlite.stdin.close()
sqlite.wait()
assert not faults, faults

hits = counter("forebay_cache_hits_total") - before
assert hits >= sum(reads) / 10, f"{hits} hits in {sum(reads)} reads prove little"
done(f"{WRITES} writes, {sum(reads)} reads, {hits:.0f} hits, 0 stale")
