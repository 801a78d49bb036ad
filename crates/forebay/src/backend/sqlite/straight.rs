//! Whether the program of a write is bound to be short, however large its tables are: whether it
//! has no loop over the rows of one.
//!
//! By the [opcodes](https://sqlite.org/opcode.html) as EXPLAIN lists them; one that is not known
//! here makes a program long. It says nothing of the size of values, nor of pages that have to be
//! read from the disk.

/// Sorted; what neither loops nor looks at more than one place of a b-tree.
#[rustfmt::skip]
const ORDINARY: &[&str] = &[
    "Add", "AddImm", "Affinity", "And", "BeginSubrtn", "BitAnd", "BitNot", "BitOr", "Blob", "Cast",
    "Close", "ClrSubtype", "CollSeq", "Column", "Concat", "Copy", "DeferredSeek", "Delete",
    "Divide", "ElseEq", "Eq", "FinishSeek", "FkCheck", "FkCounter", "FkIfZero", "Found", "Function",
    "Ge", "GetSubtype", "Gosub", "Gt", "Halt", "HaltIfNull", "IdxDelete", "IdxGE", "IdxGT",
    "IdxInsert", "IdxLE", "IdxLT", "IdxRowid", "If", "IfNoHope", "IfNot", "IfNullRow", "Insert",
    "Int64", "IntCopy", "Integer", "IsNull", "IsTrue", "IsType", "Le", "Lt", "MakeRecord", "MemMax",
    "Move", "Multiply", "MustBeInt", "Ne", "NewRowid", "NoConflict", "Noop", "Not", "NotExists",
    "NotFound", "NotNull", "Null", "NullRow", "Once", "OpenRead", "OpenWrite", "Or", "PureFunc",
    "Real", "RealAffinity", "ReleaseReg", "Remainder", "ReopenIdx", "ResultRow", "Return", "Rewind",
    "Rowid", "SCopy", "SeekGE", "SeekGT", "SeekLE", "SeekLT", "SeekRowid", "SetSubtype",
    "ShiftLeft", "ShiftRight", "SoftNull", "String", "String8", "Subtract", "Transaction",
    "TypeCheck", "Variable", "ZeroOrNull",
];

/// One instruction, as far as it is looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Instruction<'a> {
    pub(super) address: i64,
    pub(super) opcode: &'a str,
    pub(super) p1: i64,
    pub(super) p2: i64,
}

/// Of a program of which some instructions have been listed.
#[derive(Clone, Debug, Default)]
pub(super) struct Straightness {
    /// Something has been seen that may take long.
    is_long: bool,
    /// Where it begins: from there to the end it prepares, and then goes to its first instruction.
    beginning: i64,
    /// Up to here it is passed over, but where a foreign key does not hold already.
    passed: i64,
    /// The cursors of its loops, and those on rows of its own: the program itself puts them there.
    loops: Vec<i64>,
    own: Vec<i64>,
}

impl Straightness {
    pub(super) fn note(&mut self, at: Instruction<'_>) {
        if at.address < self.passed {
            return;
        }
        let prepares = self.beginning != 0 && at.address >= self.beginning;
        match at.opcode {
            "Init" => self.beginning = at.p2,
            "Goto" => self.is_long |= at.p2 <= at.address && !(prepares && at.p2 == 1),
            // Rows that refer to the one that is written are only looked for when there are some
            // whose foreign keys do not hold.
            "FkIfZero" if at.p2 > at.address => self.passed = at.p2,
            // The highest key that a table has had is looked for among those of all tables, before
            // the first instruction.
            "Next" if prepares => {}
            "Next" | "Prev" => self.loops.push(at.p1),
            "OpenEphemeral" => self.own.push(at.p1),
            opcode => self.is_long |= ORDINARY.binary_search(&opcode).is_err(),
        }
    }

