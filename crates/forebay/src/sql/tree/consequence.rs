//! What a change of a table brings along, and what is run for it, as the catalogue tells: triggers
//! and rules, foreign keys that pass it on, tables that inherit, and every expression that the
//! server evaluates by itself. It judges nothing.

use std::collections::BTreeSet;

use super::node::{Fault, Node};
use super::question::Texts;
use super::trigger::Triggers;

/// A table as the target of a write.
#[derive(Debug)]
pub(crate) struct Consequence {
    /// The name under which its changes are told: that of its topmost partitioned table.
    pub(super) told_as: u32,
    /// A rule that it or one of its partitions has, or a trigger that may write something else than
    /// the row, in words.
    pub(super) snag: Option<String>,
    /// The columns that its triggers may assign to; `None` if that is not known.
    pub(super) stamped: Option<BTreeSet<String>>,
    /// A partition that is not a table of this server, in words.
    pub(super) stranger: Option<String>,
    /// The tables that inherit from it by INHERITS, directly.
    pub(super) children: Vec<u32>,
    /// The tables with a foreign key that passes changes of it on to them.
    pub(super) cascades: Vec<u32>,
    /// The types of its columns that did not come with the server.
    pub(super) types: Vec<u32>,
    /// Defaults, generated columns, checks, expressions and conditions of indexes, and keys of
    /// partitions.
    pub(super) expressions: Result<Node, Fault>,
    /// The conditions of its policies, which count for reads of it as well.
    pub(super) policies: Result<Node, Fault>,
}

impl Consequence {
    pub(super) fn read(row: &Texts<'_>) -> Option<Consequence> {
        let triggers = Triggers::read(row, 9)?;
        Some(Consequence {
            told_as: row.oid(1)?,
            snag: row.text(2).map(str::to_owned).or(triggers.snag()),
            stamped: triggers.stamped(),
            stranger: row.text(3).map(str::to_owned),
            children: row.oids(4)?,
            cascades: row.oids(5)?,
            types: row.oids(6)?,
            expressions: row.trees(7),
            policies: row.trees(8),
        })
    }
}

