//! Rules on a real database: which acts, what it does, and that it never takes exactness away
//! unless it says so.

use std::time::Duration;

use forebay::{Builder, Db, Error, Outcome, Rule, Value};

use crate::place::Place;

const SCHEMA: &str = "
    CREATE TABLE t (id INTEGER PRIMARY KEY, n INT);
    CREATE TABLE u (id INTEGER PRIMARY KEY, n INT);
    CREATE VIEW both AS SELECT t.n AS n FROM t JOIN u USING (id);
    INSERT INTO t VALUES (1, 1), (2, 2);
    INSERT INTO u VALUES (1, 1), (2, 2);
";
const OF_T: &str = "SELECT n FROM t WHERE id = 1";
const OF_U: &str = "SELECT n FROM u WHERE id = 2";
const OF_BOTH: &str = "SELECT n FROM both WHERE n = 1";
const WRITE: &str = "UPDATE t SET n = n + 1 WHERE id = 1";
const LONG: Duration = Duration::from_secs(3_600);

async fn open(set: impl FnOnce(Builder) -> Builder) -> (Place, Db) {
    let place = Place::new();
    place.open(SCHEMA).await.close().await;
    let db = set(place.builder()).open().await.unwrap();
    (place, db)
}

/// The number that a statement answers, and whether it was at hand.
async fn ask(db: &Db, sql: &str) -> (i64, bool) {
    let outcome = db.query(sql).fetch().await.unwrap();
    let Value::Integer(number) = outcome.rows.values(0)[0] else { panic!("no number") };
    (number, outcome.cached)
}

#[tokio::test]
async fn a_denied_statement_is_refused_wherever_it_is_run() {
    let (_place, db) = open(|it| it.rule(Rule::new("closed").table("U").deny("not now"))).await;
    let is_told = |error: Error| {
        assert!(error.is_denied(), "{error}");
        assert!(
            error.to_string().contains("\"closed\" refuses this statement: not now"),
            "{error}"
        );
    };
    for sql in [OF_U, OF_BOTH, "DELETE FROM u"] {
        is_told(db.query(sql).fetch().await.unwrap_err());
        is_told(db.query(sql).all::<i64>().await.unwrap_err());
        is_told(db.query(sql).shared::<i64>().await.unwrap_err());
        is_told(db.query(sql).stream::<i64>().await.err().unwrap());
        is_told(db.prepare(sql).query().fetch().await.unwrap_err());
        let session = db.session();
        is_told(session.query(sql).fetch().await.unwrap_err());
        session.execute("BEGIN").await.unwrap();
        is_told(session.query(sql).fetch().await.unwrap_err());
        session.execute("ROLLBACK").await.unwrap();
        let inside = db.transaction(|tx| async move { tx.query(sql).fetch().await });
        is_told(inside.await.unwrap_err());
    }
    assert_eq!(ask(&db, OF_T).await, (1, false));
    assert_eq!(ask(&db, OF_T).await, (1, true));
    let rules = db.rules();
    assert_eq!((rules[0].statements, rules[0].denied), (3, 24), "{rules:?}");
    db.set_rules([]).unwrap();
    assert_eq!(ask(&db, OF_U).await.0, 2);
}

#[tokio::test]
async fn what_may_be_stale_has_to_be_said_by_the_rule_and_not_refused_by_the_query() {
    let (_place, db) = open(|it| it).await;
    let write = async || db.execute(WRITE).await.map(drop).unwrap();
    let rule = || Rule::new("old").table("t");
    assert!(db.set_rules([rule().ttl_only(LONG)]).unwrap_err().is_usage());
    // A ttl alone keeps answers exact.
    db.set_rules([rule().ttl(LONG)]).unwrap();
    for expect in 1..4 {
        assert_eq!(ask(&db, OF_T).await.0, expect);
        assert_eq!(ask(&db, OF_T).await, (expect, true));
        write().await;
    }
    db.set_rules([rule().stale().ttl_only(LONG)]).unwrap();
    assert_eq!(ask(&db, OF_T).await, (3, true), "what was kept is judged by the new words");
    db.cache().clear();
    assert_eq!(ask(&db, OF_T).await, (4, false));
    write().await;
    assert_eq!(ask(&db, OF_T).await, (4, true), "as the rule says");
    assert_eq!(db.query(OF_T).exact().one::<i64>().await.unwrap(), 5);
    assert_eq!(db.query(OF_T).no_cache().one::<i64>().await.unwrap(), 5);
    assert_eq!(db.query(OF_T).ttl(LONG).one::<i64>().await.unwrap(), 4, "it counts before");
    let stats = db.stats();
    assert_eq!(stats.cache.policies.aged, 3);
    // What was kept under a rule is judged by what is in force.
    db.set_rules([]).unwrap();
    assert_eq!(ask(&db, OF_T).await.0, 5);
    assert_eq!(db.query(OF_T).ttl(LONG).one::<i64>().await.unwrap(), 5);
}

