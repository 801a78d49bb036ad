use std::time::Instant;

use cluster::{Cluster, Follow, Settings};
use forebay::{Error, Followed, Setup, SetupFinding, SetupPlan, SetupTable};

use crate::place::{Place, ms, on_each, on_each_version, until};

/// Tables of every sort, strange names, and a publication and an event trigger of somebody else.
const SCHEMA: &str = r#"
CREATE TABLE plain (id int PRIMARY KEY, k int);
CREATE TABLE nokey (id int, k int);
CREATE TABLE whole (id int, k int);
ALTER TABLE whole REPLICA IDENTITY FULL;
CREATE TABLE nothing (id int PRIMARY KEY, k int);
ALTER TABLE nothing REPLICA IDENTITY NOTHING;
CREATE UNLOGGED TABLE fleeting (id int PRIMARY KEY, k int);
CREATE MATERIALIZED VIEW seen AS SELECT * FROM plain;
CREATE TABLE parted (id int PRIMARY KEY, k int) PARTITION BY RANGE (id);
CREATE TABLE part PARTITION OF parted FOR VALUES FROM (0) TO (100);
CREATE TABLE loose (id int, k int) PARTITION BY RANGE (id);
CREATE TABLE loose_part PARTITION OF loose FOR VALUES FROM (0) TO (100);
CREATE SCHEMA "Strange ""one""";
CREATE TABLE "Strange ""one"""."a""b" (id int PRIMARY KEY, k int);
CREATE TABLE "Strange ""one"""."it's \ 'quoted'" (id int NOT NULL, k int);
CREATE UNIQUE INDEX "An index" ON "Strange ""one"""."it's \ 'quoted'" (id);
ALTER TABLE "Strange ""one"""."it's \ 'quoted'" REPLICA IDENTITY USING INDEX "An index";
CREATE TABLE "UPPER case.with a dot" (id int PRIMARY KEY, k int);
CREATE TABLE "häßlich 表 🦀" (id int, k int);
CREATE TABLE "all" (id int PRIMARY KEY, k int);
CREATE PUBLICATION other FOR TABLE plain;
CREATE FUNCTION other_told() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER other_told ON sql_drop EXECUTE FUNCTION other_told();
"#;

/// What setup touches, whole rows of it.
const CATALOGUE: &str = "
SELECT 'p', p::text FROM pg_publication p
UNION ALL SELECT 'r', r::text FROM pg_publication_rel r
UNION ALL SELECT 'e', e::text FROM pg_event_trigger e
UNION ALL SELECT 'n', n::text FROM pg_namespace n WHERE nspname !~ '^pg_(toast_)?temp'
UNION ALL SELECT 'i', indexrelid || ':' || indisreplident FROM pg_index
UNION ALL SELECT 'c', concat_ws(':', oid, relname, relreplident, relkind) FROM pg_class
UNION ALL SELECT 'f', oid || ':' || proname FROM pg_proc WHERE oid >= 16384
UNION ALL SELECT 'd', d::text FROM pg_description d WHERE objoid >= 16384
ORDER BY 1, 2";

fn setup(place: &Place) -> Setup {
    Setup::new(place.url()).unwrap()
}

/// With some of the tables at FULL.
fn full(place: &Place) -> Setup {
    let names = ["nokey", "nothing", "Strange \"one\".it's \\ 'quoted'", "parted", "häßlich 表 🦀"];
    names.into_iter().fold(setup(place), Setup::full)
}

async fn make(setup: &Setup) {
    let plan = setup.plan().await.unwrap();
    let status = setup.apply(&plan, |_| ()).await.unwrap();
    assert_eq!(faults(&status.findings), [] as [&str; 0]);
}

async fn unmake(setup: &Setup) {
    let plan = setup.plan_undo().await.unwrap();
    let status = setup.apply(&plan, |_| ()).await.unwrap();
    assert_eq!(status.findings, []);
}

fn faults(findings: &[SetupFinding]) -> Vec<&str> {
    let faults = findings.iter().filter(|finding| finding.is_fault);
    faults.map(|finding| finding.text.as_str()).collect()
}

