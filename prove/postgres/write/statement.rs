//! Single statements that write.

use fastrand::Rng;

use crate::domain::{Draft, Statement, Type, once_in, pick};
use crate::read::{Joined, Leaf, condition};
use crate::schema::{Column, Kind, Relation, Schema};

/// A write, with the name of its kind; the server may refuse it.
pub(crate) fn write(
    rng: &mut Rng,
    schema: &Schema,
    binds: bool,
    version: u32,
) -> Option<(&'static str, Statement)> {
    let mut draft = Draft { binds, ..Draft::default() };
    let draft = &mut draft;
    let target = schema.target(rng)?;
    let (name, sql) = match rng.u8(..44) {
        0..12 => ("INSERT", insert(rng, draft, target)?),
        12..24 => ("UPDATE", update(rng, draft, target)?),
        24..27 => ("UPDATE of a key", update_key(rng, draft, target)?),
        27..32 => ("DELETE", delete(rng, draft, target)?),
        32 => ("UPDATE FROM", update_from(rng, draft, schema)?),
        33 => ("DELETE USING", delete_using(rng, draft, schema)?),
        34 if version >= 15 => ("MERGE", merge(rng, draft, target)?),
        35 => ("TRUNCATE", truncate(rng, target)?),
        36 => ("modifying CTE", modifying(rng, draft, schema)?),
        37 => ("INSERT SELECT", copied(rng, schema)?),
        38 => ("writing function", format!("SELECT public.note('f{}')", rng.u8(..4))),
        39 => ("DO", done(rng, draft, target)?),
        40 => ("CALL", called(rng, target)?),
        41 => ("COPY", copy(rng, target)?),
        42 => ("UPDATE of big text", update_big(rng, schema)?),
        _ => ("UPDATE beside big text", update_beside_big(rng, draft, schema)?),
    };
    Some((name, Statement { sql, params: std::mem::take(&mut draft.params) }))
}

fn one<'a>(relation: &'a Relation) -> Joined<'a> {
    let leaf = Leaf { alias: "w", relation };
    Joined { sql: format!("{} w", relation.full()), leaves: vec![leaf], is_outer: false }
}

/// A condition that few rows meet.
fn few(rng: &mut Rng, draft: &mut Draft, relation: &Relation) -> Option<String> {
    let has_id = relation.columns.iter().any(|column| column.name == "id");
    match rng.u8(..6) {
        0..4 if has_id => Some(format!("w.id = {}", draft.value(rng, Type::Int4))),
        4 => condition(rng, draft, &one(relation), 1),
        _ => condition(rng, draft, &one(relation), 0),
    }
}

fn is_free(column: &Column) -> bool {
    !column.is_generated && column.of != Type::Other
}

fn value(rng: &mut Rng, draft: &mut Draft, column: &Column) -> String {
    match column.name.as_str() {
        "id" if rng.bool() => rng.u8(1..30).to_string(),
        "s" => format!("{}", rng.u32(1_000..1_000_000)),
        "big" if rng.bool() => format!("repeat('{}', 2500)", pick(rng, &["x", "yz", "w"])),
        _ if !column.is_required && once_in(rng, 7) => "NULL".to_owned(),
        _ if once_in(rng, 16) => "DEFAULT".to_owned(),
        _ => draft.value(rng, column.of),
    }
}

fn insert(rng: &mut Rng, draft: &mut Draft, table: &Relation) -> Option<String> {
    let columns: Vec<&Column> = table
        .columns
        .iter()
        .filter(|column| is_free(column))
        .filter(|column| column.is_required || rng.u8(..5) > 0)
        .collect();
    if columns.is_empty() {
        return None;
    }
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let count = if once_in(rng, 4) { rng.usize(2..4) } else { 1 };
    let row = |rng: &mut Rng, draft: &mut Draft| {
        let values: Vec<String> = columns.iter().map(|it| value(rng, draft, it)).collect();
        format!("({})", values.join(", "))
    };
    let rows: Vec<String> = (0..count).map(|_| row(rng, draft)).collect();
    let conflict = match rng.u8(..4) {
        0 => String::new(),
        1 if !table.key.is_empty() && table.kind != Kind::View => {
            let key = table.key.iter().map(|at| table.columns[*at].name.as_str());
            let column = table.one(rng, |column| is_free(column) && column.name != "id")?;
            let key: Vec<&str> = key.collect();
            let key = key.join(", ");
            format!(" ON CONFLICT ({key}) DO UPDATE SET {0} = excluded.{0}", column.name)
        }
        _ => " ON CONFLICT DO NOTHING".to_owned(),
    };
    let returning = if once_in(rng, 5) { " RETURNING *" } else { "" };
    Some(format!(
        "INSERT INTO {} AS w ({}) VALUES {}{conflict}{returning}",
        table.full(),
        names.join(", "),
        rows.join(", ")
    ))
}

