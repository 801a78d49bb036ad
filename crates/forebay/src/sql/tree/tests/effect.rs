//! What a statement may write, against what it writes: each is judged, then run, and the server's
//! own counters say which tables have changed.

use std::collections::BTreeSet;

use super::super::harmless::{STABLE_THAT_RUN, VOLATILE};
use super::super::{Catalogue, Writes};
use super::server::{Session, on_newest, on_servers};

/// `note` writes `log`, under whatever rights. What is said to be stable or immutable calls it.
const SCHEMA: &str = "
    CREATE TABLE log(id serial PRIMARY KEY, what int);
    CREATE TABLE plain(id int PRIMARY KEY, a int, b text);
    INSERT INTO plain VALUES (1, 1, 'x'), (2, 2, 'y');
    CREATE FUNCTION note() RETURNS int LANGUAGE plpgsql SECURITY DEFINER
        AS 'BEGIN INSERT INTO public.log(what) VALUES (1); RETURN 1; END';
    CREATE FUNCTION calm() RETURNS int LANGUAGE sql STABLE AS 'SELECT note()';
    CREATE FUNCTION still(x int) RETURNS int LANGUAGE plpgsql IMMUTABLE
        AS 'BEGIN RETURN note() + x; END';
    CREATE FUNCTION is_noted(x int) RETURNS bool LANGUAGE plpgsql
        AS 'BEGIN RETURN note() + x > 0; END';
    CREATE FUNCTION shown(x int) RETURNS int LANGUAGE sql STABLE BEGIN ATOMIC SELECT x + 1; END;
    CREATE FUNCTION writer(x int) RETURNS int LANGUAGE sql
        BEGIN ATOMIC INSERT INTO log(what) VALUES (x) RETURNING id; END;
    CREATE FUNCTION optional(x int DEFAULT note()) RETURNS int LANGUAGE sql
        IMMUTABLE BEGIN ATOMIC SELECT x; END;
    CREATE FUNCTION added(x int, y int) RETURNS int LANGUAGE plpgsql IMMUTABLE
        AS 'BEGIN RETURN note() + x + y; END';
    CREATE AGGREGATE noting(int) (SFUNC = added, STYPE = int, INITCOND = '0');
    CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');
    CREATE OPERATOR @+ (LEFTARG = int, RIGHTARG = int, FUNCTION = added);
    CREATE VIEW plain_view AS SELECT id, a FROM plain;
    CREATE VIEW noting_view AS SELECT note() AS n;
    CREATE FUNCTION trigger_note() RETURNS trigger LANGUAGE plpgsql
        AS 'BEGIN PERFORM public.note(); RETURN NEW; END';
    CREATE TABLE triggered(id int);
    CREATE TRIGGER loud AFTER INSERT ON triggered FOR EACH ROW EXECUTE FUNCTION trigger_note();
    CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = ''
        AS 'BEGIN NEW.n := NEW.n + 1; NEW.at := now(); RETURN NEW; END';
    CREATE TABLE stamped(id int PRIMARY KEY, n int, at timestamptz);
    INSERT INTO stamped VALUES (1, 1);
    CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON stamped FOR EACH ROW
        WHEN (NEW.id > 0) EXECUTE FUNCTION stamp();
    CREATE TABLE stamped_root(id int, n int, at timestamptz) PARTITION BY LIST (id);
    CREATE TABLE stamped_leaf PARTITION OF stamped_root DEFAULT;
    CREATE TRIGGER stamp BEFORE INSERT ON stamped_root FOR EACH ROW EXECUTE FUNCTION stamp();
    CREATE TABLE stamped_late(id int, n int, at timestamptz);
    CREATE TRIGGER stamp AFTER INSERT ON stamped_late FOR EACH ROW EXECUTE FUNCTION stamp();
    CREATE TABLE stamped_when(id int, n int, at timestamptz);
    CREATE TRIGGER stamp BEFORE INSERT ON stamped_when FOR EACH ROW
        WHEN (is_noted(NEW.id)) EXECUTE FUNCTION stamp();
    CREATE TABLE stamped_twice(id int, n int, at timestamptz);
    CREATE TRIGGER a_stamp BEFORE INSERT ON stamped_twice FOR EACH ROW EXECUTE FUNCTION stamp();
    CREATE TRIGGER b_note BEFORE INSERT ON stamped_twice FOR EACH ROW
        EXECUTE FUNCTION trigger_note();
    CREATE FUNCTION move() RETURNS trigger LANGUAGE plpgsql
        AS 'BEGIN NEW.id := NEW.id + 100; RETURN NEW; END';
    CREATE TABLE moved(id int PRIMARY KEY, n int);
    CREATE TABLE moved_of(of int REFERENCES moved ON UPDATE CASCADE);
    INSERT INTO moved VALUES (1, 1);
    INSERT INTO moved_of VALUES (1);
    CREATE TRIGGER move BEFORE UPDATE ON moved FOR EACH ROW EXECUTE FUNCTION move();
    CREATE TABLE spared(id int, n int);
    CREATE TRIGGER spare BEFORE UPDATE ON spared FOR EACH ROW
        EXECUTE FUNCTION suppress_redundant_updates_trigger();
    CREATE TABLE muted(id int);
    CREATE TRIGGER off AFTER INSERT ON muted FOR EACH ROW EXECUTE FUNCTION trigger_note();
    ALTER TABLE muted DISABLE TRIGGER off;
    CREATE TABLE replica(id int);
    CREATE TRIGGER off AFTER INSERT ON replica FOR EACH ROW EXECUTE FUNCTION trigger_note();
    ALTER TABLE replica ENABLE REPLICA TRIGGER off;
    CREATE TABLE c1(id int PRIMARY KEY, a int);
    CREATE TABLE c2(id int PRIMARY KEY, of int REFERENCES c1 ON DELETE CASCADE ON UPDATE CASCADE);
    CREATE TABLE c3(id int PRIMARY KEY, of int REFERENCES c2 ON DELETE CASCADE);
    CREATE TABLE c4(id int PRIMARY KEY, of int REFERENCES c3 ON DELETE SET NULL);
    CREATE TABLE c5(id int PRIMARY KEY, of int DEFAULT 9 REFERENCES c4 ON DELETE SET DEFAULT);
    INSERT INTO c1 VALUES (1), (2);
    INSERT INTO c2 VALUES (1, 1);
    INSERT INTO c3 VALUES (1, 1);
    INSERT INTO c4 VALUES (1, 1), (9, NULL);
    INSERT INTO c5 VALUES (1, 1);
    CREATE TABLE bound(id int, of int REFERENCES plain);
    CREATE TABLE ring(id int PRIMARY KEY, of int REFERENCES ring ON DELETE CASCADE);
    INSERT INTO ring VALUES (1, NULL), (2, 1);
    CREATE TABLE k1(id int PRIMARY KEY);
    CREATE TABLE k2(of int REFERENCES k1 ON DELETE CASCADE);
    CREATE TRIGGER loud AFTER DELETE ON k2 FOR EACH STATEMENT EXECUTE FUNCTION trigger_note();
    INSERT INTO k1 VALUES (1);
    INSERT INTO k2 VALUES (1);
    CREATE TABLE root(id int, a int, PRIMARY KEY (id, a)) PARTITION BY LIST (a);
    CREATE TABLE leaf1 PARTITION OF root FOR VALUES IN (1);
    CREATE TABLE middle PARTITION OF root FOR VALUES IN (2, 3) PARTITION BY LIST (id);
    CREATE TABLE leaf2 PARTITION OF middle DEFAULT;
    CREATE TABLE of_root(id int, a int, FOREIGN KEY (id, a) REFERENCES root ON DELETE CASCADE);
    INSERT INTO root VALUES (1, 1), (2, 2);
    INSERT INTO of_root VALUES (2, 2);
    CREATE TABLE loud_root(id int) PARTITION BY LIST (id);
    CREATE TABLE quiet_leaf PARTITION OF loud_root FOR VALUES IN (1);
    CREATE TABLE loud_leaf PARTITION OF loud_root FOR VALUES IN (2);
    CREATE TRIGGER loud AFTER INSERT ON loud_leaf FOR EACH ROW EXECUTE FUNCTION trigger_note();
    CREATE TABLE by_code(id int) PARTITION BY LIST (still(id));
    CREATE TABLE by_code_all PARTITION OF by_code DEFAULT;
    CREATE TABLE parent(id int, a int);
    CREATE TABLE child(b int) INHERITS (parent);
    CREATE TABLE grandchild(c int) INHERITS (child);
    INSERT INTO parent VALUES (1, 1);
    INSERT INTO child VALUES (1, 1, 1);
    INSERT INTO grandchild VALUES (1, 1, 1, 1);
    CREATE TABLE loud_parent(id int);
    CREATE TABLE loud_child() INHERITS (loud_parent);
    CREATE TRIGGER loud AFTER DELETE ON loud_child FOR EACH ROW EXECUTE FUNCTION trigger_note();
    INSERT INTO loud_child VALUES (1);
    CREATE TABLE ruled(id int);
    CREATE RULE also AS ON INSERT TO ruled DO ALSO INSERT INTO log(what) VALUES (NEW.id);
    CREATE TABLE unruled(id int);
    CREATE RULE off AS ON INSERT TO unruled DO ALSO INSERT INTO log(what) VALUES (NEW.id);
    ALTER TABLE unruled DISABLE RULE off;
    CREATE TABLE defaulted(id int, x int DEFAULT note());
    CREATE TABLE usual(id bigint GENERATED ALWAYS AS IDENTITY, u uuid DEFAULT gen_random_uuid(),
        at timestamptz DEFAULT now(), who text DEFAULT current_user, s serial, n int CHECK (n > 0),
        g int GENERATED ALWAYS AS (n + 1) STORED);
    CREATE UNIQUE INDEX ON usual (lower(who), n) WHERE n > 5;
    CREATE TABLE generated(id int, g int GENERATED ALWAYS AS (still(id)) STORED);
    CREATE TABLE checked(id int CHECK (is_noted(id)));
    CREATE TABLE indexed(id int);
    CREATE INDEX ON indexed (still(id));
    CREATE TABLE partly(id int);
    CREATE INDEX ON partly (id) WHERE still(id) > 0;
    CREATE DOMAIN wary AS int CHECK (is_noted(value));
    CREATE DOMAIN careful AS int DEFAULT 5 CHECK (value > 0);
    CREATE DOMAIN eager AS int DEFAULT note();
    CREATE TABLE of_wary(x wary);
    CREATE TABLE of_warys(x wary[]);
    CREATE TABLE of_careful(id int, x careful, y careful[]);
    CREATE TABLE of_eager(id int, x eager);
    CREATE TYPE pair AS (a int, b careful);
    CREATE TYPE wary_pair AS (a int, b wary);
    CREATE TABLE of_pair(x pair, y pair[]);
    CREATE TYPE mood AS ENUM ('sad', 'glad');
    CREATE TABLE of_mood(id int PRIMARY KEY, m mood DEFAULT 'sad');
    INSERT INTO of_mood VALUES (1);
    CREATE TYPE shade AS ENUM ('dark');
    CREATE FUNCTION told(shade) RETURNS json LANGUAGE plpgsql
        AS 'BEGIN PERFORM public.note(); RETURN ''1''; END';
    CREATE CAST (shade AS json) WITH FUNCTION told(shade);
    CREATE TABLE of_shade(s shade);
    INSERT INTO of_shade VALUES ('dark');
    CREATE FUNCTION lower(int) RETURNS text LANGUAGE plpgsql
        AS 'BEGIN PERFORM public.note(); RETURN ''x''; END';
    CREATE FUNCTION lowered() RETURNS trigger LANGUAGE plpgsql
        AS 'BEGIN NEW.b := lower(NEW.id); RETURN NEW; END';
    CREATE TABLE stamped_by_function(id int, b text);
    CREATE TRIGGER lowered BEFORE INSERT ON stamped_by_function FOR EACH ROW
        EXECUTE FUNCTION lowered();
    CREATE OPERATOR || (LEFTARG = int, RIGHTARG = int, FUNCTION = added);
    CREATE FUNCTION joined() RETURNS trigger LANGUAGE plpgsql
        AS 'BEGIN NEW.n := NEW.id || NEW.n; RETURN NEW; END';
    CREATE TABLE stamped_by_operator(id int, n int);
    CREATE TRIGGER joined BEFORE INSERT ON stamped_by_operator FOR EACH ROW
        EXECUTE FUNCTION joined();
    CREATE FUNCTION cast_over() RETURNS trigger LANGUAGE plpgsql
        AS 'BEGIN NEW.j := NEW.s; RETURN NEW; END';
    CREATE TABLE stamped_by_cast(s shade, j json);
    CREATE TRIGGER cast_over BEFORE INSERT ON stamped_by_cast FOR EACH ROW
        EXECUTE FUNCTION cast_over();
    CREATE FUNCTION set_wary() RETURNS trigger LANGUAGE plpgsql
        AS 'BEGIN NEW.x := 1; RETURN NEW; END';
    CREATE TABLE stamped_by_check(id int, x wary);
    CREATE TRIGGER set_wary BEFORE INSERT ON stamped_by_check FOR EACH ROW
        EXECUTE FUNCTION set_wary();
    CREATE FUNCTION apart(int, int) RETURNS float8 LANGUAGE plpgsql IMMUTABLE
        AS 'BEGIN RETURN public.note(); END';
    CREATE TYPE span AS RANGE (SUBTYPE = int4, SUBTYPE_DIFF = apart);
    CREATE TYPE plain_span AS RANGE (SUBTYPE = int4);
    CREATE TABLE of_span(x span);
    CREATE TABLE of_plain_span(x plain_span);
    CREATE UNLOGGED TABLE unlogged(id int);
    CREATE TABLE secured(id int);
    INSERT INTO secured VALUES (1);
    ALTER TABLE secured ENABLE ROW LEVEL SECURITY;
    CREATE POLICY noted ON secured USING (note() > 0);
    CREATE TABLE guarded(id int);
    ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
    CREATE POLICY known ON guarded USING (id = (SELECT count(*) FROM plain))
        WITH CHECK (current_user = 'x');
    CREATE TABLE unsecured(id int);
    CREATE POLICY noted ON unsecured USING (note() > 0);
    CREATE EXTENSION file_fdw;
    CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
    CREATE FOREIGN TABLE foreign_table(id int) SERVER files OPTIONS (filename '/dev/null');
    CREATE TABLE far_root(id int) PARTITION BY LIST (id);
    CREATE FOREIGN TABLE far_leaf PARTITION OF far_root FOR VALUES IN (1)
        SERVER files OPTIONS (filename '/dev/null')