/// `name followed published`, and F if it is given FULL.
fn line(table: &SetupTable) -> String {
    let SetupTable { name, followed, is_published, sets_full, .. } = table;
    let published = if *is_published { "yes" } else { "no" };
    format!("{name} {followed} {published}{}", if *sets_full { " F" } else { "" })
}

fn lines(tables: &[SetupTable]) -> Vec<String> {
    tables.iter().map(line).collect()
}

#[test]
fn made_twice_and_undone() {
    on_each("made_twice_and_undone", async |place| {
        place.psql(SCHEMA);
        let before = place.psql(CATALOGUE);
        let setup = full(place);
        let plan = setup.plan().await.unwrap();
        setup.plan_undo().await.unwrap();
        assert!(!faults(&setup.status().await.unwrap().findings).is_empty());
        assert_eq!(place.psql(CATALOGUE), before, "looking changes nothing");
        let mut done = Vec::new();
        let status = setup.apply(&plan, |step| done.push(step.about.clone())).await.unwrap();
        assert_eq!(done.len(), plan.steps.len());
        assert_eq!(faults(&status.findings), [] as [&str; 0]);
        let made = place.psql(CATALOGUE);
        assert_ne!(made, before);
        let names = "SELECT string_agg(tablename, ', ' ORDER BY tablename COLLATE \"C\")
            FROM pg_publication_tables WHERE pubname = 'forebay'";
        assert_eq!(
            place.psql(names),
            "UPPER case.with a dot, a\"b, all, häßlich 表 🦀, it's \\ 'quoted', nokey, nothing, \
             part, plain, whole"
        );
        // Whatever the application writes, it may.
        for table in [
            "plain",
            "nokey",
            "nothing",
            "fleeting",
            "parted",
            "loose",
            "\"Strange \"\"one\"\"\".\"a\"\"b\"",
            "\"Strange \"\"one\"\"\".\"it's \\ 'quoted'\"",
            "\"häßlich 表 🦀\"",
        ] {
            place.psql(&format!(
                "INSERT INTO {table} VALUES (1, 1); UPDATE {table} SET k = 2; DELETE FROM {table}"
            ));
        }
        make(&setup).await;
        let again = setup.status().await.unwrap();
        assert_eq!(lines(&again.tables), lines(&status.tables));
        unmake(&setup).await;
        assert_eq!(place.psql(CATALOGUE), before);
        let plan = setup.plan_undo().await.unwrap();
        assert_eq!((plan.steps.len(), plan.findings.len()), (0, 0));
        unmake(&setup).await;
        assert_eq!(place.psql(CATALOGUE), before);
    });
}

#[test]
fn each_table_as_it_can_be_followed() {
    on_each("each_table_as_it_can_be_followed", async |place| {
        place.psql(SCHEMA);
        let plan = full(place).plan().await.unwrap();
        let expect = [
            "a\"b keys no",
            "it's \\ 'quoted' rows no F",
            "UPPER case.with a dot keys no",
            "all keys no",
            "fleeting never no",
            "häßlich 表 🦀 rows no F",
            "loose never no",
            "loose_part never no",
            "nokey rows no F",
            "nothing rows no F",
            "part rows no F",
            "parted rows no",
            "plain keys no",
            "seen whole no",
            "whole rows no",
        ];
        let mut said = lines(&plan.tables);
        said.sort_by_key(|line| expect.iter().position(|known| known == line));
        assert_eq!(said, expect);
        for table in &plan.tables {
            let is_explained = matches!(table.followed, Followed::Whole | Followed::Never);
            assert_eq!(table.why.is_some(), is_explained, "{table:?}");
            assert_eq!(table.owner, "postgres");
        }
        let part = plan.tables.iter().find(|table| table.name == "part").unwrap();
        assert_eq!(part.partition_of.as_deref(), Some("public.parted"));
        // Without FULL, and all of them.
        let as_is = setup(place).plan().await.unwrap();
        assert!(as_is.tables.iter().all(|table| !table.sets_full));
        let nokey = as_is.tables.iter().find(|table| table.name == "nokey").unwrap();
        assert!(nokey.why.unwrap().contains("primary key"), "{nokey:?}");
        let all = setup(place).full_all().full("nokey").plan().await.unwrap();
        assert_eq!(all.tables.iter().filter(|table| table.sets_full).count(), 9);
        let plan = setup(place).leave_out("plain").leave_out("parted").plan().await.unwrap();
        let said = lines(&plan.tables);
        for left_out in ["plain never no", "parted never no", "part never no"] {
            assert!(said.contains(&left_out.to_owned()), "{said:?}");
        }
        assert!(!plan.steps.last().unwrap().sql.contains("\"plain\""));
    });
}

