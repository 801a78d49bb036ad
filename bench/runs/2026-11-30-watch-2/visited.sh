#!/bin/sh
# visited.sh CALLS: instructions of Record::visited, two runs less one. From the top of the repository.
set -eu
here=bench/runs/2026-11-30-watch-2
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
src=crates/forebay/src
mkdir "$work/watch"
cp $src/mode.rs $src/error.rs $src/stats.rs "$work"
cd $src/watch
cp -r epoch.rs histogram.rs histogram measures.rs recent.rs recent slow.rs times.rs window.rs "$work/watch"
cd - >/dev/null
cp $here/visited.rs "$work/watch/mod.rs"
cat >"$work/main.rs" <<'MAIN'
#![allow(dead_code)]
mod error;
mod mode;
mod stats;
mod watch;
fn main() {
    let times = std::env::args().nth(1).unwrap().parse().unwrap();
    println!("{}", watch::run(times));
}
MAIN
rustc --edition 2024 -O -C debuginfo=line-tables-only "$work/main.rs" -o "$work/visited" 2>/dev/null
count() {
    valgrind --tool=callgrind --callgrind-out-file="$work/out" "$work/visited" "$1" 2>&1 | sed -n 's/.*Collected : //p'
}
one=$(count "$1")
two=$(count $(($1 * 2)))
echo "$(((two - one) / $1)) instructions a visit, the loop around it included"
callgrind_annotate --inclusive=yes "$work/out" 2>/dev/null | grep visited
