//! What is not served from the cache, and why; and beside each what is.

use super::super::{Catalogue, Outcome};
use super::server::{Session, on_servers};

const SCHEMA: &str = "
    CREATE TYPE mood AS ENUM ('sad', 'glad');
    CREATE TYPE pair AS (a int, b int);
    CREATE DOMAIN small AS int CHECK (value < 100);
    CREATE TABLE t(id int PRIMARY KEY, a int, b text, d date, e timestamptz, m mood, n small,
        p pair,
        r regclass, j jsonb, ms mood[], i interval);
    CREATE UNLOGGED TABLE unlogged(a int);
    CREATE TEMP TABLE passing(a int);
    CREATE TEMP VIEW passing_view AS SELECT a FROM t;
    CREATE TABLE secret(a int);
    ALTER TABLE secret ENABLE ROW LEVEL SECURITY;
    CREATE TABLE parent(a int);
    CREATE TABLE child(b int) INHERITS (parent);
    CREATE TABLE root(a int) PARTITION BY LIST (a);
    CREATE TABLE leaf PARTITION OF root FOR VALUES IN (1);
    CREATE TABLE bad_root(a int) PARTITION BY LIST (a);
    CREATE UNLOGGED TABLE bad_leaf PARTITION OF bad_root FOR VALUES IN (1);
    CREATE TABLE middle_root(a int, b int) PARTITION BY LIST (a);
    CREATE TABLE middle PARTITION OF middle_root FOR VALUES IN (1) PARTITION BY LIST (b);
    CREATE UNLOGGED TABLE under PARTITION OF middle FOR VALUES IN (1);
    CREATE MATERIALIZED VIEW kept AS SELECT a FROM t;
    CREATE SEQUENCE numbers;
    CREATE VIEW of_secret AS SELECT a FROM secret;
    CREATE VIEW of_time AS SELECT a FROM t WHERE d < current_date;
    CREATE VIEW of_that_day AS SELECT a FROM t WHERE d = 'today';
    CREATE FUNCTION mine(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1';
    CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int);
    CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq);
    CREATE OPERATOR ~== (LEFTARG = int, RIGHTARG = int, FUNCTION = int4ne);
    CREATE FUNCTION lies(int, int) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true';
    CREATE OPERATOR =~= (LEFTARG = int, RIGHTARG = int, FUNCTION = lies)
";