#[tokio::test]
async fn bounds_tags_and_the_way_past_the_cache() {
    let (_place, db) = open(|it| it).await;
    let rows = "SELECT n FROM t";
    db.set_rules([Rule::new("r").text("select n from t").max_rows(1)]).unwrap();
    assert!(db.query(rows).fetch().await.unwrap_err().is_too_large());
    assert!(db.query(rows).max_rows(5).fetch().await.unwrap_err().is_too_large());
    assert_eq!(db.query("SELECT n FROM u").all::<i64>().await.unwrap().len(), 2);

    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
        SELECT count(*) FROM n";
    let limit = Duration::from_millis(20);
    db.set_rules([Rule::new("r").text("with recursive*").timeout(limit)]).unwrap();
    assert!(db.query(endless).timeout(LONG).fetch().await.unwrap_err().is_timeout());
    let session = db.session();
    session.execute("BEGIN").await.unwrap();
    assert!(session.query(endless).fetch().await.unwrap_err().is_timeout());
    drop(session);

    db.set_rules([Rule::new("r").table("t").no_cache()]).unwrap();
    for _ in 0..3 {
        assert_eq!(ask(&db, OF_T).await, (1, false));
    }

    db.set_rules([Rule::new("r").table("t").tag("x")]).unwrap();
    assert_eq!(ask(&db, OF_T).await, (1, false));
    assert_eq!(ask(&db, OF_T).await, (1, true));
    db.delete_by_tag("x");
    assert_eq!(ask(&db, OF_T).await, (1, false));
}

#[tokio::test]
async fn explain_and_the_statistics_name_the_rule() {
    let (_place, db) = open(|it| it).await;
    let fingerprint = db.explain(OF_T).await.unwrap().fingerprint;
    let first = Rule::new("first").fingerprint(fingerprint).ttl(LONG);
    db.set_rules([first, Rule::new("second").text("select*").deny("no")]).unwrap();
    let explained = db.explain(OF_T).await.unwrap();
    assert_eq!(explained.rule, "first: ttl 3600s");
    assert_eq!(explained.policy, "ttl 3600s");
    assert_eq!(db.explain(OF_U).await.unwrap().rule, "second: refused: no");
    assert_eq!(db.explain(WRITE).await.unwrap().rule, "");
    ask(&db, OF_T).await;
    let rule_of = |db: &Db| {
        let all = db.stats().fingerprints;
        all.into_iter().find(|it| it.id == fingerprint).unwrap().rule
    };
    assert_eq!(rule_of(&db).as_deref(), Some("first"));
    let names: Vec<String> = db.rules().into_iter().map(|it| it.name).collect();
    assert_eq!(names, ["first", "second"]);
    let twice = [Rule::new("x").no_cache(), Rule::new("x").no_cache()];
    assert!(db.set_rules(twice).unwrap_err().is_usage());
    assert_eq!(db.rules().len(), 2, "all or none");
    db.set_rules([]).unwrap();
    assert_eq!(rule_of(&db), None);
}

/// What a statement of the model comes to.
#[derive(Debug, PartialEq)]
enum Fate {
    Denied,
    TooLarge,
    Past,
    Kept,
}

/// What a rule of the model fits, and what it does.
#[derive(Clone, Copy, Debug)]
struct Drawn {
    fits: usize,
    does: usize,
}

const STATEMENTS: [&str; 3] = [OF_T, OF_U, OF_BOTH];

/// Which of the statements each way to say it fits.
const FITS: [(&str, [bool; 3]); 6] = [
    ("", [true, true, true]),
    ("table t", [true, false, true]),
    ("table ?", [true, true, true]),
    ("table u", [false, true, true]),
    ("text *both*", [false, false, true]),
    ("text *where id = ?", [true, true, false]),
];

impl Drawn {
    fn rule(self, index: usize) -> Rule {
        let rule = Rule::new(format!("rule {index}"));
        let rule = match FITS[self.fits].0.split_once(' ') {
            Some(("table", pattern)) => rule.table(pattern),
            Some((_, pattern)) => rule.text(pattern),
            None => rule,
        };
        match self.does {
            0 => rule.deny("no"),
            1 => rule.max_rows(0),
            2 => rule.no_cache(),
            _ => rule.ttl(LONG),
        }
    }