fn assignment(rng: &mut Rng, draft: &mut Draft, table: &Relation) -> Option<String> {
    let column = table.one(rng, |column| is_free(column) && column.name != "id")?;
    let name = &column.name;
    Some(match rng.u8(..4) {
        0 if column.of.is_whole() => format!("{name} = coalesce(w.{name}, 0) + 1"),
        _ => format!("{name} = {}", value(rng, draft, column)),
    })
}

fn update(rng: &mut Rng, draft: &mut Draft, table: &Relation) -> Option<String> {
    let mut list = vec![assignment(rng, draft, table)?];
    if once_in(rng, 3) {
        let more = assignment(rng, draft, table)?;
        let is_same = more.split(' ').next() == list[0].split(' ').next();
        list.extend((!is_same).then_some(more));
    }
    let condition = few(rng, draft, table)?;
    let returning = if once_in(rng, 6) { " RETURNING w.*" } else { "" };
    let only = if table.kind == Kind::Table && once_in(rng, 8) { "ONLY " } else { "" };
    let name = table.full();
    Some(format!("UPDATE {only}{name} w SET {} WHERE {condition}{returning}", list.join(", ")))
}

/// Of the key, or of what tells the partition.
fn update_key(rng: &mut Rng, draft: &mut Draft, table: &Relation) -> Option<String> {
    let at = *table.key.get(rng.usize(..table.key.len().max(1)))?;
    let column = &table.columns[at];
    let value = match column.name.as_str() {
        "id" => rng.u8(1..30).to_string(),
        _ => draft.value(rng, column.of),
    };
    let condition = few(rng, draft, table)?;
    Some(format!("UPDATE {} w SET {} = {value} WHERE {condition}", table.full(), column.name))
}

fn delete(rng: &mut Rng, draft: &mut Draft, table: &Relation) -> Option<String> {
    Some(format!("DELETE FROM {} w WHERE {}", table.full(), few(rng, draft, table)?))
}

fn update_from(rng: &mut Rng, draft: &mut Draft, schema: &Schema) -> Option<String> {
    let table = schema.target(rng)?;
    let other = schema.any(rng)?;
    let set = assignment(rng, draft, table)?;
    let column = other.one(rng, |column| column.of.is_whole())?;
    let (table, other, on) = (table.full(), other.full(), &column.name);
    Some(format!("UPDATE {table} w SET {set} FROM {other} o WHERE o.{on} = w.id AND w.id < 4"))
}

fn delete_using(rng: &mut Rng, draft: &mut Draft, schema: &Schema) -> Option<String> {
    let (table, other) = (schema.target(rng)?, schema.any(rng)?);
    let column = other.one(rng, |column| column.of.is_whole())?;
    let condition = few(rng, draft, table)?;
    let (table, other, on) = (table.full(), other.full(), &column.name);
    Some(format!("DELETE FROM {table} w USING {other} o WHERE o.{on} = w.id AND {condition}"))
}

fn merge(rng: &mut Rng, draft: &mut Draft, table: &Relation) -> Option<String> {
    if !matches!(table.kind, Kind::Table | Kind::Root) {
        return None;
    }
    let set = assignment(rng, draft, table)?.replace("DEFAULT", "NULL");
    let number = rng.u8(1..20);
    let matched = match rng.u8(..3) {
        0 => "DELETE".to_owned(),
        1 => "DO NOTHING".to_owned(),
        _ => format!("UPDATE SET {set}"),
    };
    // Parameters have to be used.
    draft.params.retain(|_| matched.contains('$'));
    Some(format!(
        "MERGE INTO {} w USING (SELECT {number} AS id) s ON s.id = w.id \
         WHEN MATCHED THEN {matched} WHEN NOT MATCHED THEN INSERT (id) VALUES (s.id)",
        table.full()
    ))
}

fn truncate(rng: &mut Rng, table: &Relation) -> Option<String> {
    if table.kind == Kind::View || (table.name == "t0" && !once_in(rng, 4)) {
        return None;
    }
    let only = if table.name == "parent" && rng.bool() { "ONLY " } else { "" };
    let end = pick(rng, &["", " CASCADE", " RESTART IDENTITY CASCADE"]);
    Some(format!("TRUNCATE {only}{}{end}", table.full()))
}