/// The statement, the types of its parameters, and the reason as it prints; `ok` if there is none.
const CASES: &[(&str, &str, &str)] = &[
    // Writes and locks.
    ("INSERT INTO t(id) VALUES (1) RETURNING id", "", "Write"),
    ("WITH w AS (DELETE FROM t RETURNING a) SELECT * FROM w", "", "Write"),
    ("SELECT a FROM t FOR UPDATE", "", "Lock"),
    ("SELECT a FROM (SELECT a FROM t FOR SHARE) q", "", "Lock"),
    ("SELECT nextval('numbers')", "", "Type(2205)"),
    ("SELECT lastval()", "", "Function(\"lastval\")"),
    // Relations.
    ("SELECT relname FROM pg_class", "", "SystemTable(\"pg_catalog.pg_class\")"),
    ("SELECT 1 FROM information_schema.tables", "", "SystemTable"),
    ("SELECT a FROM passing", "", "Temporary(\"pg_temp"),
    ("SELECT a FROM passing_view", "", "Temporary"),
    ("SELECT a FROM unlogged", "", "NotStreamed(\"public.unlogged\", "),
    ("SELECT a FROM secret", "", "RowSecurity(\"public.secret\")"),
    ("SELECT a FROM of_secret", "", "RowSecurity(\"public.secret\")"),
    ("SELECT a FROM parent", "", "Inherited(\"public.parent\")"),
    ("SELECT a FROM ONLY parent", "", "ok"),
    ("SELECT a FROM child", "", "ok"),
    ("SELECT a FROM root", "", "ok"),
    ("SELECT a FROM leaf", "", "ok"),
    ("SELECT a FROM bad_root", "", "NotStreamed(\"public.bad_root\", "),
    ("SELECT a FROM middle_root", "", "NotStreamed(\"public.middle_root\", "),
    ("SELECT a FROM middle", "", "NotStreamed(\"public.middle\", "),
    ("SELECT a FROM under", "", "NotStreamed(\"public.under\", "),
    ("SELECT a FROM kept", "", "Materialized(\"public.kept\")"),
    ("SELECT last_value FROM numbers", "", "Kind(\"public.numbers\")"),
    ("SELECT a FROM t TABLESAMPLE SYSTEM (10)", "", "Sample"),
    ("SELECT ctid, a FROM t", "", "SystemColumn"),
    ("SELECT a FROM t WHERE xmin::text = '5'", "", "SystemColumn"),
    ("SELECT tableoid FROM t", "", "SystemColumn"),
    // Functions.
    ("SELECT now()", "", "Function(\"now\")"),
    ("SELECT current_timestamp", "", "Session"),
    ("SELECT current_date", "", "Session"),
    ("SELECT a FROM of_time", "", "Session"),
    ("SELECT current_user", "", "Session"),
    ("SELECT random()", "", "Function(\"random\")"),
    ("SELECT a FROM t ORDER BY random()", "", "Function(\"random\")"),
    ("SELECT a FROM t WHERE a = mine(1)", "", "Function(\"mine\")"),
    ("SELECT total(a) FROM t", "", "Function(\"total\")"),
    ("SELECT sum(a) FROM t", "", "ok"),
    ("SELECT a FROM t WHERE a === 1", "", "ok"),
    ("SELECT a FROM t WHERE a =~= 1", "", "Function(\"lies\")"),
    ("SELECT current_setting('TimeZone')", "", "Function(\"current_setting\")"),
    ("SELECT pg_sleep(0)", "", "Type(2278)"),
    ("SELECT 1 FROM pg_ls_waldir()", "", "Function(\"pg_ls_waldir\")"),
    ("SELECT age(e) FROM t", "", "Function(\"age\")"),
    ("SELECT age(e, e) FROM t", "", "ok"),
    ("SELECT date_trunc('day', e), extract(year FROM e), e + interval '1 day' FROM t", "", "ok!"),
    ("SELECT to_char(e, 'YYYY'), e::date FROM t", "", "ok!"),
    ("SELECT d > e FROM t", "", "ok!"),
    ("SELECT upper(b), length(b), b || 'x', a % 3, substring(b, 1, 2) FROM t", "", "ok"),
    ("SELECT to_tsvector(b) FROM t", "", "Function(\"to_tsvector\")"),
    ("SELECT to_tsvector('english', b) FROM t", "", "Type(3734)"),
    ("SELECT * FROM generate_series(1, 3) g", "", "ok"),
    ("SELECT * FROM pg_ls_dir('.') g", "", "Function(\"pg_ls_dir\")"),
    ("SELECT row_number() OVER (ORDER BY a) FROM t", "", "ok"),
    ("SELECT sum(a) OVER (ORDER BY a RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING) FROM t", "", "ok"),
    ("SELECT jsonb_agg(a), to_json(b), format('%s', a) FROM t GROUP BY b, a", "", "ok!"),
    ("SELECT to_json(m) FROM t", "", "Function(\"to_json\")"),
    ("SELECT concat(a, 'x') FROM t WHERE m = 'sad'", "", "Function(\"concat\")"),
    // Casts.
    ("SELECT a::text, b::int, j::text FROM t", "", "ok!"),
    ("SELECT b::timestamptz FROM t", "", "Function(\"a cast by way of a text\")"),
    ("SELECT e::text FROM t", "", "ok!"),
    ("SELECT b::regclass FROM t", "", "Type(2205)"),
    ("SELECT b::mood FROM t", "", "Function(\"a cast by way of a text\")"),
    ("SELECT a::small FROM t", "", "Node(\"COERCETODOMAIN\")"),
    ("SELECT '{1}'::int[]::bigint[]", "", "ok"),
    // Types.
    ("SELECT m, ms FROM t WHERE m = 'sad' ORDER BY m", "", "ok"),
    ("SELECT n FROM t WHERE n > 1", "", "ok"),
    ("SELECT p FROM t", "", "Type("),
    ("SELECT (p).a FROM t", "", "Node(\"FIELDSELECT\")"),
    ("SELECT t FROM t", "", "Type("),
    ("SELECT r FROM t", "", "Type(2205)"),
    ("SELECT a FROM t JOIN child USING (a)", "", "ok"),
    ("SELECT j->'a', j['a'] FROM t", "", "ok"),
    ("SELECT a FROM t WHERE r = 5", "", "Type(2205)"),
    ("SELECT a FROM t WHERE r IS NULL", "", "Type(2205)"),
    ("SELECT xmlelement(name x)", "", "Node(\"XMLEXPR\")"),
    ("SELECT $1::mood, $2", "mood, text", "ok"),
    ("SELECT $1", "regclass", "Type(2205)"),
    // Literals that are read with the clock.
    ("SELECT a FROM t WHERE d = 'today'", "", "Clock"),
    ("SELECT a FROM t WHERE d = '2024-01-05'", "", "ok"),
    ("SELECT a FROM t WHERE d = 'tod' 'ay'", "", "? syntax error"),
    ("SELECT a FROM t WHERE d = 'tod'\n 'ay'", "", "Clock"),
    ("SELECT a FROM t WHERE d = 'tod' -- zz\n 'ay'", "", "Clock"),
    ("SELECT a FROM t WHERE d = E'\\x74oday'", "", "Clock"),
    ("SELECT a FROM t WHERE d = U&'!0074oday' UESCAPE '!'", "", "Clock"),
    ("SELECT a FROM t WHERE d = $$Today$$", "", "Clock"),
    ("SELECT a FROM t WHERE d = ANY ('{now}')", "", "Clock"),
    ("SELECT a FROM t WHERE daterange('[today,]') @> d", "", "Clock"),
    ("SELECT a FROM t WHERE e > timestamptz 'yesterday'", "", "Clock"),
    ("SELECT time 'now'", "", "Clock"),
    ("SELECT a FROM t WHERE b = 'today'", "", "ok"),
    ("SELECT a FROM t WHERE d = '2024-01-05' AND b = 'known'", "", "Clock"),
    ("/* x */ SELECT a FROM t WHERE d = '2024-01-05' -- y\n", "", "ok"),
    ("SELECT a FROM of_that_day", "", "ok"),
    ("SELECT a FROM t WHERE d > $1", "date", "ok"),
    // Two statements.
    ("SELECT 1; SELECT 2", "", "Several"),
    ("SELECT 1 UNION SELECT 2", "", "ok"),
];