    /// Whether the program takes no more steps than it has instructions, about.
    pub(super) fn is_straight(&self) -> bool {
        !self.is_long && self.loops.iter().all(|cursor| self.own.contains(cursor))
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::{Connection, StatementStatus};

    use super::*;

    const SCHEMA: &str = "
        CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, n INT NOT NULL DEFAULT 0);
        CREATE TABLE posts (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT UNIQUE,
            user INT REFERENCES users (id), at INT);
        CREATE INDEX posts_user ON posts (user);
        CREATE TABLE tags (post INT, tag TEXT, PRIMARY KEY (post, tag)) WITHOUT ROWID;
        CREATE TABLE logged (id INTEGER PRIMARY KEY, of INT);
        CREATE TRIGGER log_it AFTER UPDATE ON logged BEGIN UPDATE users SET n = n + 1; END;
        CREATE TABLE owners (id INTEGER PRIMARY KEY);
        CREATE TABLE owned (id INT REFERENCES owners (id) ON DELETE CASCADE ON UPDATE CASCADE);
        CREATE VIRTUAL TABLE words USING fts5(word);
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3000)
            INSERT INTO users SELECT i, 'a' || i, 0 FROM n;
        INSERT INTO posts SELECT id, 'about ' || id, id % 10 + 1, 0 FROM users;
        INSERT INTO tags SELECT id % 10, id FROM users;";

    fn listed(connection: &Connection, sql: &str) -> Straightness {
        let mut listing = connection.prepare(&format!("EXPLAIN {sql}")).unwrap();
        let mut rows = listing.raw_query();
        let mut listed = Straightness::default();
        while let Some(row) = rows.next().unwrap() {
            listed.note(Instruction {
                address: row.get(0).unwrap(),
                opcode: row.get_ref(1).unwrap().as_str().unwrap(),
                p1: row.get(2).unwrap(),
                p2: row.get(3).unwrap(),
            });
        }
        listed
    }

    /// The steps that it takes on tables of 3,000 rows, given 7 wherever it takes something. It may
    /// violate a constraint.
    fn steps(connection: &Connection, sql: &str) -> i64 {
        let mut statement = connection.prepare(sql).unwrap();
        let sevens = vec![7; statement.parameter_count()];
        let mut rows = statement.query(rusqlite::params_from_iter(sevens)).unwrap();
        while let Ok(Some(_)) = rows.next() {}
        drop(rows);
        statement.get_status(StatementStatus::VmStep).into()
    }

    #[test]
    fn a_write_is_straight_when_it_has_no_loop_over_rows() {
        assert!(ORDINARY.is_sorted());
        let connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "foreign_keys", true).unwrap();
        connection.execute_batch(SCHEMA).unwrap();
        let check = |sql: &str, expect: bool| {
            let listed = listed(&connection, sql);
            assert_eq!(listed.is_straight(), expect, "{sql}: {listed:?}");
            let steps = if expect { steps(&connection, sql) } else { 0 };
            assert!(steps < 200, "{sql} takes {steps} steps");
        };
        check("INSERT INTO users (name) VALUES (?)", true);
        check("INSERT INTO users (name) VALUES (?) RETURNING id", true);
        check("INSERT INTO posts (title, user, at) VALUES (?, ?, unixepoch())", true);
        check("INSERT INTO posts (title, user, at) VALUES (?, ?, ?) RETURNING id, at", true);
        check("INSERT INTO users VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET n = n + 1", true);
        check("INSERT INTO tags VALUES (?, ?)", true);
        check("UPDATE users SET n = n + 1 WHERE id = ? RETURNING n", true);
        check("UPDATE users SET n = CASE WHEN n > ? THEN 1 ELSE abs(n) END WHERE id = ?", true);
        check("UPDATE users SET n = n + 1 WHERE id = ? AND name LIKE 'a%'", true);
        check("UPDATE users SET n = n + 1 WHERE id IN (?, ?, ?)", true);
        check("UPDATE posts SET at = ? WHERE title = ?", true);
        check("DELETE FROM posts WHERE id = ?", true);
        check("DELETE FROM tags WHERE post = ? AND tag = ?", true);
        // Many rows, or one for which many are looked at.
        check("INSERT INTO users (name) SELECT name FROM users", false);
        check("UPDATE users SET n = n + 1", false);
        check("UPDATE users SET n = 1 WHERE name = ?", false);
        check("UPDATE posts SET at = 1 WHERE user = ?", false);
        check("UPDATE users SET n = (SELECT count(*) FROM posts) WHERE id = ?", false);
        check("UPDATE users SET n = (SELECT sum(at) FROM posts) WHERE id = ?", false);
        check("UPDATE users SET n = 1 WHERE id IN (SELECT user FROM posts)", false);
        check("DELETE FROM users", false);
        check("DELETE FROM users WHERE id < ?", false);
        check("DELETE FROM tags WHERE post = ?", false);
        // It looks for posts of the user.
        check("DELETE FROM users WHERE id = ?", false);
        check("DELETE FROM owners WHERE id = ?", false);
        check("UPDATE owners SET id = ? WHERE id = ?", false);
        check("UPDATE logged SET of = 1 WHERE id = ?", false);
        check("INSERT INTO words VALUES (?)", false);
        let endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)";
        check(&format!("{endless} INSERT INTO users (n) SELECT i FROM n"), false);
        check(
            &format!("UPDATE users SET n = ({endless} SELECT max(i) FROM n) WHERE id = 1"),
            false,
        );
    }
}
