#!/bin/sh
# Loads the files of compare-tpch: load.sh FOLDER sqlite FILE, or load.sh FOLDER postgres URL.
set -eu
cd "$1"
tables="region nation supplier customer part partsupp orders lineitem"
case "$2" in
sqlite)
    sqlite3 "$3" < schema.sql
    for table in $tables; do
        sqlite3 -csv "$3" ".import --skip 1 $table.csv $table"
    done
    ;;
postgres)
    psql -q -v ON_ERROR_STOP=1 "$3" -f schema.sql
    for table in $tables; do
        psql -q -v ON_ERROR_STOP=1 "$3" -c "\\copy $table FROM $table.csv WITH (FORMAT csv, HEADER)"
    done
    ;;
esac