";

/// The first version that takes the statement; the statement, with literals for its parameters
/// after `--`; what it may write; what it does write, `-` if it is not to be run.
type Case = (u32, &'static str, &'static str, &'static str);

const READS: &[Case] = &[
    (14, "SELECT id FROM plain WHERE a = 1", "nothing", ""),
    (14, "SELECT id FROM plain WHERE a = $1 AND b = $2 -- int, text: 1, 'x'", "nothing", ""),
    (14, "VALUES (1), (2)", "nothing", ""),
    (14, "SELECT id FROM plain FOR UPDATE", "nothing", ""),
    (14, "SELECT nextval('log_id_seq'), random(), clock_timestamp(), now()", "nothing", ""),
    (14, "SELECT gen_random_uuid(), pg_sleep(0), current_user, current_date", "nothing", ""),
    (14, "SELECT pg_try_advisory_xact_lock(1)", "nothing", ""),
    (14, "SELECT * FROM pg_stat_activity, information_schema.tables", "nothing", ""),
    (14, "SELECT pg_get_viewdef('plain_view'::regclass), 'plain'::regclass::text", "nothing", ""),
    (14, "SELECT * FROM plain_view JOIN parent USING (id)", "nothing", ""),
    (14, "SELECT ctid, xmin FROM plain", "nothing", ""),
    (
        14,
        "SELECT row_to_json(p), to_jsonb(m), (SELECT json_agg(c1) FROM c1) FROM plain p, of_mood m",
        "nothing",
        "",
    ),
    (14, "SELECT * FROM json_to_recordset('[]') AS x(a int, b careful)", "nothing", ""),
    (14, "SELECT jsonb_populate_record(NULL::pair, '{\"b\": 1}')", "nothing", ""),
    (14, "SELECT $1::pair, $2::careful -- pair, careful: '(1,1)', 1", "nothing", ""),
    (
        14,
        "SELECT shown(1), total(a), string_agg(b, ',') OVER () FROM plain GROUP BY b",
        "nothing",
        "",
    ),
    (14, "SELECT last_value FROM log_id_seq", "nothing", ""),
    (14, "SELECT id FROM unsecured", "nothing", ""),
    (14, "SELECT id FROM guarded", "nothing", ""),
    (
        14,
        "SELECT id FROM plain UNION ALL (WITH c AS (SELECT a FROM c1) SELECT a FROM c)",
        "nothing",
        "",
    ),
    // Functions that write.
    (14, "SELECT note()", "any: note", "log"),
    (14, "SELECT calm()", "any: calm", "log"),
    (14, "SELECT still(1)", "any: still", "log"),
    (14, "SELECT noting(a) FROM plain", "any: added", "log"),
    (14, "SELECT a @+ 1 FROM plain", "any: added", "log"),
    (14, "SELECT optional(2)", "any: note", ""),
    (14, "SELECT optional()", "any: note", "log"),
    (14, "SELECT writer(1)", "log", "log"),
    (14, "SELECT n FROM noting_view", "any: note", "log"),
    (14, "SELECT id FROM plain WHERE a = (SELECT n FROM noting_view)", "any: note", "log"),
    (14, "SELECT id FROM plain ORDER BY note() LIMIT 1", "any: note", "log"),
    (14, "SELECT 1 FROM generate_series(1, note())", "any: note", "log"),
    (14, "SELECT $1 -- wary: 1", "any: is_noted", "log"),
    (14, "SELECT $1 -- wary[]: '{1}'", "any: is_noted", "log"),
    (14, "SELECT $1 -- wary_pair: '(1,1)'", "any: is_noted", "log"),
    (14, "SELECT 1::wary", "any: is_noted", "log"),
    (14, "SELECT jsonb_populate_record(NULL::wary_pair, '{\"b\": 1}')", "any: is_noted", "log"),
    (14, "SELECT * FROM json_to_recordset('[{\"b\": 1}]') AS x(b wary)", "any: is_noted", "log"),
    (14, "SELECT domain_in('1', 'wary'::regtype, -1) IS NULL", "any: domain_in", "log"),
    (14, "SELECT array_in('{1}', 'wary'::regtype, -1)", "any: array_in", "log"),
    (14, "SELECT record_in('(1,1)', 'wary_pair'::regtype, -1)::text", "any: record_in", "-"),
    (16, "SELECT pg_input_is_valid('1', 'wary')", "any: pg_input_is_valid", "log"),
    (14, "SELECT to_json(s) FROM of_shade", "any: told", "log"),
    (14, "SELECT query_to_xml('SELECT note()', true, false, '')", "any: query_to_xml", "-"),
    (14, "SELECT table_to_xml('noting_view', true, false, '')", "any: table_to_xml", "-"),
    (
        14,
        "SELECT * FROM ts_stat('SELECT to_tsvector(''x'') WHERE note() > 0')",
        "any: ts_stat",
        "log",
    ),
    (14, "SELECT pg_notify('x', 'y')", "any: pg_notify", ""),
    (14, "SELECT set_config('work_mem', '1MB', true)", "any: set_config", ""),
    (14, "SELECT id FROM secured", "any: note", ""),
    (14, "SELECT id FROM foreign_table", "any: public.foreign_table", ""),
    (14, "SELECT id FROM far_root", "any: far_leaf", ""),
    (14, "SELECT id FROM plain TABLESAMPLE SYSTEM (50)", "any: TABLESAMPLE", ""),
    (14, "SELECT xmlcomment('x')", "nothing", "-"),
    (14, "SELECT xmlelement(name x)", "any: XMLEXPR", "-"),
];

const WRITES: &[Case] = &[
    (14, "INSERT INTO plain VALUES (3, 3, 'z')", "plain", "plain"),
    (14, "INSERT INTO plain(id) SELECT id + 10 FROM root", "plain", "plain"),
    (14, "UPDATE plain SET a = $1 WHERE id = $2 -- int, int: 7, 1", "plain", "plain"),
    (14, "UPDATE plain SET (a, b) = (SELECT 5, 'q') WHERE id = 1 RETURNING *", "plain", "plain"),
    (14, "DELETE FROM plain WHERE id = $1 RETURNING a -- int: 1", "plain", "plain"),
    (14, "DELETE FROM plain USING c1 WHERE c1.id = plain.id", "plain", "plain"),
    (14, "UPDATE plain SET a = 1 WHERE false", "plain", ""),
    (14, "INSERT INTO plain VALUES (1) ON CONFLICT DO NOTHING", "plain", ""),
    (
        14,
        "INSERT INTO plain VALUES (1, 1, 'x') ON CONFLICT (id) DO UPDATE SET a = excluded.a + 1",
        "plain",
        "plain",
    ),
    (14, "UPDATE plain SET a = note() WHERE id = 1", "any: note", "log plain"),
    (14, "INSERT INTO plain(id) VALUES (calm() + 90)", "any: calm", "log plain"),
    (14, "UPDATE plain SET a = 1 WHERE id = 1 RETURNING note()", "any: note", "log plain"),
    (14, "INSERT INTO unlogged VALUES (1)", "unlogged", "unlogged"),
    (14, "INSERT INTO usual(n) VALUES (7)", "usual", "usual"),
    (14, "INSERT INTO usual DEFAULT VALUES", "usual", "usual"),
    (
        14,
        "INSERT INTO of_mood VALUES (2, DEFAULT) ON CONFLICT (id) DO UPDATE SET m = 'glad'",
        "of_mood",
        "of_mood",
    ),
    // CTEs.
    (
        14,
        "WITH w AS (DELETE FROM plain RETURNING id) INSERT INTO muted SELECT id FROM w",
        "muted plain",
        "muted plain",
    ),
    (14, "WITH w AS (INSERT INTO muted VALUES (1) RETURNING id) SELECT * FROM w", "muted", "muted"),
    (14, "WITH w AS (UPDATE c1 SET a = 1) SELECT id FROM plain", "c1 c2 c3 c4 c5", "c1"),
    (14, "WITH w AS (INSERT INTO triggered VALUES (1)) SELECT 1", "any: loud", "log triggered"),
    (
        14,
        "WITH w AS (DELETE FROM c1 WHERE id = 1) INSERT INTO c1 VALUES (9)",
        "c1 c2 c3 c4 c5",
        "c1 c2 c3 c4",
    ),
    (
        14,
        "WITH w AS (INSERT INTO c1 VALUES (9)) DELETE FROM c1 WHERE id = 1",
        "c1 c2 c3 c4 c5",
        "c1 c2 c3 c4",
    ),
    (
        14,
        "WITH w AS (DELETE FROM ONLY parent) UPDATE parent SET a = 2",
        "child grandchild parent",
        "child grandchild parent",
    ),
    // Triggers.
    (14, "INSERT INTO triggered VALUES (1)", "any: loud", "log triggered"),
    (14, "DELETE FROM triggered", "any: loud", ""),
    (14, "INSERT INTO muted VALUES (1)", "muted", "muted"),
    (14, "INSERT INTO replica VALUES (1)", "any: off", "replica"),
    // Triggers that write the row and nothing else, and what looks like them.
    (14, "INSERT INTO stamped VALUES (2, 1)", "stamped", "stamped"),
    (14, "UPDATE stamped SET n = 5", "stamped", "stamped"),
    (14, "INSERT INTO stamped_root VALUES (2, 1)", "stamped_root", "stamped_root"),
    (14, "INSERT INTO stamped_leaf VALUES (2, 1)", "stamped_root", "stamped_root"),
    (14, "INSERT INTO stamped_late VALUES (2, 1)", "any: stamp", "stamped_late"),
    (14, "INSERT INTO stamped_when VALUES (2, 1)", "any: is_noted", "log stamped_when"),
    (14, "INSERT INTO stamped_twice VALUES (2, 1)", "any: b_note", "log stamped_twice"),
    (14, "UPDATE moved SET n = 2", "moved moved_of", "moved moved_of"),
    (14, "UPDATE spared SET n = 2", "spared", ""),
    (14, "INSERT INTO stamped_by_function VALUES (1)", "any: lowered", "log stamped_by_function"),
    (14, "INSERT INTO stamped_by_operator VALUES (1, 1)", "any: joined", "log stamped_by_operator"),
    (14, "INSERT INTO stamped_by_cast VALUES ('dark')", "any: told", "-"),
    (14, "INSERT INTO stamped_by_check VALUES (1)", "any: set_wary", "log stamped_by_check"),
    // Foreign keys.
    (14, "INSERT INTO c1 VALUES (3)", "c1", "c1"),
    (14, "DELETE FROM c1 WHERE id = 1", "c1 c2 c3 c4 c5", "c1 c2 c3 c4"),
    (14, "UPDATE c1 SET id = 5 WHERE id = 1", "c1 c2 c3 c4 c5", "c1 c2"),
    (
        14,
        "INSERT INTO c1 VALUES (1) ON CONFLICT (id) DO UPDATE SET id = 7",
        "c1 c2 c3 c4 c5",
        "c1 c2",
    ),
    (14, "INSERT INTO c1 VALUES (1) ON CONFLICT (id) DO NOTHING", "c1", ""),
    (14, "INSERT INTO c2 VALUES (2, 2)", "c2", "c2"),
    (14, "DELETE FROM c3", "c3 c4 c5", "c3 c4"),
    (14, "DELETE FROM c4 WHERE id = 1", "c4 c5", "c4 c5"),
    (14, "DELETE FROM ring WHERE id = 1", "ring", "ring"),
    (14, "DELETE FROM k1", "any: loud", "k1 k2 log"),
    (14, "INSERT INTO k1 VALUES (2)", "k1", "k1"),
    // Partitions.
    (14, "INSERT INTO root VALUES (5, 1)", "root", "root"),
    (14, "INSERT INTO leaf2 VALUES (5, 2)", "root", "root"),
    (14, "INSERT INTO middle VALUES (5, 3)", "root", "root"),
    (14, "UPDATE root SET a = 3 WHERE id = 1", "of_root root", "root"),
    (14, "UPDATE ONLY root SET a = 3 WHERE id = 1", "of_root root", ""),
    (14, "DELETE FROM root WHERE id = 2", "of_root root", "of_root root"),
    (14, "DELETE FROM leaf2", "of_root root", "of_root root"),
    (14, "INSERT INTO loud_root VALUES (2)", "any: loud", "log loud_root"),
    (14, "INSERT INTO loud_root VALUES (1)", "any: loud", "loud_root"),
    (14, "INSERT INTO by_code VALUES (1)", "any: still", "by_code log"),
    (14, "INSERT INTO far_root VALUES (1)", "any: far_leaf", "-"),
    // Tables that inherit.
    (14, "UPDATE parent SET a = 2", "child grandchild parent", "child grandchild parent"),
    (14, "DELETE FROM ONLY parent", "parent", "parent"),
    (14, "INSERT INTO parent VALUES (2, 2)", "parent", "parent"),
    (14, "DELETE FROM child", "child grandchild", "child grandchild"),
    (14, "DELETE FROM loud_parent", "any: loud", "log loud_child"),
    (14, "DELETE FROM ONLY loud_parent", "loud_parent", ""),
    // Rules and views.
    (14, "INSERT INTO ruled VALUES (1)", "any: also", "log ruled"),
    (14, "INSERT INTO unruled VALUES (1)", "unruled", "unruled"),
    (14, "INSERT INTO plain_view VALUES (8, 8)", "any: public.plain_view", "plain"),
    (14, "UPDATE pg_catalog.pg_class SET relname = relname WHERE false", "any: pg_class", ""),
    // Expressions that the server adds.
    (14, "INSERT INTO defaulted(id) VALUES (1)", "any: note", "defaulted log"),
    (14, "INSERT INTO generated VALUES (1)", "any: still", "generated log"),
    (14, "INSERT INTO checked VALUES (1)", "any: is_noted", "checked log"),
    (14, "INSERT INTO indexed VALUES (1)", "any: still", "indexed log"),
    (14, "INSERT INTO partly VALUES (1)", "any: still", "log partly"),
    (14, "INSERT INTO of_wary VALUES (1)", "any: is_noted", "log of_wary"),
    (14, "INSERT INTO of_wary DEFAULT VALUES", "any: is_noted", "log of_wary"),
    (14, "INSERT INTO of_warys SELECT '{1}'::int[]", "any: is_noted", "log of_warys"),
    (14, "INSERT INTO of_careful(id, y) VALUES (1, '{1}')", "of_careful", "of_careful"),
    (14, "INSERT INTO of_eager(id) VALUES (1)", "any: note", "log of_eager"),
    (14, "INSERT INTO of_pair(x) SELECT ROW(1, 1)::pair", "of_pair", "of_pair"),
    (14, "INSERT INTO of_span VALUES ('[1,2]')", "any: apart", "of_span"),
    (14, "INSERT INTO of_plain_span VALUES ('[1,2]')", "of_plain_span", "of_plain_span"),
    (14, "INSERT INTO secured VALUES (1)", "any: note", "secured"),
    (14, "DELETE FROM unsecured", "unsecured", ""),
    (14, "INSERT INTO guarded VALUES (1)", "guarded", "guarded"),
    // MERGE.
    (
        15,
        "MERGE INTO plain USING c1 ON c1.id = plain.id WHEN MATCHED AND c1.id = 1 THEN DELETE \
        WHEN MATCHED THEN UPDATE SET a = 9",
        "plain",
        "plain",
    ),
    (
        15,
        "MERGE INTO c1 USING plain p ON p.id = c1.id WHEN MATCHED AND p.id = 1 THEN DELETE \
        WHEN NOT MATCHED THEN INSERT VALUES (p.id)",
        "c1 c2 c3 c4 c5",
        "c1 c2 c3 c4",
    ),
    (
        15,
        "MERGE INTO triggered t USING plain p ON p.id = t.id WHEN NOT MATCHED THEN \
        INSERT VALUES (p.id)",
        "any: loud",
        "log triggered",
    ),
    (
        15,
        "MERGE INTO plain USING c1 ON c1.id = plain.id WHEN MATCHED THEN UPDATE SET a = note()",
        "any: note",
        "log plain",
    ),
    (
        17,
        "MERGE INTO plain USING c1 ON c1.id = plain.id WHEN MATCHED THEN UPDATE SET a = 4 \
        WHEN NOT MATCHED BY SOURCE THEN DELETE RETURNING merge_action(), plain.*",
        "plain",
        "plain",
    ),
    (
        17,
        "WITH w AS (MERGE INTO muted m USING plain p ON p.id = m.id WHEN NOT MATCHED THEN \
        INSERT VALUES (p.id) RETURNING m.id) SELECT * FROM w",
        "muted",
        "muted",
    ),
    (
        17,
        "MERGE INTO plain_view v USING c1 ON c1.id = v.id WHEN MATCHED THEN DELETE",
        "any: public.plain_view",
        "plain",
    ),
    (18, "UPDATE plain SET a = 3 WHERE id = 1 RETURNING old.a, new.a", "plain", "plain"),
    (18, "INSERT INTO plain(id) SELECT 50 WHERE uuidv7() IS NOT NULL", "plain", "plain"),
];

#[test]
fn what_is_written_was_foreseen() {
    on_servers("effect", SCHEMA, |session| {
        let mut catalogue = Catalogue::default();
        let mut wrong = Vec::new();
        for (version, sql, expect, expect_changed) in READS.iter().chain(WRITES) {
            if session.version / 10_000 < *version {
                continue;
            }
            let case = Statement::of(sql);
            let writes = session.writes(&mut catalogue, case.sql, case.types);
            let found = text(writes.as_ref(), &catalogue);
            let is_expected = match (expect.strip_prefix("any: "), found.strip_prefix("any: ")) {
                (Some(expect), Some(found)) => found.contains(expect),
                _ => found == *expect,
            };
            let changed = match *expect_changed {
                "-" => Ok(BTreeSet::new()),
                _ => changed(session, &case, ""),
            };
            let shown = match &changed {
                Ok(changed) => changed.iter().cloned().collect::<Vec<_>>().join(" "),
                Err(why) => format!("? {why}"),
            };
            let is_foreseen = is_foreseen(writes, &catalogue, &changed.unwrap_or_default());
            if !is_expected || !is_foreseen || shown != expect_changed.replace('-', "") {
                wrong.push(format!("{sql}\n   found {found}; changes {shown}"));
            }
        }
        assert!(wrong.is_empty(), "version {}:\n{}", session.version, wrong.join("\n"));
    });
}

/// A policy writes while a table is read, for those whom it concerns.
#[test]
fn a_policy_writes() {
    on_servers("policies", SCHEMA, |session| {
        let case = Statement::of("SELECT id FROM secured");
        let changed = changed(session, &case, "SET LOCAL ROLE pg_read_all_data").unwrap();
        assert_eq!(changed, BTreeSet::from(["log".to_owned()]));
    });
}

/// Extensions that come with the server: what has to be there first, a statement, what it may
/// write.
const OF_EXTENSIONS: &[(&str, &str, &str, &str)] = &[
    (
        "uuid-ossp",
        "CREATE TABLE ids(id uuid DEFAULT uuid_generate_v4(), n int)",
        "INSERT INTO ids(n) VALUES (1)",
        "ids",
    ),
    ("uuid-ossp", "", "SELECT uuid_generate_v1(), uuid_generate_v1mc(), uuid_nil()", "nothing"),
    (
        "pgcrypto",
        "",
        "SELECT public.gen_random_uuid(), gen_random_bytes(3), gen_salt('bf'), \
        gen_salt('bf', 4), crypt('x', gen_salt('bf')), digest('x', 'md5')",
        "nothing",
    ),
    (
        "pg_trgm",
        "",
        "SELECT similarity('a', 'b'), 'a' % 'b', 'a' <% 'b', 'a' %> 'b', 'a' <<% 'b', \
        'a' %>> 'b'",
        "nothing",
    ),
    ("pg_trgm", "", "SELECT set_limit(0.2)", "any: it calls set_limit, which may write anything"),
    ("unaccent", "", "SELECT unaccent('x')", "nothing"),
    (
        "citext",
        "CREATE TABLE mails(mail citext PRIMARY KEY)",
        "INSERT INTO mails VALUES ('x') ON CONFLICT (mail) DO UPDATE SET mail = 'y'",
        "mails",
    ),
    (
        "citext",
        "",
        "SELECT to_jsonb(m), max(mail) FROM mails m WHERE mail = 'x' GROUP BY m",
        "nothing",
    ),
    (
        "btree_gist",
        "CREATE TABLE stays(room int, span int4range, \
        EXCLUDE USING gist (room WITH =, span WITH &&))",
        "INSERT INTO stays VALUES (1, '[1,2]')",
        "stays",
    ),
    (
        "tablefunc",
        "",
        "SELECT * FROM crosstab('SELECT 1, 2, 3') AS c(a int, b int)",
        "any: it calls crosstab, which may write anything",
    ),
    (
        "dblink",
        "",
        "SELECT dblink_exec('', '')",
        "any: it calls dblink_exec, which may write anything",
    ),
];

#[test]
fn extensions() {
    on_servers("extensions", "SELECT 1", |session| {
        let mut catalogue = Catalogue::default();
        let mut created = BTreeSet::new();
        for (extension, schema, sql, expect) in OF_EXTENSIONS {
            let there = format!("SELECT FROM pg_available_extensions WHERE name = '{extension}'");
            if session.rows(&there).is_empty() {
                println!("skipped: {} has no extension {extension}", session.version);
                continue;
            }
            if created.insert(extension) {
                session.run(&format!("CREATE EXTENSION \"{extension}\""));
            }
            session.run(schema);
            let found = text(session.writes(&mut catalogue, sql, "").as_ref(), &catalogue);
            assert_eq!(found, *expect, "{} {sql}", session.version);
            let is_harmless = !found.starts_with("any: ");
            assert!(!is_harmless || changed(session, &Statement::of(sql), "").is_ok(), "{sql}");
        }
    });
}

/// More partitions than are looked at, more tables than are named.
#[test]
fn bounds() {
    const SCHEMA: &str = "
        CREATE TABLE many(id int) PARTITION BY LIST (id);
        DO 'BEGIN FOR n IN 1..999 LOOP EXECUTE format(
            $$CREATE TABLE many%s PARTITION OF many FOR VALUES IN (%s)$$, n, n); END LOOP; END';
        CREATE TABLE pointed(id int PRIMARY KEY);
        DO 'BEGIN FOR n IN 1..255 LOOP EXECUTE format(
            $$CREATE TABLE p%s(of int REFERENCES pointed ON DELETE CASCADE)$$, n); END LOOP; END'
    ";
    on_newest("bounds", SCHEMA, |session| {
        let check = |session: &mut Session, sql: &str, expect: &str| {
            let mut catalogue = Catalogue::default();
            let found = match session.writes(&mut catalogue, sql, "") {
                Ok(Writes::Tables(tables)) => format!("{} tables", tables.len()),
                writes => text(writes.as_ref(), &catalogue),
            };
            assert_eq!(found, expect, "{} {sql}", session.version);
        };
        check(session, "INSERT INTO many VALUES (1)", "1 tables");
        check(session, "DELETE FROM pointed", "256 tables");
        session.run("CREATE TABLE many1000 PARTITION OF many DEFAULT");
        session.run("CREATE TABLE more(of int REFERENCES pointed ON DELETE SET NULL)");
        let why = |name: &str| {
            format!("any: it writes public.{name}, which has more partitions than are looked at")
        };
        check(session, "INSERT INTO many VALUES (1)", &why("many"));
        check(session, "INSERT INTO many7 VALUES (7)", &why("many7"));
        check(session, "SELECT id FROM many", "nothing");
        check(session, "DELETE FROM pointed", "any: it may change more than 256 tables");
    });
}

