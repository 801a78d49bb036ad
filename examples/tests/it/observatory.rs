//! The observatory on servers of its own: two processes that share what was found.

use std::time::Duration;

use cluster::{Database, RedisServer};
use serde_json::{Value, json};

use crate::program::{Answer, Program, until};

const OBSERVATORY: &str = "observatory";

#[test]
fn two_processes_search_and_write() {
    if !cluster::redis_is_installed() {
        println!("skipped: no redis-server is installed");
        return;
    }
    cluster::for_each_version("two_processes_search_and_write", |version| {
        let database = Database::create(version).unwrap();
        let redis = RedisServer::start().unwrap();
        let (url, redis) = (database.url(), redis.url());
        let settings = [
            ("DATABASE_URL", url.as_str()),
            ("REDIS_URL", redis.as_str()),
            ("API_KEYS", "ada:key"),
        ];
        let folder = tempfile::tempdir().unwrap();
        let start = || Program::start(OBSERVATORY, folder.path(), &settings);
        start().interrupt();
        crate::program::set_up(&url);
        let (one, other) = (start(), start());
        for own in [&one, &other] {
            until("it follows, and hears", || {
                let text = own.get("/metrics").body;
                text.contains("forebay_replication_live{db=\"observatory\"} 1\n")
                    && text.contains("forebay_redis_hearing{redis=\"observatory\"} 1\n")
            });
        }
        pages(&one, &other, &|sql| database.psql(sql).unwrap());
        search(&one, &other, &|sql| database.psql(sql).unwrap());
        graph(&one, &database);
        limits(&one, &other);
    });
}

fn page(n: u32, body: &str) -> Value {
    let (url, title) = (format!("https://example.com/{n:04}"), format!("Page {n:04}"));
    json!({ "url": url, "title": title, "body": body })
}

fn pages(one: &Program, other: &Program, bare: &dyn Fn(&str) -> String) {
    let all: Vec<Value> =
        (0..120).map(|n| page(n, "Ada measures weirs, and the weirs of rivers.")).collect();
    let ids = one.post("/pages", json!(all)).json();
    assert_eq!(ids.as_array().unwrap().len(), 120);
    assert_eq!(bare("SELECT sum(times) FROM nouns WHERE noun = 'weirs'"), "240");
    // The same again: replaced, not doubled.
    let changed =
        one.post("/pages", json!([page(0, "Grace opens gates."), page(1, "Grace opens gates.")]));
    assert_eq!(changed.json(), json!([ids[0], ids[1]]));
    assert_eq!(bare("SELECT count(*) FROM pages"), "120");
    assert_eq!(
        bare(
            "SELECT string_agg(name, ',') FROM entities JOIN pages ON id = page_id \
             WHERE url LIKE '%/0001'"
        ),
        "Grace"
    );

    let second = other.get("/pages?page=2").json();
    assert_eq!(
        (&second["total"], &second["items"][0]["title"]),
        (&json!(120), &json!("Page 0050"))
    );
    let renamed = json!([{ "id": ids[119], "title": "A" }, { "id": ids[118], "title": "B" }]);
    assert_eq!(one.post("/pages/titles", renamed).json(), 2);
    assert_eq!(one.get("/pages").json()["items"][1]["title"], "B", "in the next answer");
    let deleted = one.delete("/pages", json!([ids[117], 999_999])).json();
    assert_eq!(deleted["pages"], 1);
    assert_eq!(deleted["cascaded"]["entities"], 1, "{deleted}");
    assert_eq!(one.get("/pages").json()["total"], 119);
    assert_eq!(one.get("/pages?page=0").status, 400);
}

