#!/usr/bin/env bash
# Bytes of WAL per UPDATE and DELETE of one row, by wal_level, replica identity and width of the
# row. It makes a server of its own in a temporary folder and removes it. Run it as a user that
# PostgreSQL runs as: bench/runs/2026-11-29-postgres-wal/measure.sh /usr/lib/postgresql/15/bin
set -euo pipefail

bin=$1
folder=$(mktemp -d)
port=54871
rows=2000 # of each table
times=10000 # transactions of each measurement
export PGHOST=$folder PGPORT=$port PGUSER=postgres PGDATABASE=postgres
export PATH=$bin:$PATH
trap 'pg_ctl -D "$folder/data" -m immediate stop >/dev/null 2>&1 || true; rm -rf "$folder"' EXIT

initdb -D "$folder/data" -U postgres -A trust -N >/dev/null
# A page that is changed for the first time after a checkpoint is written to the log whole, whatever
# the identity is: that is left out, so that only records are counted. Nobody else writes.
cat >>"$folder/data/postgresql.conf" <<EOF
port = $port
listen_addresses = ''
unix_socket_directories = '$folder'
fsync = off
full_page_writes = off
autovacuum = off
checkpoint_timeout = 1h
max_wal_size = 20GB
EOF

ask() { psql -XqAt -c "$1"; }
lsn() { ask "SELECT pg_current_wal_insert_lsn() - '0/0'"; }

start() { # wal_level
    pg_ctl -D "$folder/data" -m fast -w stop >/dev/null 2>&1 || true
    pg_ctl -D "$folder/data" -l "$folder/log" -o "-c wal_level=$1" -w start >/dev/null
}

# narrow: two integers. account: pgbench's. wide: 1 KB that does not compress, in the row.
# document: 8 KB that do not compress, beside the row (TOAST).
make() { # replica identity
    psql -XqAt -v rows=$rows -v identity="$1" <<'EOF'
SET client_min_messages = error;
DROP TABLE IF EXISTS narrow, account, wide, document;
CREATE FUNCTION pg_temp.noise(bytes int) RETURNS text VOLATILE LANGUAGE sql AS
  $$ SELECT left(string_agg(md5(random()::text), ''), bytes) FROM generate_series(0, bytes / 32) $$;
CREATE TABLE narrow (id int PRIMARY KEY, k int);
CREATE TABLE account (id int PRIMARY KEY, bid int, k int, filler char(84));
CREATE TABLE wide (id int PRIMARY KEY, k int, body text);
CREATE TABLE document (id int PRIMARY KEY, k int, body text);
ALTER TABLE wide ALTER body SET STORAGE MAIN;
ALTER TABLE document ALTER body SET STORAGE EXTERNAL;
INSERT INTO narrow SELECT n, 0 FROM generate_series(1, :rows) n;
INSERT INTO account SELECT n, 1, 0, '' FROM generate_series(1, :rows) n;
INSERT INTO wide SELECT n, 0, pg_temp.noise(1000) FROM generate_series(1, :rows) n;
INSERT INTO document SELECT n, 0, pg_temp.noise(8000) FROM generate_series(1, :rows) n;
ALTER TABLE narrow REPLICA IDENTITY :identity;
ALTER TABLE account REPLICA IDENTITY :identity;
ALTER TABLE wide REPLICA IDENTITY :identity;
ALTER TABLE document REPLICA IDENTITY :identity;
VACUUM ANALYZE narrow, account, wide, document;
CHECKPOINT;
EOF
}

echo "wal_level,identity,table,statement,transactions,wal_bytes,bytes_each"
measure() { # wal_level, identity, table
    local table=$3 before after
    echo "\\set id random(1, $rows)
UPDATE $table SET k = k + 1 WHERE id = :id;" >"$folder/update.sql"
    pgbench -n -c 1 -t "$times" -f "$folder/update.sql" --random-seed=7 >/dev/null 2>&1
    before=$(lsn)
    pgbench -n -c 1 -t "$times" -f "$folder/update.sql" --random-seed=8 >/dev/null 2>&1
    after=$(lsn)
    echo "$1,$2,$table,update,$times,$((after - before)),$(((after - before) / times))"
    # Each row once, each in a transaction of its own.
    seq "$rows" | sed "s/.*/DELETE FROM $table WHERE id = &;/" >"$folder/delete.sql"
    before=$(lsn)
    psql -Xq -f "$folder/delete.sql"
    after=$(lsn)
    echo "$1,$2,$table,delete,$rows,$((after - before)),$(((after - before) / rows))"
}

for level in replica logical; do
    for identity in DEFAULT FULL; do
        [ "$level-$identity" = replica-FULL ] && continue
        start "$level"
        make "$identity"
        for table in narrow account wide document; do measure "$level" "$identity" "$table"; done
    done
done