/// A statement with its parameters.
struct Statement<'a> {
    sql: &'a str,
    types: &'a str,
    values: &'a str,
}

impl Statement<'_> {
    fn of(text: &str) -> Statement<'_> {
        let (sql, parameters) = text.split_once(" -- ").unwrap_or((text, ""));
        let (types, values) = parameters.split_once(": ").unwrap_or_default();
        Statement { sql, types, values }
    }
}

/// What is judged, as text.
pub(super) fn text(writes: Result<&Writes, &String>, catalogue: &Catalogue) -> String {
    match writes {
        Err(why) => format!("? {why}"),
        Ok(Writes::Incomplete(needs)) => format!("? {needs:?}"),
        Ok(Writes::Nothing) => "nothing".to_owned(),
        Ok(Writes::Anything(why)) => format!("any: {why}"),
        Ok(Writes::Tables(oids)) => {
            let mut names: Vec<&str> = oids.iter().map(|oid| name(*oid, catalogue)).collect();
            names.sort_unstable();
            names.join(" ")
        }
    }
}

fn name(oid: u32, catalogue: &Catalogue) -> &str {
    catalogue.name(oid).unwrap().trim_start_matches("public.")
}

fn is_foreseen(
    writes: Result<Writes, String>,
    catalogue: &Catalogue,
    changed: &BTreeSet<String>,
) -> bool {
    match writes {
        Ok(Writes::Tables(oids)) => {
            let foreseen: BTreeSet<&str> = oids.iter().map(|oid| name(*oid, catalogue)).collect();
            changed.iter().all(|table| foreseen.contains(table.as_str()))
        }
        Ok(Writes::Nothing) => changed.is_empty(),
        Ok(Writes::Anything(_)) => true,
        Ok(Writes::Incomplete(_)) | Err(_) => false,
    }
}

