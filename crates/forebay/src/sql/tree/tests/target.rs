//! Which rows a statement changes, against the rows that it changes.

use super::super::{Catalogue, Writes};
use super::server::{Session, on_servers};
use crate::sql::{Conjunct, Operand, Test};
use crate::value::Value;

const SCHEMA: &str = "
    CREATE TABLE t(id int PRIMARY KEY, k bigint, s text, u uuid, b bool, n numeric, v varchar(3));
    INSERT INTO t SELECT i, i % 3, 'x' || i % 4, gen_random_uuid(), i % 2 = 0, i, 'v'
        FROM generate_series(1, 20) AS i;
    UPDATE t SET k = NULL WHERE id > 18;
    CREATE TABLE other(id int PRIMARY KEY, of int REFERENCES t ON DELETE CASCADE);
    INSERT INTO other VALUES (1, 1), (2, 2), (3, 5);
    CREATE TABLE ring(id int PRIMARY KEY, of int REFERENCES ring ON DELETE CASCADE, k int);
    INSERT INTO ring VALUES (1, NULL, 1), (2, 1, 2), (3, 2, 3);
    CREATE TABLE far(id int PRIMARY KEY, of int);
    CREATE TABLE near(id int PRIMARY KEY, of int REFERENCES far ON DELETE CASCADE);
    ALTER TABLE far ADD FOREIGN KEY (of) REFERENCES near ON DELETE CASCADE;
    INSERT INTO far VALUES (1, NULL), (2, NULL);
    INSERT INTO near VALUES (1, 1), (2, 2);
    UPDATE far SET of = 1 WHERE id = 2;
    CREATE TABLE made(id int, twice int GENERATED ALWAYS AS (id * 2) STORED, x int);
    INSERT INTO made VALUES (1), (2);
    CREATE TABLE root(id int, a int) PARTITION BY LIST (a);
    CREATE TABLE leaf PARTITION OF root DEFAULT;
    INSERT INTO root VALUES (1, 1), (2, 2);
    CREATE TABLE parent(id int, a int);
    CREATE TABLE child() INHERITS (parent);
    INSERT INTO parent VALUES (1, 1);
    INSERT INTO child VALUES (1, 1), (2, 2);
    CREATE TABLE dull(id int, s text COLLATE \"C\");
    INSERT INTO dull VALUES (1, 'a'), (2, 'A');
    CREATE TABLE stamped(id int, k int, at timestamptz);
    INSERT INTO stamped VALUES (1, 1), (2, 2);
    CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql
        AS 'BEGIN NEW.at := now(); NEW.k := 5; RETURN NEW; END';
    CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON stamped FOR EACH ROW EXECUTE FUNCTION stamp();
    CREATE TABLE quiet(id int, k int);
    INSERT INTO quiet VALUES (1, 1), (2, 2);
    CREATE TRIGGER quiet BEFORE UPDATE ON quiet FOR EACH ROW
        EXECUTE FUNCTION suppress_redundant_updates_trigger();
    CREATE TABLE narrow(id smallint, o oid, d date);
    CREATE TABLE defaulted(id serial, k int DEFAULT 4, s text);
    CREATE FUNCTION touch(int) RETURNS int LANGUAGE sql
        BEGIN ATOMIC UPDATE t SET n = n + 1 WHERE id = $1 + 1 RETURNING 1; END
";

/// A statement, with literals for its parameters after `--`; its table; which rows it changes.
const CASES: &[(&str, &str, &str)] = &[
    ("UPDATE t SET n = 0 WHERE id = 3", "t", "id: 3"),
    ("UPDATE t SET n = $1 WHERE id = $2 -- numeric, int: 7, 3", "t", "id: $2"),
    ("UPDATE t SET n = 0 WHERE 3 = id AND n > 1", "t", "id: 3"),
    ("UPDATE t SET n = 0 WHERE id = 3::bigint", "t", "id: 3"),
    ("UPDATE t SET n = 0 WHERE id IN (3, 4) AND k = 0", "t", "id: 3 4, k: 0"),
    ("UPDATE t SET n = 0 WHERE id = 3 OR id = 4", "t", "id: 3 4"),
    ("UPDATE t SET n = 0 WHERE id = 3 OR k = 0", "t", ""),
    ("UPDATE t SET n = 0 WHERE NOT b", "t", "b: 0"),
    ("UPDATE t SET n = 0 WHERE k IS NULL", "t", "k: NULL"),
    ("UPDATE t SET n = 0 WHERE s = 'x1'", "t", "s: 'x1'"),
    ("UPDATE t SET n = 0 WHERE id > 3", "t", ""),
    ("UPDATE t SET n = 0", "t", ""),
    ("UPDATE t SET n = 0 WHERE id = n", "t", ""),
    ("UPDATE t SET n = 0 WHERE id = (SELECT 3)", "t", ""),
    ("UPDATE t SET n = 0 WHERE k = 0 AND EXISTS (SELECT FROM other WHERE of = t.id)", "t", "k: 0"),
    ("UPDATE t AS x SET n = 0 WHERE x.id = 3 RETURNING x.*", "t", "id: 3"),
    // What is assigned to may be another value afterwards.
    ("UPDATE t SET id = 30 WHERE id = 3", "t", ""),
    ("UPDATE t SET k = k + 1 WHERE id = 3 AND k = 0", "t", "id: 3"),
    ("UPDATE t SET (k, n) = (SELECT 5, 6) WHERE id = 3 AND k = 0", "t", "id: 3"),
    ("UPDATE made SET id = 7 WHERE twice = 2", "made", ""),
    ("UPDATE made SET x = 7 WHERE id = 2 AND twice = 4", "made", "id: 2"),
    // Other tables may decide.
    ("UPDATE t SET n = 0 FROM other WHERE t.id = 3 AND other.of = t.id", "t", ""),
    ("DELETE FROM t USING other WHERE t.id = 3", "t", ""),
    ("DELETE FROM t WHERE id = 3", "t", "id: 3"),
    ("DELETE FROM t WHERE id = $1 AND s = $2 -- int, text: 3, 'x3'", "t", "id: $1, s: $2"),
    (
        "DELETE FROM t WHERE u = '00000000-0000-0000-0000-000000000000'",
        "t",
        "u: '00000000-0000-0000-0000-000000000000'",
    ),
    // Foreign keys pass it on to the same table.
    ("DELETE FROM ring WHERE id = 1", "ring", ""),
    ("UPDATE ring SET k = 9 WHERE id = 1", "ring", ""),
    ("INSERT INTO ring VALUES (9, 1, 1)", "ring", "id: 9, of: 1, k: 1"),
    ("DELETE FROM far WHERE id = 1", "far", ""),
    // So may other commands.
    ("WITH w AS (UPDATE t SET n = 1 WHERE id = 4) UPDATE t SET n = 0 WHERE id = 3", "t", ""),
    ("UPDATE t SET n = touch(5) WHERE id = 3", "t", ""),
    ("UPDATE t SET n = 0 WHERE id = 3 RETURNING touch(5)", "t", ""),
    // Partitions, and tables that inherit.
    ("UPDATE root SET a = 5 WHERE id = 1", "root", ""),
    ("UPDATE leaf SET a = 5 WHERE id = 1", "root", ""),
    ("INSERT INTO root VALUES (3, 3)", "root", ""),
    ("UPDATE parent SET a = 5 WHERE id = 1", "parent", ""),
    ("UPDATE child SET a = 5 WHERE id = 1", "child", "id: 1"),
    // Texts.
    ("UPDATE dull SET id = 9 WHERE s = 'a'", "dull", "s: 'a'"),
    ("UPDATE dull SET id = 9 WHERE upper(s) = 'A'", "dull", ""),
    // Triggers that change the row.
    ("UPDATE stamped SET at = NULL WHERE id = 1 AND k = 1", "stamped", "id: 1"),
    ("UPDATE stamped SET id = 3 WHERE k = 1", "stamped", ""),
    ("INSERT INTO stamped VALUES (7, 7)", "stamped", "id: 7"),
    ("DELETE FROM stamped WHERE k = 1", "stamped", ""),
    ("UPDATE quiet SET k = 9 WHERE id = 1", "quiet", ""),
    // What is inserted.
    (
        "INSERT INTO t VALUES (30, 1, 'y', NULL, true, 1.5, 'v')",
        "t",
        "id: 30, k: 1, s: 'y', u: NULL, b: 1",
    ),
    (
        "INSERT INTO t(id, k, s) VALUES ($1, $2, $3) -- int, int, text: 30, 1, 'y'",
        "t",
        "id: $1, k: $2, s: $3",
    ),
    ("INSERT INTO t(id, v) VALUES (30, $1) -- text: 'abc'", "t", "id: 30"),
    ("INSERT INTO t(id) VALUES (30) ON CONFLICT DO NOTHING", "t", "id: 30"),
    ("INSERT INTO t(id, k) VALUES (3, 9) ON CONFLICT (id) DO UPDATE SET n = 0", "t", ""),
    ("INSERT INTO t(id) VALUES (30), (31)", "t", ""),
    ("INSERT INTO t(id) SELECT 30", "t", ""),
    ("INSERT INTO t(id, k) VALUES (30, 1 + 1)", "t", "id: 30"),
    ("INSERT INTO narrow VALUES ($1, 7, '2020-01-01') -- int: 3", "narrow", ""),
    ("INSERT INTO defaulted(s) VALUES ('y')", "defaulted", "s: 'y'"),
    ("INSERT INTO defaulted DEFAULT VALUES", "defaulted", ""),
];

#[test]
fn rows_are_those_that_change() {
    on_servers("target", SCHEMA, |session| {
        let mut catalogue = Catalogue::default();
        let mut wrong = Vec::new();
        for (text, table, expect) in CASES {
            let (sql, parameters) = text.split_once(" -- ").unwrap_or((text, ""));
            let (types, values) = parameters.split_once(": ").unwrap_or_default();
            let conjuncts = target(session, &mut catalogue, sql, types);
            let found = words(session, table, &conjuncts);
            let stray = stray(session, table, &conjuncts, (sql, types, values));
            if found != *expect || stray != "0" {
                wrong.push(format!("{text}\n   found {found}; other rows that change: {stray}"));
            }
        }
        assert!(wrong.is_empty(), "version {}:\n{}", session.version, wrong.join("\n"));
    });
}

fn target(
    session: &mut Session,
    catalogue: &mut Catalogue,
    sql: &str,
    types: &str,
) -> Vec<Conjunct> {
    let writes = session.writes(catalogue, sql, types).unwrap();
    assert!(matches!(writes, Writes::Tables(_)), "{sql}: {writes:?}");
    let statement = session.statement(sql, types);
    session.fetch(catalogue, &statement.collations(catalogue));
    statement.target(catalogue).map_or_else(Vec::new, |it| it.conjuncts)
}

/// The columns of a table by their places.
fn columns(session: &mut Session, table: &str) -> Vec<String> {
    let sql = format!(
        "SELECT attname FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attnum > 0 \
         ORDER BY attnum"
    );
    session.rows(&sql).into_iter().map(|row| row[0].clone().unwrap()).collect()
}

fn operands(test: &Test) -> Vec<String> {
    let operand = |operand: &Operand| match operand {
        Operand::Parameter(number) => format!("${number}"),
        Operand::Literal(Value::Integer(n)) => n.to_string(),
        Operand::Literal(Value::Text(text)) => format!("'{}'", text.as_str()),
        Operand::Literal(Value::Null) => "NULL".to_owned(),
        other @ Operand::Literal(_) => panic!("{other:?}"),
    };
    match test {
        Test::OneOf(operands) => operands.iter().map(operand).collect(),
        Test::Null => vec!["NULL".to_owned()],
        Test::Range { .. } => panic!("a range tells no rows"),
    }
}

fn words(session: &mut Session, table: &str, conjuncts: &[Conjunct]) -> String {
    let columns = columns(session, table);
    let word = |it: &Conjunct| {
        format!("{}: {}", columns[usize::from(it.column)], operands(&it.test).join(" "))
    };
    conjuncts.iter().map(word).collect::<Vec<_>>().join(", ")
}

/// How many rows of the table a statement changes that are not told, before or after.
fn stray(
    session: &mut Session,
    table: &str,
    conjuncts: &[Conjunct],
    (sql, types, values): (&str, &str, &str),
) -> String {
    let columns = columns(session, table);
    let values: Vec<&str> = values.split(", ").collect();
    let value = |operand: String| match operand.strip_prefix('$') {
        Some(number) => values[number.parse::<usize>().unwrap() - 1].to_owned(),
        None => operand,
    };
    let one = |it: &Conjunct| {
        let column = format!("d.{}::text", columns[usize::from(it.column)]);
        let column = match columns[usize::from(it.column)].as_str() {
            "b" if table == "t" => "d.b::int::text".to_owned(),
            _ => column,
        };
        let arm = |operand| format!("{column} IS NOT DISTINCT FROM ({})::text", value(operand));
        let arms: Vec<String> = operands(&it.test).into_iter().map(arm).collect();
        format!("({})", arms.join(" OR "))
    };
    let told: Vec<String> = conjuncts.iter().map(one).chain(["true".to_owned()]).collect();
    session.rows("DEALLOCATE ALL");
    session.rows("BEGIN");
    session.rows(&format!("CREATE TEMP TABLE before ON COMMIT DROP AS TABLE {table}"));
    match types {
        "" => drop(session.rows(sql)),
        _ => {
            session.rows(&format!("PREPARE p ({types}) AS {sql}"));
            session.rows(&format!("EXECUTE p ({})", values.join(", ")));
        }
    }
    let differ = format!(
        "SELECT count(*) FROM ((TABLE before EXCEPT ALL TABLE {table}) UNION ALL \
         (TABLE {table} EXCEPT ALL TABLE before)) AS d WHERE NOT ({})",
        told.join(" AND ")
    );
    let stray = session.rows(&differ)[0][0].clone().unwrap();
    session.rows("ROLLBACK");
    stray
}