#[test]
fn a_table_left_out_is_left_out_until_it_is_not() {
    on_each("a_table_left_out", async |place| {
        place.psql(SCHEMA);
        let published = "SELECT count(*) FROM pg_publication_tables
            WHERE pubname = 'forebay' AND tablename = 'plain'";
        let without = setup(place).leave_out("public.plain");
        make(&without).await;
        assert_eq!(place.psql(published), "0");
        let notices = |findings: &[SetupFinding]| format!("{findings:?}");
        let status = without.status().await.unwrap();
        assert!(!notices(&status.findings).contains("public.plain"), "{status:?}");
        let status = setup(place).status().await.unwrap();
        assert!(notices(&status.findings).contains("public.plain is not published"), "{status:?}");
        make(&setup(place)).await;
        assert_eq!(place.psql(published), "1");
    });
}

#[test]
fn what_is_asked_wrongly_is_refused() {
    on_each("what_is_asked_wrongly_is_refused", async |place| {
        place.psql(SCHEMA);
        let unknown = |error: Error, name: &str| {
            assert!(error.is_usage() && error.message().contains(name), "{error:?}");
        };
        unknown(setup(place).full("nope").plan().await.unwrap_err(), "nope");
        unknown(setup(place).full("PLAIN").plan().await.unwrap_err(), "PLAIN");
        unknown(setup(place).leave_out("part").plan().await.unwrap_err(), "part");
        unknown(setup(place).leave_out("other.plain").status().await.unwrap_err(), "other.plain");
        for url in ["sqlite:app.db", "app.db", ":memory:", "mysql://a@h/x", "postgres:app"] {
            unknown(Setup::new(url).unwrap_err(), "postgres://");
        }
        let error = Setup::new("postgres://ada:falsch@h:port/x").unwrap_err();
        assert!(error.is_usage() && !format!("{error:?}").contains("falsch"), "{error:?}");
        let setup = Setup::new("postgres://ada:falsch@127.0.0.1:1/x").unwrap();
        assert!(!format!("{setup:?}").contains("falsch"));
        let error = setup.plan().await.unwrap_err();
        assert!(error.is_open() && !format!("{error:?}").contains("falsch"), "{error:?}");
    });
}

/// Nothing is done that was not shown.
#[test]
fn a_plan_that_is_out_of_date_is_refused() {
    on_each("a_plan_that_is_out_of_date_is_refused", async |place| {
        let setup = setup(place);
        let plan = setup.plan().await.unwrap();
        place.psql("CREATE TABLE late (id int PRIMARY KEY)");
        let before = place.psql(CATALOGUE);
        let error = setup.apply(&plan, |_| ()).await.unwrap_err();
        assert!(error.message().contains("changed since"), "{error:?}");
        assert_eq!(place.psql(CATALOGUE), before);
        make(&setup).await;
    });
}