/// `members` are the table and, if it is or has partitions, all of its kind up to the topmost
/// table, at most 1,000; a change of one is told as a change of all. Trees are joined to a tree by
/// putting them into brackets. Names and bodies are sent as hexadecimal. A foreign key counts in
/// both cases, since a row that moves to another partition may be deleted and inserted.
pub(super) const CONSEQUENCES: &str = "\
SELECT c.oid, r.root,
       CASE WHEN f.members IS NULL THEN 'more partitions than are looked at'
            ELSE (SELECT 'the rule ' || pg_catalog.min(w.rulename::text)
                  FROM pg_catalog.pg_rewrite AS w
                  WHERE w.ev_class = ANY (f.members) AND w.rulename <> '_RETURN'
                    AND w.ev_enabled <> 'D') END,
       CASE WHEN f.members IS NULL THEN 'more partitions than are looked at'
            ELSE (SELECT 'the partition ' || pg_catalog.min(x.relname::text)
                  FROM pg_catalog.pg_class AS x
                  WHERE x.oid = ANY (f.members) AND x.relkind NOT IN ('r', 'p')) END,
       (SELECT pg_catalog.string_agg(i.inhrelid::text, ' ')
        FROM pg_catalog.pg_inherits AS i JOIN pg_catalog.pg_class AS x ON x.oid = i.inhrelid
        WHERE i.inhparent = c.oid AND NOT x.relispartition),
       (SELECT pg_catalog.string_agg(DISTINCT k.conrelid::text, ' ')
        FROM pg_catalog.pg_constraint AS k
        WHERE k.contype = 'f' AND k.confrelid = ANY (f.members)
          AND (k.confdeltype IN ('c', 'n', 'd') OR k.confupdtype IN ('c', 'n', 'd'))),
       (SELECT pg_catalog.string_agg(DISTINCT a.atttypid::text, ' ')
        FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = ANY (f.members) AND a.attnum > 0 AND NOT a.attisdropped
          AND a.atttypid >= 16384),
       (SELECT '(' || pg_catalog.string_agg(DISTINCT e.tree, ' ') || ')'
        FROM (SELECT d.adbin::text FROM pg_catalog.pg_attrdef AS d
              WHERE d.adrelid = ANY (f.members)
              UNION ALL
              SELECT k.conbin::text FROM pg_catalog.pg_constraint AS k
              WHERE k.conrelid = ANY (f.members)
              UNION ALL
              SELECT v.tree FROM pg_catalog.pg_index AS i,
                  LATERAL (VALUES (i.indexprs::text), (i.indpred::text)) AS v(tree)
              WHERE i.indrelid = ANY (f.members)
              UNION ALL
              SELECT p.partexprs::text FROM pg_catalog.pg_partitioned_table AS p
              WHERE p.partrelid = ANY (f.members)
              UNION ALL
              SELECT t.tgqual::text FROM pg_catalog.pg_trigger AS t
              WHERE t.tgrelid = ANY (f.members) AND NOT t.tgisinternal
                AND t.tgenabled <> 'D') AS e(tree)),
       (SELECT '(' || pg_catalog.string_agg(v.tree, ' ') || ')'
        FROM pg_catalog.pg_policy AS p,
            LATERAL (VALUES (p.polqual::text), (p.polwithcheck::text)) AS v(tree)
        WHERE p.polrelid = c.oid AND c.relrowsecurity),
       (SELECT pg_catalog.string_agg(DISTINCT pg_catalog.concat_ws(' ',
            pg_catalog.encode(pg_catalog.convert_to(t.tgname, 'UTF8'), 'hex'), t.tgtype, w.kind,
            pg_catalog.encode(pg_catalog.convert_to(w.code, 'UTF8'), 'hex')), E'\\n')
        FROM pg_catalog.pg_trigger AS t JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid
        JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang
        LEFT JOIN pg_catalog.pg_proc AS h ON h.oid = l.lanplcallfoid,
        LATERAL (SELECT
            CASE WHEN h.probin = '$libdir/plpgsql' AND NOT EXISTS (
                    SELECT FROM pg_catalog.unnest(p.proconfig) AS s
                    WHERE s NOT LIKE 'search_path=%') THEN 'p'
                 WHEN p.prolang = 12 AND p.oid < 16384 OR p.prolang = 13 THEN 'n'
                 ELSE 'o' END,
            CASE p.prolang WHEN 13 THEN p.probin || ' ' || p.prosrc
                 ELSE pg_catalog.left(p.prosrc, 20001) END) AS w(kind, code)
        WHERE t.tgrelid = ANY (f.members) AND NOT t.tgisinternal AND t.tgenabled <> 'D'),
       (SELECT pg_catalog.string_agg(
            pg_catalog.encode(pg_catalog.convert_to(a.attname, 'UTF8'), 'hex'), ' ')
        FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid < 16384),
       (SELECT pg_catalog.string_agg(DISTINCT n.name, ' ')
        FROM (SELECT p.proname::text FROM pg_catalog.pg_proc AS p
              WHERE p.oid >= 16384 AND p.proname IN ($FUNCTIONS)
              UNION ALL
              SELECT o.oprname::text FROM pg_catalog.pg_operator AS o
              WHERE o.oid >= 16384 AND o.oprname IN ($OPERATORS)) AS n(name))
FROM pg_catalog.pg_class AS c
CROSS JOIN LATERAL (SELECT COALESCE(pg_catalog.pg_partition_root(c.oid)::oid, c.oid) AS root) AS r
CROSS JOIN LATERAL (
    SELECT CASE WHEN pg_catalog.count(*) <= 1000 THEN pg_catalog.array_agg(m.oid) END AS members
    FROM (SELECT c.oid UNION
          SELECT t.relid::oid FROM pg_catalog.pg_partition_tree(r.root) AS t) AS m) AS f
WHERE c.oid IN ($OIDS)";
