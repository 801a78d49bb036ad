//! The messages of the plugin pgoutput in its protocol 1: commits, each whole and in order, with
//! the rows that they changed. It keeps nothing from one message to the next and copies no value.
//!
//! Source: "Logical Replication Message Formats" in the documentation of PostgreSQL.

use smallvec::SmallVec;

use super::cursor::{Cursor, Malformed};
use super::tuple::{COLUMNS_MAX, Tuple};
use crate::invalidate::Lsn;

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message<'a> {
    /// A committed transaction begins; `commit` is where its commit stands.
    Begin {
        commit: Lsn,
        xid: u32,
    },
    /// It ends; `end` is where the record of its commit ends.
    Commit {
        commit: Lsn,
        end: Lsn,
    },
    /// The transaction came from another server.
    Origin,
    /// A table, before the first of its rows and again whenever it has changed.
    Relation(Description<'a>),
    /// A type that is not built in.
    Type,
    Insert {
        relation: u32,
        new: Tuple<'a>,
    },
    Update {
        relation: u32,
        old: Old<'a>,
        new: Tuple<'a>,
    },
    Delete {
        relation: u32,
        old: Old<'a>,
    },
    Truncate {
        relations: SmallVec<[u32; 4]>,
        cascades: bool,
        restarts: bool,
    },
    /// What somebody has written with `pg_logical_emit_message`.
    Note {
        is_transactional: bool,
        prefix: &'a [u8],
        content: &'a [u8],
    },
}

/// What a change shows of the row as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Old<'a> {
    /// Nothing: no column of the replica identity has changed.
    None,
    /// The columns of the replica identity; the others stand there as NULL.
    Key(Tuple<'a>),
    /// All columns.
    Full(Tuple<'a>),
}

/// A table as the stream describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Description<'a> {
    pub(crate) oid: u32,
    pub(crate) namespace: &'a [u8],
    pub(crate) name: &'a [u8],
    /// `d`, `n`, `f` or `i`, as in `pg_class.relreplident`.
    pub(crate) identity: u8,
    pub(crate) columns: Vec<ColumnDescription<'a>>,
}

/// One published column, in the order of attribute numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ColumnDescription<'a> {
    /// Whether it belongs to the replica identity.
    pub(crate) is_key: bool,
    pub(crate) name: &'a [u8],
    pub(crate) type_oid: u32,
}

impl<'a> Message<'a> {
    pub(crate) fn decode(bytes: &'a [u8]) -> Result<Message<'a>, Malformed> {
        let mut cursor = Cursor::new(bytes);
        let message = match cursor.u8()? {
            b'B' => begin(&mut cursor)?,
            b'C' => commit(&mut cursor)?,
            b'O' => {
                cursor.lsn()?;
                cursor.text()?;
                Message::Origin
            }
            b'R' => Message::Relation(description(&mut cursor)?),
            b'Y' => {
                cursor.u32()?;
                cursor.text()?;
                cursor.text()?;
                Message::Type
            }
            b'I' => insert(&mut cursor)?,
            b'U' => update(&mut cursor)?,
            b'D' => delete(&mut cursor)?,
            b'T' => truncate(&mut cursor)?,
            b'M' => note(&mut cursor)?,
            _ => return Err(Malformed("it is of an unknown kind")),
        };
        cursor.end()?;
        Ok(message)
    }
}

fn begin<'a>(cursor: &mut Cursor<'a>) -> Result<Message<'a>, Malformed> {
    let commit = cursor.lsn()?;
    // The time of the commit.
    cursor.u64()?;
    Ok(Message::Begin { commit, xid: cursor.u32()? })
}

fn commit<'a>(cursor: &mut Cursor<'a>) -> Result<Message<'a>, Malformed> {
    if cursor.u8()? != 0 {
        return Err(Malformed("a commit has unknown flags"));
    }
    let (commit, end) = (cursor.lsn()?, cursor.lsn()?);
    // The time of the commit.
    cursor.u64()?;
    Ok(Message::Commit { commit, end })
}

fn description<'a>(cursor: &mut Cursor<'a>) -> Result<Description<'a>, Malformed> {
    let oid = cursor.u32()?;
    let (namespace, name) = (cursor.text()?, cursor.text()?);
    let identity = cursor.u8()?;
    if !b"dnfi".contains(&identity) {
        return Err(Malformed("a table has an unknown replica identity"));
    }
    let count = cursor.u16()?;
    if count > COLUMNS_MAX {
        return Err(Malformed("a table has too many columns"));
    }
    let mut columns = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        let flags = cursor.u8()?;
        let (name, type_oid) = (cursor.text()?, cursor.u32()?);
        // The modifier of the type, such as the length of a varchar.
        cursor.u32()?;
        columns.push(ColumnDescription { is_key: flags & 1 != 0, name, type_oid });
    }
    Ok(Description { oid, namespace, name, identity, columns })
}

fn insert<'a>(cursor: &mut Cursor<'a>) -> Result<Message<'a>, Malformed> {
    let relation = cursor.u32()?;
    match cursor.u8()? {
        b'N' => Ok(Message::Insert { relation, new: Tuple::decode(cursor)? }),
        _ => Err(Malformed("an insert has no new row")),
    }
}

fn update<'a>(cursor: &mut Cursor<'a>) -> Result<Message<'a>, Malformed> {
    let relation = cursor.u32()?;
    let (old, mark) = match cursor.u8()? {
        b'K' => (Old::Key(Tuple::decode(cursor)?), cursor.u8()?),
        b'O' => (Old::Full(Tuple::decode(cursor)?), cursor.u8()?),
        mark => (Old::None, mark),
    };
    match mark {
        b'N' => Ok(Message::Update { relation, old, new: Tuple::decode(cursor)? }),
        _ => Err(Malformed("an update has no new row")),
    }
}

fn delete<'a>(cursor: &mut Cursor<'a>) -> Result<Message<'a>, Malformed> {
    let relation = cursor.u32()?;
    let old = match cursor.u8()? {
        b'K' => Old::Key(Tuple::decode(cursor)?),
        b'O' => Old::Full(Tuple::decode(cursor)?),
        _ => return Err(Malformed("a delete has no old row")),
    };
    Ok(Message::Delete { relation, old })
}

fn truncate<'a>(cursor: &mut Cursor<'a>) -> Result<Message<'a>, Malformed> {
    let count = cursor.u32()?;
    let options = cursor.u8()?;
    let mut relations = SmallVec::new();
    // Nothing is set aside for a count that the bytes do not bear out.
    for _ in 0..count {
        relations.push(cursor.u32()?);
    }
    let (cascades, restarts) = (options & 1 != 0, options & 2 != 0);
    Ok(Message::Truncate { relations, cascades, restarts })
}

fn note<'a>(cursor: &mut Cursor<'a>) -> Result<Message<'a>, Malformed> {
    let is_transactional = cursor.u8()? & 1 != 0;
    cursor.lsn()?;
    Ok(Message::Note { is_transactional, prefix: cursor.text()?, content: cursor.counted()? })
}
