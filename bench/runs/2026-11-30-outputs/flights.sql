-- calls: 500
SELECT flight, dep_time, arr_time, dest FROM flights WHERE tailnum = 'N14228' ORDER BY time_hour;
-- calls: 300
SELECT carrier, flight, dep_delay FROM flights WHERE origin = 'JFK' AND month = 7 AND day = 4 ORDER BY dep_time;
-- calls: 100
SELECT count(*), avg(arr_delay) FROM flights WHERE dest = 'ORD' AND carrier = 'UA';
-- calls: 80
SELECT p.manufacturer, p.model, count(*) FROM flights f JOIN planes p ON p.tailnum = f.tailnum WHERE f.dest = 'HNL' GROUP BY p.manufacturer, p.model;
-- calls: 50
SELECT * FROM flights WHERE dep_time IS NULL AND month = 2;
-- calls: 40
SELECT id, flight, dep_delay FROM flights ORDER BY dep_delay DESC LIMIT 10;
-- calls: 20
SELECT a.name, count(*) FROM flights f JOIN airports a ON a.faa = f.dest GROUP BY a.name ORDER BY 2 DESC LIMIT 10;
-- calls: 10
SELECT carrier, count(*) FROM flights GROUP BY carrier;
-- calls: 200
SELECT temp, wind_speed, visib FROM weather WHERE origin = 'EWR' AND time_hour = '2013-02-08T17:00:00Z';