/// The tables of which a statement changes rows, by the counters of the transaction that it is run
/// in; partitions by their topmost table.
fn changed(
    session: &mut Session,
    case: &Statement<'_>,
    before: &str,
) -> Result<BTreeSet<String>, String> {
    const COUNTED: &str = "
        SELECT COALESCE(pg_partition_root(oid)::oid, oid)::regclass::text,
            sum(pg_stat_get_xact_tuples_inserted(oid) + pg_stat_get_xact_tuples_updated(oid)
                + pg_stat_get_xact_tuples_deleted(oid))
        FROM pg_class WHERE relkind IN ('r', 'p') AND oid >= 16384 GROUP BY 1";
    let Statement { sql, types, values } = case;
    session.rows("DEALLOCATE ALL");
    session.rows("BEGIN");
    let run = |session: &mut Session| {
        let earlier = session.rows(COUNTED);
        session.rows(before);
        if types.is_empty() {
            session.try_rows(sql)?;
        } else {
            session.try_rows(&format!("PREPARE it({types}) AS {sql}"))?;
            session.try_rows(&format!("EXECUTE it({values})"))?;
        }
        session.try_rows("SET CONSTRAINTS ALL IMMEDIATE")?;
        let later: BTreeSet<_> = session.rows(COUNTED).into_iter().collect();
        let changed = later.into_iter().filter(|row| !earlier.contains(row));
        Ok(changed.map(|row| row[0].clone().unwrap()).collect())
    };
    let changed = run(session);
    session.rows("ROLLBACK");
    changed
}