#[test]
fn reasons() {
    on_servers("reasons", SCHEMA, |session| {
        let mut catalogue = Catalogue::default();
        let mut wrong = Vec::new();
        for (sql, types, expect) in CASES {
            let found = found(session, &mut catalogue, sql, types);
            let is_right =
                if expect.starts_with("ok") { found == *expect } else { found.contains(expect) };
            if !is_right {
                wrong.push(format!("{sql}\n   found {found}\n  expect {expect}"));
            }
        }
        assert!(wrong.is_empty(), "version {}:\n{}", session.version, wrong.join("\n"));
    });
}

/// `ok!` is cacheable as well, and rests on settings.
fn found(session: &mut Session, catalogue: &mut Catalogue, sql: &str, types: &str) -> String {
    match session.analyse(catalogue, sql, types) {
        Err(why) => format!("? {why}"),
        Ok(Outcome::Incomplete(needs)) => format!("? {needs:?}"),
        Ok(Outcome::Refused(reasons)) => {
            assert!(reasons.iter().all(|reason| !reason.to_string().is_empty()));
            format!("{reasons:?}")
        }
        Ok(Outcome::Cacheable(analysis)) if analysis.rests_on_settings => "ok!".to_owned(),
        Ok(Outcome::Cacheable(_)) => "ok".to_owned(),
    }
}