    fn fate(self) -> Fate {
        match self.does {
            0 => Fate::Denied,
            1 => Fate::TooLarge,
            2 => Fate::Past,
            _ => Fate::Kept,
        }
    }
}

fn fate(done: Result<Outcome, Error>) -> Fate {
    match done {
        Ok(outcome) => {
            assert!(matches!(outcome.rows.values(0)[0], Value::Integer(1 | 2)));
            if outcome.cached { Fate::Kept } else { Fate::Past }
        }
        Err(error) if error.is_denied() => Fate::Denied,
        Err(error) if error.is_too_large() => Fate::TooLarge,
        Err(error) => panic!("{error}"),
    }
}

/// The first rule that fits acts, on whatever way a statement is run, and whenever it was set.
#[tokio::test]
async fn random_rules_act_as_the_model_says() {
    let (_place, db) = open(|it| it.worth_it(false)).await;
    let mut random = fastrand::Rng::with_seed(11);
    for _ in 0..120 {
        let count = random.usize(..4);
        let drawn: Vec<Drawn> = (0..count)
            .map(|_| Drawn { fits: random.usize(..FITS.len()), does: random.usize(..4) })
            .collect();
        let rules = drawn.iter().enumerate().map(|(index, drawn)| drawn.rule(index));
        db.set_rules(rules).unwrap();
        for (index, sql) in STATEMENTS.into_iter().enumerate() {
            let acts = drawn.iter().find(|drawn| FITS[drawn.fits].1[index]);
            let expect = acts.map_or(Fate::Kept, |drawn| drawn.fate());
            // Twice, since what is kept has to be read first.
            let _ = db.query(sql).fetch().await;
            assert_eq!(fate(db.query(sql).fetch().await), expect, "{sql} under {drawn:?}");
            let inside = db.transaction(|tx| async move { tx.query(sql).fetch().await }).await;
            let inside = fate(inside);
            let is_refused = matches!(expect, Fate::Denied | Fate::TooLarge);
            let expect = if is_refused { expect } else { Fate::Past };
            assert_eq!(inside, expect, "{sql} in a transaction under {drawn:?}");
        }
    }
}

/// The rules of one space take no room from others, and are deleted with them.
#[tokio::test]
async fn a_space_has_a_bound_of_its_own() {
    let day = Duration::from_secs(86_400);
    let roomy = |bytes| Rule::new("u").table("u").ttl(day).space("small", bytes);
    let (_place, db) =
        open(|it| it.rule(Rule::new("t").table("t").ttl(day)).rule(roomy(64_000))).await;
    let long = |n: u32| format!("SELECT n, '{}' FROM u WHERE id = 2 AND {n} > 0", "x".repeat(900));
    assert_eq!((ask(&db, OF_T).await, ask(&db, OF_T).await), ((1, false), (1, true)));
    for n in 1..=400 {
        ask(&db, &long(n)).await;
    }
    let stats = || db.stats().cache.policies;
    let space = || stats().spaces[0].clone();
    assert_eq!((stats().entries, stats().evictions), (1, 0), "{:?}", stats());
    assert!(space().entries > 0 && space().evictions > 100, "{:?}", space());
    assert!(space().bytes <= 64_000 && space().bytes_max == 64_000, "{:?}", space());
    assert_eq!(ask(&db, OF_T).await, (1, true), "others lose nothing");
    // Another bound takes effect at once, and the same statement is found where it lies.
    db.set_rules([roomy(1_000_000)]).unwrap();
    assert_eq!((space().bytes_max, stats().spaces.len()), (1_000_000, 1));
    assert_eq!((ask(&db, OF_U).await, ask(&db, OF_U).await), ((2, false), (2, true)));
    // It stays exact, and is cleared like everything.
    db.execute("UPDATE u SET n = 3 WHERE id = 2").await.unwrap();
    assert_eq!((ask(&db, OF_U).await, ask(&db, OF_U).await), ((3, false), (3, true)));
    db.cache().clear();
    assert_eq!(space().entries, 0);
    let twice = [roomy(64_000), Rule::new("v").table("t").space("small", 65_000)];
    let refused = db.set_rules(twice).unwrap_err();
    assert!(refused.to_string().contains("different bounds"), "{refused}");
}
