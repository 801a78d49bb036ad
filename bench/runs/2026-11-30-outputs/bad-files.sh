FB=${FB:-forebay}
for f in pages schema header short empty index torn newer readonly_format crypt; do F=$f.db; echo "== $F"; before=$(sha256sum $F $F-wal 2>/dev/null; ls $F*)
for c in "health" "health --deep" "stats" "advise --queries q.sql"; do echo "-- $c"; case "$c" in adv*) timeout 60 $FB advise $F --queries q.sql;; *) timeout 60 $FB $c $F;; esac 2>&1 | grep -v "^ok \|^unknown" | cut -c1-400 | head -${N:-14}; echo "exit ${PIPESTATUS[0]}"; done
after=$(sha256sum $F $F-wal 2>/dev/null; ls $F*); [ "$before" = "$after" ] && echo "unchanged" || { echo CHANGED; diff <(echo "$before") <(echo "$after"); }; done
for F in letter.txt zip.db adir dangling.db missing.db nofolder/x.db; do echo "== $F"; for c in health stats; do timeout 20 $FB $c $F 2>&1 | head -5; done; ls $F* 2>&1 | head -3; done
echo "== pipe"; timeout 5 $FB health pipe; echo "exit $?"