/// A schema of that name that was there before is neither used nor removed.
#[test]
fn what_setup_did_not_make_is_left_alone() {
    on_each("what_setup_did_not_make_is_left_alone", async |place| {
        place.psql(
            "CREATE SCHEMA forebay; CREATE TABLE forebay.precious (id int PRIMARY KEY);
             CREATE PUBLICATION forebay FOR TABLE forebay.precious;
             CREATE TABLE kept (id int PRIMARY KEY)",
        );
        let before = place.psql(CATALOGUE);
        let setup = setup(place);
        let plan = setup.plan().await.unwrap();
        assert!(faults(&plan.findings)[0].contains("did not make"), "{plan:?}");
        let error = setup.apply(&plan, |_| panic!("nothing is done")).await.unwrap_err();
        assert!(error.message().contains("nothing was changed"), "{error:?}");
        let plan = setup.plan_undo().await.unwrap();
        assert_eq!(plan.steps, []);
        assert!(plan.findings[0].text.contains("left alone"), "{plan:?}");
        setup.apply(&plan, |_| ()).await.unwrap();
        assert_eq!(place.psql(CATALOGUE), before);
        place.psql("DROP SCHEMA forebay CASCADE");
        let plan = setup.plan().await.unwrap();
        assert!(faults(&plan.findings)[0].contains("publication forebay"), "{plan:?}");
        let plan = setup.plan_undo().await.unwrap();
        assert!(plan.findings[0].text.contains("DROP PUBLICATION"), "{plan:?}");
    });
}

#[test]
fn a_role_without_rights_is_told_which() {
    on_each("a_role_without_rights_is_told_which", async |place| {
        let (role, name) = (format!("{}_role", place.name()), place.name());
        place.psql(SCHEMA);
        place.psql(&format!("CREATE ROLE {role} LOGIN"));
        let setup = Setup::new(place.url_for(&role)).unwrap();
        let before = place.psql(CATALOGUE);
        let plan = setup.plan().await.unwrap();
        assert!(faults(&plan.findings)[0].contains("REPLICATION"), "{plan:?}");
        assert!(setup.apply(&plan, |_| ()).await.unwrap_err().is_usage());
        place.psql(&format!("ALTER ROLE {role} REPLICATION"));
        let denied = async |plan: SetupPlan, at: &str, done: &str| {
            let error = setup.apply(&plan, |_| ()).await.unwrap_err();
            assert!(error.is_denied() && error.code() == Some("42501"), "{error:?}");
            for part in [at, done, "superuser", "run it"] {
                assert!(error.message().contains(part), "{part}: {error}");
            }
        };
        denied(setup.plan().await.unwrap(), "step 1 of", "nothing was changed").await;
        assert_eq!(place.psql(CATALOGUE), before);
        place.psql(&format!("GRANT CREATE ON DATABASE {name} TO {role}"));
        denied(setup.plan().await.unwrap(), "step 2 of", "before it is done").await;
        // What it has left may be a trap for a superuser.
        let superuser = full(place);
        let plan = superuser.plan().await.unwrap();
        assert!(faults(&plan.findings)[0].contains(&role), "{plan:?}");
        assert!(superuser.apply(&plan, |_| ()).await.unwrap_err().is_usage());
        let error = place.attempt(&plan.steps[0].sql).unwrap_err();
        assert!(error.contains("belongs to another role"), "{error}");
        let plan = superuser.plan_undo().await.unwrap();
        assert_eq!((faults(&plan.findings).len(), plan.steps.len()), (1, 0), "{plan:?}");
        let left = place.psql(CATALOGUE);
        for step in setup.plan_undo().await.unwrap().steps {
            place.psql(&step.sql);
        }
        assert_eq!(place.psql(CATALOGUE), left, "undone by the wrong role");
        unmake(&setup).await;
        assert_eq!(place.psql(CATALOGUE), before);
        make(&superuser).await;
        assert!(faults(&setup.status().await.unwrap().findings).is_empty());
        // It may look, not change.
        let error = setup.plan_undo().await.unwrap_err();
        assert!(error.is_denied(), "{error:?}");
        unmake(&superuser).await;
        place.psql(&format!("REVOKE CREATE ON DATABASE {name} FROM {role}; DROP ROLE {role}"));
        assert_eq!(place.psql(CATALOGUE), before);
    });
}