fn search(one: &Program, other: &Program, bare: &dyn Fn(&str) -> String) {
    let ada = [("x-api-key", "key")];
    let session = one.send("POST", "/sessions", &ada, None).json();
    let ask = |own: &Program, words: &str| {
        own.send("GET", &format!("/sessions/{session}/search?q={words}"), &ada, None)
    };
    let gates = |own: &Program| ask(own, "gate").json().as_array().unwrap().len();
    assert_eq!((gates(one), gates(other)), (2, 2));
    let loads = |own: &Program| {
        let text = own.get("/metrics").body;
        let line = text.lines().find(|line| line.starts_with("forebay_keyed_loads_total")).unwrap();
        line.rsplit_once(' ').unwrap().1.parse::<u32>().unwrap()
    };
    assert_eq!(loads(other), 0, "the other process has it from Redis");
    // What one writes, the other finds in its next answer.
    assert_eq!(one.post("/pages", json!([page(5, "A gate.")])).status, 200);
    assert_eq!((gates(other), gates(one)), (3, 3));
    assert_eq!(ask(other, "weir%20-gate").json().as_array().unwrap().len(), 50);

    let sql = "SELECT string_agg(found::text, ',' ORDER BY id) FROM queries";
    assert_eq!(bare(sql), "2,2,3,3,50");
    assert_eq!(bare("SELECT count(*) FROM results"), "60");
    let page = one.get(&format!("/sessions/{session}/queries?per_page=2")).json();
    assert_eq!(page["items"][0]["text"], "weir -gate");
    let next =
        format!("/sessions/{session}/queries?per_page=2&after={}", page["end"].as_str().unwrap());
    assert_eq!(one.get(&next).json()["items"].as_array().unwrap().len(), 2);
    let stranger = one.get(&format!("/sessions/{session}/search?q=gate"));
    assert_eq!(stranger.status, 403);
    let plan = bare(
        "SET enable_seqscan = off; EXPLAIN SELECT id FROM pages \
         WHERE words @@ websearch_to_tsquery('english', 'gate')",
    );
    assert!(plan.contains("pages_words"), "{plan}");
}

fn graph(own: &Program, database: &Database) {
    let sql = "INSERT INTO entities SELECT p.id, 'Name' || (p.id * 17 + n) % 1100 \
               FROM pages p, generate_series(1, 14) n ON CONFLICT DO NOTHING";
    database.psql(sql).unwrap();
    let ada = ("x-api-key", "key");
    let export = |headers: &[_]| own.send("GET", "/graph?nodes=1000", headers, None);
    // What somebody else wrote is seen, and the answer stays, once the stream has told of it. As
    // Ada, whose quota is her own.
    let (mut again, mut asked) = (export(&[ada]), 1);
    let is_kept = |answer: &Answer| answer.header("cache-status").unwrap().contains("hit");
    while asked < 40 && !(is_kept(&again) && again.json()["nodes"][999].is_object()) {
        std::thread::sleep(Duration::from_millis(150));
        (again, asked) = (export(&[ada]), asked + 1);
    }
    assert!(is_kept(&again), "{:?}", again.header("cache-status"));
    let graph = again.json();
    let edges = graph["edges"].as_array().unwrap();
    assert!(edges.len() > 5_000, "{}", edges.len());
    let heaviest = &edges[0];
    let (a, b) = (heaviest["a"].as_str().unwrap(), heaviest["b"].as_str().unwrap());
    let sql = format!(
        "SELECT count(*) FROM entities JOIN entities other USING (page_id) \
         WHERE entities.name = '{a}' AND other.name = '{b}'"
    );
    assert_eq!(database.psql(&sql).unwrap(), heaviest["pages"].to_string());
    let packed = export(&[("accept-encoding", "gzip")]);
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert!(packed.body.len() * 4 < again.body.len());
    // A write through it is in the next answer.
    assert_eq!(own.post("/pages", json!([page(0, "Zoe. Zora.")])).status, 200);
    let text = own.get("/graph?nodes=1000").body;
    assert!(!text.contains("\"Grace\",\"pages\":2"));
}

/// Sixty graphs for one client, whichever process is asked, and then one in six seconds.
fn limits(one: &Program, other: &Program) {
    let (mut refused, mut asked) = (0, 0);
    while refused == 0 && asked < 130 {
        for own in [one, other] {
            asked += 1;
            refused += u32::from(own.get("/graph?nodes=1").status == 429);
        }
    }
    assert!(refused > 0 && asked < 100, "{refused} of {asked}");
    let ada = other.send("GET", "/graph?nodes=1", &[("x-api-key", "key")], None);
    assert_eq!(ada.status, 200, "she has a quota of her own");
}
