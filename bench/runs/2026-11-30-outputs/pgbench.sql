-- calls: 10000
SELECT abalance FROM pgbench_accounts WHERE aid = 4711;
-- calls: 10000
UPDATE pgbench_accounts SET abalance = abalance + 17 WHERE aid = 4711;
-- calls: 10000
UPDATE pgbench_tellers SET tbalance = tbalance + 17 WHERE tid = 7;
-- calls: 10000
UPDATE pgbench_branches SET bbalance = bbalance + 17 WHERE bid = 3;
-- calls: 10000
INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES (7, 3, 4711, 17, CURRENT_TIMESTAMP);
-- calls: 30
SELECT count(*) FROM pgbench_accounts WHERE bid = 3 AND abalance < 0;
-- calls: 200
SELECT sum(delta) FROM pgbench_history WHERE aid = 4711;