#[test]
fn a_server_that_is_not_ready_is_told_what_to_set() {
    on_each_version("a_server_that_is_not_ready", async |version| {
        let lines = ["wal_level = replica", "max_replication_slots = 0", "max_wal_senders = 0"];
        let settings =
            Settings { lines: lines.map(str::to_owned).to_vec(), ..Settings::on(version) };
        let cluster = Cluster::start(settings).unwrap();
        cluster.psql("CREATE TABLE plain (id int PRIMARY KEY)").unwrap();
        let before = cluster.psql(CATALOGUE).unwrap();
        let setup = Setup::new(cluster.url()).unwrap();
        let plan = setup.plan().await.unwrap();
        let error = setup.apply(&plan, |_| panic!("nothing is done")).await.unwrap_err();
        for part in [
            "ALTER SYSTEM SET wal_level = 'logical'",
            "ALTER SYSTEM SET max_replication_slots = 1",
            "ALTER SYSTEM SET max_wal_senders = 1",
            "nothing was changed",
        ] {
            assert!(error.message().contains(part), "{part}: {error}");
        }
        assert_eq!(cluster.psql(CATALOGUE).unwrap(), before);
        // What is asked for is enough.
        for line in faults(&plan.findings) {
            let command = line.split_once(": ").unwrap().1.split_once(", and").unwrap().0;
            cluster.psql(command).unwrap();
        }
        cluster.restart().unwrap();
        make(&setup).await;
        // The last slot may be Forebay's own.
        for (name, count) in [("forebay_1", 0), ("other", 1)] {
            let mut session = cluster.session("postgres").unwrap();
            let slot = format!("pg_create_logical_replication_slot('{name}', 'pgoutput', true)");
            session.query(&format!("SELECT {slot}")).unwrap();
            assert_eq!(faults(&setup.status().await.unwrap().findings).len(), count, "{name}");
            session.query(&format!("SELECT pg_drop_replication_slot('{name}')")).unwrap();
        }
        // Amazon RDS gives the right by membership.
        cluster.psql("CREATE ROLE rds_replication; CREATE ROLE rds LOGIN").unwrap();
        let rds = Setup::new(cluster.url_for("rds", "postgres")).unwrap();
        assert_eq!(faults(&rds.status().await.unwrap().findings).len(), 1);
        cluster.psql("GRANT rds_replication TO rds").unwrap();
        assert_eq!(faults(&rds.status().await.unwrap().findings).len(), 0);
    });
}

#[test]
fn a_standby_is_refused() {
    on_each_version("a_standby_is_refused", async |version| {
        let primary = Cluster::start(Settings::on(version)).unwrap();
        let standby = Cluster::standby_of(&primary, Follow::Asynchronously).unwrap();
        let setup = Setup::new(standby.url()).unwrap();
        let plan = setup.plan().await.unwrap();
        assert!(faults(&plan.findings)[0].contains("primary"), "{plan:?}");
        assert!(setup.apply(&plan, |_| ()).await.unwrap_err().is_usage());
    });
}

#[test]
fn event_triggers_that_may_not_fire_are_told() {
    on_each_version("event_triggers_that_may_not_fire", async |version| {
        let cluster = Cluster::start(Settings::on(version)).unwrap();
        cluster.psql("CREATE ROLE provider SUPERUSER LOGIN; CREATE ROLE app").unwrap();
        let setup = Setup::new(cluster.url_for("provider", "postgres")).unwrap();
        make(&setup).await;
        cluster.psql("ALTER ROLE provider NOSUPERUSER REPLICATION").unwrap();
        let status = setup.status().await.unwrap();
        assert_eq!(faults(&status.findings), [] as [&str; 0]);
        let notices = format!("{:?}", status.findings);
        assert!(notices.contains("belong to provider"), "{notices}");
        if version.major < 17 {
            return;
        }
        for (off, on) in [
            ("ALTER ROLE app SET event_triggers = off", "ALTER ROLE app RESET event_triggers"),
            ("ALTER ROLE app SET event_triggers = 'no'", "ALTER ROLE app RESET event_triggers"),
            (
                "ALTER DATABASE postgres SET event_triggers = false",
                "ALTER DATABASE postgres SET event_triggers = true",
            ),
        ] {
            cluster.psql(off).unwrap();
            let status = setup.status().await.unwrap();
            assert!(faults(&status.findings)[0].contains("event_triggers is off"), "{off}");
            cluster.psql(on).unwrap();
            let status = setup.status().await.unwrap();
            assert_eq!(faults(&status.findings), [] as [&str; 0], "{on}");
        }
        cluster.psql("ALTER DATABASE postgres RESET event_triggers").unwrap();
        cluster.configure("event_triggers = off").unwrap();
        until_fault(&setup).await;
    });
}