/// The functions on the lists have these names, and those that are called volatile are volatile.
/// Which stable functions there are was looked at for each of these versions.
#[test]
fn functions() {
    on_servers("functions", "SELECT 1", |session| {
        let named = |session: &mut Session, volatility: &str| -> Vec<(u32, String)> {
            let rows = session.rows(&format!(
                "SELECT oid, proname FROM pg_proc WHERE provolatile = '{volatility}' \
                 AND pronamespace = 11 AND oid < 16384"
            ));
            let cell = |cell: &Option<String>| cell.clone().unwrap();
            rows.iter().map(|row| (cell(&row[0]).parse().unwrap(), cell(&row[1]))).collect()
        };
        let number = |text: &str| text.parse::<usize>().unwrap();
        for (list, volatility) in [(VOLATILE, "v"), (STABLE_THAT_RUN, "s")] {
            let known = named(session, volatility);
            let every = session.rows("SELECT oid, proname FROM pg_proc WHERE oid < 16384");
            for (oid, name) in list {
                let there =
                    every.iter().find(|row| number(row[0].as_ref().unwrap()) == *oid as usize);
                let is_there = known.contains(&(*oid, (*name).to_owned()));
                assert!(is_there || there.is_none(), "{oid} {name}: {there:?}");
            }
        }
        let stable = named(session, "s");
        let runs = |name: &str| {
            name.contains("_to_xml") || name.starts_with("pg_input") || name.ends_with("_validator")
        };
        let unlisted: Vec<_> = stable
            .iter()
            .filter(|(oid, name)| runs(name) && !STABLE_THAT_RUN.contains(&(*oid, name)))
            .collect();
        assert!(unlisted.is_empty(), "{unlisted:?}");
        let expect = match session.version / 10_000 {
            14 => 613,
            15 => 619,
            16 => 641,
            17 => 650,
            18 => 664,
            _ => panic!("look at the stable functions of this version, and count them here"),
        };
        assert_eq!(stable.len(), expect, "version {}", session.version);
    });
}