/// The operators that are evaluated here are the server's own, between these types, of its btree
/// families; and every function on the list of those that rest on settings is stable there, if it
/// is there at all.
#[test]
fn lists() {
    on_servers("lists", "SELECT 1", |session| {
        let families = session.rows(
            "SELECT o.oid, o.oprleft::oid, o.oprright::oid, p.amopstrategy
             FROM pg_amop p JOIN pg_operator o ON o.oid = p.amopopr
             JOIN pg_opclass c ON c.opcfamily = p.amopfamily AND c.opcdefault
             WHERE p.amopmethod = 403 AND p.amoppurpose = 's'
               AND c.opcintype IN (16, 20, 21, 23, 25, 26, 1082, 1114, 1184, 2950)",
        );
        let number = |text: &Option<String>| text.as_ref().unwrap().parse::<u32>().unwrap();
        let mut count = 0;
        for row in &families {
            let (oid, left, right) = (number(&row[0]), number(&row[1]), number(&row[2]));
            let Some(operator) = super::super::operator::operator(oid) else { continue };
            count += 1;
            assert_eq!((operator.left, operator.right), (left, right), "{oid}");
            assert_eq!(operator.comparison as u32 + 1, number(&row[3]), "{oid}");
        }
        // 16 pairs of types with five operators each; the three default classes of whole numbers
        // share a family, whose 45 operators are listed three times, and so do those of dates and
        // points in time, of which 15 are known.
        assert_eq!(count, 4 * 5 + 3 * 45 + 3 * 15);
        let wrong = session.rows(&format!(
            "SELECT p.oid, p.proname FROM pg_proc p WHERE p.oid IN ({}) AND (p.provolatile = 'v' \
             OR p.pronamespace <> 11 OR p.proname ~ '^(now|age|current|session|pg_)')",
            super::super::function::BY_SETTINGS
                .iter()
                .map(u32::to_string)
                .collect::<Vec<_>>()
                .join(",")
        ));
        assert_eq!(wrong, Vec::<Vec<Option<String>>>::new());
    });
}

/// Every type on the list is one of `pg_catalog` whose name does not say that it is shown by a
/// look at the catalogue, and every array on it is one of a type on it.
#[test]
fn types() {
    use super::super::typing::{ARRAYS, HARMLESS, OF_TIME};
    on_servers("types", "SELECT 1", |session| {
        let list = |oids: &[u32]| oids.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
        let wrong = session.rows(&format!(
            "SELECT t.oid, t.typname FROM pg_type t WHERE t.oid IN ({}) AND (t.typnamespace <> 11 \
             OR t.typname ~ '^(reg|acl|money|xml|_|xid|cid$|tid|pg_node|pg_snap)')",
            list(HARMLESS)
        ));
        assert_eq!(wrong, Vec::<Vec<Option<String>>>::new());
        let wrong = session.rows(&format!(
            "SELECT t.oid, t.typname FROM pg_type t WHERE t.oid IN ({}) AND t.typelem NOT IN ({})",
            list(ARRAYS),
            list(HARMLESS)
        ));
        assert_eq!(wrong, Vec::<Vec<Option<String>>>::new());
        // What reads the clock: found by the names of the types and by their ranges and arrays.
        let timed = session.rows(
            "WITH RECURSIVE timed AS (
                 SELECT oid FROM pg_type WHERE typname IN ('date', 'time', 'timetz', 'timestamp', \
                     'timestamptz')
                 UNION
                 SELECT t.oid FROM pg_type t JOIN timed ON t.typelem = timed.oid \
                     OR EXISTS (SELECT FROM pg_range r WHERE r.rngsubtype = timed.oid \
                         AND t.oid IN (r.rngtypid, r.rngmultitypid)))
             SELECT oid FROM timed ORDER BY oid::int",
        );
        let timed: Vec<u32> =
            timed.iter().map(|row| row[0].as_ref().unwrap().parse().unwrap()).collect();
        let mut listed = OF_TIME.to_vec();
        listed.sort_unstable();
        assert_eq!(listed, timed);
    });
}