/// Waits until the server has read its settings again.
async fn until_fault(setup: &Setup) {
    for _ in 0..200 {
        if !faults(&setup.status().await.unwrap().findings).is_empty() {
            return;
        }
        tokio::time::sleep(ms(50)).await;
    }
    panic!("there is no fault");
}

/// Nobody waits long behind a step that waits.
#[test]
fn a_locked_table_stops_setup_and_not_the_application() {
    on_each("a_locked_table", async |place| {
        place.psql(SCHEMA);
        let setup = setup(place).full("nokey");
        let before = place.psql(CATALOGUE);
        let db = place.open("").await;
        let holder = db.session();
        holder.execute("BEGIN").await.unwrap();
        holder.query("SELECT count(*) FROM nokey").fetch().await.unwrap();
        let plan = setup.plan().await.unwrap();
        let mut done = 0;
        let began = Instant::now();
        let error = setup.apply(&plan, |_| done += 1).await.unwrap_err();
        let took = began.elapsed();
        assert!((ms(4_900)..ms(30_000)).contains(&took), "{took:?}");
        assert!(error.is_busy() && error.code() == Some("55P03"), "{error:?}");
        for part in ["step 3 of 4", "\"public\".\"nokey\"", "before it is done", "run it again"] {
            assert!(error.message().contains(part), "{part}: {error}");
        }
        assert_eq!(done, 2);
        let identity = "SELECT relreplident FROM pg_class WHERE relname = 'nokey'";
        assert_eq!(place.psql(identity), "d");
        // Given up by its caller, it leaves nothing behind either.
        let plan = setup.plan().await.unwrap();
        let given_up = tokio::time::timeout(ms(1_000), setup.apply(&plan, |_| ())).await;
        assert!(given_up.is_err());
        until("it is stopped", || place.sessions("wait_event_type = 'Lock'") == "0").await;
        assert_eq!(place.psql(identity), "d");
        holder.execute("ROLLBACK").await.unwrap();
        make(&setup).await;
        assert_eq!(place.psql(identity), "f");
        // Undo waits no longer, and begins again.
        holder.execute("BEGIN").await.unwrap();
        holder.query("SELECT count(*) FROM nokey").fetch().await.unwrap();
        let plan = setup.plan_undo().await.unwrap();
        let error = setup.apply(&plan, |_| ()).await.unwrap_err();
        assert!(error.is_busy() && error.message().contains("step 2 of 4"), "{error:?}");
        holder.execute("ROLLBACK").await.unwrap();
        unmake(&setup).await;
        assert_eq!(place.psql(CATALOGUE), before);
        db.close().await;
    });
}

/// After whichever step it ends, it can be gone on with, and undone.
#[test]
fn what_was_left_half_way_is_finished_and_undone() {
    on_each("what_was_left_half_way", async |place| {
        place.psql(SCHEMA);
        let before = place.psql(CATALOGUE);
        let setup = full(place);
        let steps = setup.plan().await.unwrap().steps;
        for half in 0..=steps.len() {
            for is_finished in [false, true] {
                steps[..half].iter().for_each(|step| drop(place.psql(&step.sql)));
                if is_finished {
                    make(&setup).await;
                }
                unmake(&setup).await;
                assert_eq!(place.psql(CATALOGUE), before, "{half} {is_finished}");
            }
        }
        // The same of undo.
        make(&setup).await;
        let undo = setup.plan_undo().await.unwrap().steps;
        for half in 0..=undo.len() {
            undo[..half].iter().for_each(|step| drop(place.psql(&step.sql)));
            unmake(&setup).await;
            assert_eq!(place.psql(CATALOGUE), before, "{half}");
            make(&setup).await;
        }
    });
}