fn modifying(rng: &mut Rng, draft: &mut Draft, schema: &Schema) -> Option<String> {
    let (one, other) = (schema.target(rng)?, schema.target(rng)?);
    let condition = few(rng, draft, one)?;
    let full = one.full();
    Some(match rng.u8(..3) {
        0 => format!(
            "WITH w AS (DELETE FROM {full} w WHERE {condition} RETURNING w.id) INSERT INTO {} (id) \
             SELECT id + 7 FROM w ON CONFLICT DO NOTHING",
            other.full()
        ),
        1 => {
            let set = assignment(rng, draft, one)?;
            format!(
                "WITH w AS (UPDATE {full} w SET {set} WHERE {condition} RETURNING w.id) \
                 SELECT count(*) FROM w"
            )
        }
        _ => format!(
            "WITH w AS (SELECT id FROM {full} w WHERE {condition} LIMIT 3) \
             DELETE FROM {} o USING w WHERE o.id = w.id",
            other.full()
        ),
    })
}

fn copied(rng: &mut Rng, schema: &Schema) -> Option<String> {
    let (to, from) = (schema.target(rng)?, schema.any(rng)?);
    let key = from.one(rng, |column| column.of.is_whole())?;
    let (into, take) = (to.one(rng, is_free)?, from.any(rng));
    let shift = rng.u8(..12);
    (into.name != "id").then(|| {
        format!(
            "INSERT INTO {} (id, {}) SELECT coalesce({}, 0) + {shift}, {}::text::{} FROM {} \
             LIMIT 2 ON CONFLICT DO NOTHING",
            to.full(),
            into.name,
            key.name,
            take.name,
            into.of.cast(),
            from.full()
        )
    })
}

fn done(rng: &mut Rng, draft: &mut Draft, table: &Relation) -> Option<String> {
    draft.binds = false;
    let delete = delete(rng, draft, table)?;
    let update = update(rng, draft, table)?.replace(" RETURNING w.*", "");
    Some(match rng.u8(..3) {
        0 => format!("DO $$ BEGIN {delete}; END $$"),
        1 => format!("DO $$ BEGIN {update}; COMMIT; {delete}; END $$"),
        // The first of the two is undone.
        _ => format!(
            "DO $$ BEGIN BEGIN {delete}; PERFORM 1 / 0; EXCEPTION WHEN OTHERS THEN NULL; END; \
             {update}; END $$"
        ),
    })
}

fn called(rng: &mut Rng, table: &Relation) -> Option<String> {
    let mut plain = Draft::default();
    let sql = update(rng, &mut plain, table)?.replace(" RETURNING w.*", "");
    Some(format!("CALL public.slowly({})", crate::domain::quoted(&sql)))
}

fn copy(rng: &mut Rng, table: &Relation) -> Option<String> {
    let column = table.one(rng, |column| column.of.is_whole() && is_free(column))?;
    let (id, value) = (rng.u8(30..60), rng.u8(..8));
    (column.name != "id" && table.kind != Kind::View).then(|| {
        let (table, column) = (table.full(), &column.name);
        format!("COPY {table} (id, {column}) FROM PROGRAM 'echo {id},{value}' (FORMAT csv)")
    })
}

fn with_big<'a>(rng: &mut Rng, schema: &'a Schema) -> Option<&'a Relation> {
    let has = |it: &&Relation| {
        it.kind == Kind::Table && it.columns.iter().any(|column| column.name == "big")
    };
    let tables: Vec<&Relation> = schema.relations.iter().filter(has).collect();
    if tables.is_empty() { None } else { Some(pick(rng, &tables)) }
}

fn update_big(rng: &mut Rng, schema: &Schema) -> Option<String> {
    let table = with_big(rng, schema)?.full();
    let part = pick(rng, &["x", "yz", "w"]);
    let set = pick(rng, &["big = repeat('%', 2500)", "big = NULL", "big = '%'"]).replace('%', part);
    Some(format!("UPDATE {table} w SET {set} WHERE w.id = {}", rng.u8(1..16)))
}

fn update_beside_big(rng: &mut Rng, draft: &mut Draft, schema: &Schema) -> Option<String> {
    let table = with_big(rng, schema)?;
    let set = assignment(rng, draft, table)?;
    Some(format!("UPDATE {} w SET {set} WHERE w.id = {}", table.full(), rng.u8(1..16)))
}

/// Cuts a table down that has become too large.
pub(crate) fn pruning(table: &Relation) -> String {
    let name = table.full();
    format!("DELETE FROM {name} WHERE id > 12 OR id IS NULL")
}

/// Puts rows into a table that has become empty.
pub(crate) fn filling(rng: &mut Rng, table: &Relation) -> Option<Statement> {
    let mut draft = Draft::default();
    let sql = insert(rng, &mut draft, table)?;
    Some(Statement::plain(sql))
}
