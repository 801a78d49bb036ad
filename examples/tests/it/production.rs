//! The plant's records, beside both files.

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::program::Program;

const PRODUCTION: &str = "production";

const TOKEN: &str = "a token of the tests";

#[test]
fn records_are_one_table_before_and_after_they_are_moved() {
    let folder = tempfile::tempdir().unwrap();
    let plant = Program::start(PRODUCTION, folder.path(), &[("ADMIN_TOKEN", TOKEN)]);
    let bare = |name: &str| Connection::open(folder.path().join(name)).unwrap();
    let (live, archive) = (bare("live.db"), bare("archive.db"));
    let count = |db: &Connection| {
        db.query_row("SELECT count(*) FROM records", [], |row| row.get::<_, i64>(0)).unwrap()
    };
    let all = count(&live);
    assert_eq!((all, count(&archive)), (2_688, 0));

    let asked = [
        "/records?from=2024-12-20&to=2025-01-05",
        "/records?lot=P24-1&limit=7",
        "/records?from=2024-12-31&to=2024-12-31",
        "/reports/months?year=2024",
        "/reports/items?from=2024-11&to=2025-02",
    ];
    let before: Vec<Value> = asked.iter().map(|path| plant.get(path).json()).collect();
    assert_eq!(before[1].as_array().unwrap().len(), 7);
    assert_eq!(before[1][0]["lot"], "P24-1228");
    assert_eq!(before[2], json!([]));
    assert_eq!(before[3].as_array().unwrap().len(), 12);
    let sum = "SELECT sum(produced) FROM records WHERE item = 'weir' \
               AND day >= '2024-11' AND day < '2025-02'";
    let weirs: i64 = live.query_row(sum, [], |row| row.get(0)).unwrap();
    assert_eq!(
        before[4][3],
        json!({ "of": "weir", "produced": weirs, "rejected": before[4][3]["rejected"] })
    );

    // Nothing is changed by a dry run, nor by whoever has no token.
    let work = |dry_run: bool| json!({ "before": "2025-01-01", "dry_run": dry_run });
    assert_eq!(plant.post("/archive", work(true)).json(), json!({ "rows": 1_344 }));
    assert_eq!(plant.post("/archive", work(false)).status, 403);
    assert_eq!(count(&live), all);
    let bearer = format!("Bearer {TOKEN}");
    let admin = |path: &str, body: Value| {
        plant.send("POST", path, &[("authorization", &bearer)], Some(body))
    };
    assert_eq!(admin("/archive", work(false)).json(), json!({ "moved": 1_344 }));
    assert_eq!((count(&live), count(&archive)), (1_344, 1_344));
    let after: Vec<Value> = asked.iter().map(|path| plant.get(path).json()).collect();
    assert_eq!(after, before);

    // What is written goes where it belongs, and is seen at once.
    let record = |day: &str| {
        let (made, lost) = (9, 1);
        json!({ "day": day, "lot": "X1", "item": "weir", "produced": made, "rejected": lost })
    };
    for day in ["2024-06-01", "2025-06-01"] {
        assert_eq!(
            plant.get(&format!("/records?lot=X1&from={day}")).json().as_array().unwrap().len(),
            0
        );
        assert_eq!(plant.post("/records", record(day)).status, 201);
        assert_eq!(plant.get(&format!("/records?lot=X1&from={day}")).json()[0]["day"], day);
    }
    assert_eq!((count(&live), count(&archive)), (1_345, 1_345));
    assert_eq!(plant.post("/records", record("soon")).status, 422);
    plant.interrupt();
}

#[test]
fn indexes_are_tried_and_made() {
    let folder = tempfile::tempdir().unwrap();
    let plant = Program::start(PRODUCTION, folder.path(), &[("ADMIN_TOKEN", TOKEN)]);
    let bare = Connection::open(folder.path().join("live.db")).unwrap();
    let indexes = || {
        let sql = "SELECT count(*) FROM sqlite_schema \
                   WHERE type = 'index' AND tbl_name = 'records'";
        bare.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    let dry = plant.post("/indexes", json!({ "dry_run": true })).json();
    assert_eq!((dry["live"]["undo"].as_array().unwrap().len(), indexes()), (3, 0));
    assert_eq!(plant.post("/indexes", json!({})).status, 403);
    let bearer = [("authorization", "Bearer a token of the tests")];
    let made = plant.send("POST", "/indexes", &bearer, Some(json!({}))).json();
    assert_eq!((&made["archive"]["undo"], indexes()), (&dry["archive"]["undo"], 3));
    let health = plant.get("/health").json();
    assert_eq!(
        (&health["live"]["status"], &health["archive"]["status"]),
        (&json!("healthy"), &json!("healthy"))
    );
    let metrics = plant.get("/metrics").body;
    assert!(metrics.contains("forebay_keyed_loads_total{cache=\"reports\"} 0\n"), "{metrics}");
}
