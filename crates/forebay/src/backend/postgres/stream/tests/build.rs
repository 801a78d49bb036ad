//! Messages and frames as a server writes them.

/// A value: NULL, unchanged, or a text.
#[derive(Clone, Copy)]
pub(super) enum V<'a> {
    N,
    U,
    T(&'a str),
}

pub(super) fn begin(commit: u64, xid: u32) -> Vec<u8> {
    let mut bytes = vec![b'B'];
    bytes.extend(commit.to_be_bytes());
    bytes.extend(7u64.to_be_bytes());
    bytes.extend(xid.to_be_bytes());
    bytes
}

pub(super) fn commit(commit: u64, end: u64) -> Vec<u8> {
    let mut bytes = vec![b'C', 0];
    bytes.extend(commit.to_be_bytes());
    bytes.extend(end.to_be_bytes());
    bytes.extend(7u64.to_be_bytes());
    bytes
}

/// Columns are name, whether it is a key, type.
pub(super) fn relation(oid: u32, identity: u8, columns: &[(&str, bool, u32)]) -> Vec<u8> {
    let mut bytes = vec![b'R'];
    bytes.extend(oid.to_be_bytes());
    bytes.extend(b"public\0t\0");
    bytes.push(identity);
    bytes.extend((columns.len() as u16).to_be_bytes());
    for (name, is_key, type_oid) in columns {
        bytes.push(u8::from(*is_key));
        bytes.extend(name.as_bytes());
        bytes.push(0);
        bytes.extend(type_oid.to_be_bytes());
        bytes.extend((-1i32).to_be_bytes());
    }
    bytes
}

fn tuple(mark: u8, values: &[V<'_>]) -> Vec<u8> {
    let mut bytes = vec![mark];
    bytes.extend((values.len() as u16).to_be_bytes());
    for value in values {
        match value {
            V::N => bytes.push(b'n'),
            V::U => bytes.push(b'u'),
            V::T(text) => {
                bytes.push(b't');
                bytes.extend((text.len() as u32).to_be_bytes());
                bytes.extend(text.as_bytes());
            }
        }
    }
    bytes
}

pub(super) fn insert(oid: u32, new: &[V<'_>]) -> Vec<u8> {
    [&b"I"[..], &oid.to_be_bytes(), &tuple(b'N', new)].concat()
}

/// The mark of the old row is `K` or `O`.
pub(super) fn update(oid: u32, old: Option<(u8, &[V<'_>])>, new: &[V<'_>]) -> Vec<u8> {
    let old = old.map_or(Vec::new(), |(mark, old)| tuple(mark, old));
    [&b"U"[..], &oid.to_be_bytes(), &old, &tuple(b'N', new)].concat()
}

pub(super) fn delete(oid: u32, mark: u8, old: &[V<'_>]) -> Vec<u8> {
    [&b"D"[..], &oid.to_be_bytes(), &tuple(mark, old)].concat()
}

pub(super) fn truncate(oids: &[u32]) -> Vec<u8> {
    let mut bytes = vec![b'T'];
    bytes.extend((oids.len() as u32).to_be_bytes());
    bytes.push(3);
    oids.iter().for_each(|oid| bytes.extend(oid.to_be_bytes()));
    bytes
}

pub(super) fn note(is_transactional: bool, prefix: &str, content: &str) -> Vec<u8> {
    let mut bytes = vec![b'M', u8::from(is_transactional)];
    bytes.extend(7u64.to_be_bytes());
    bytes.extend(prefix.as_bytes());
    bytes.push(0);
    bytes.extend((content.len() as u32).to_be_bytes());
    bytes.extend(content.as_bytes());
    bytes
}

pub(super) fn data(message: &[u8]) -> Vec<u8> {
    [&b"w"[..], &[0; 24], message].concat()
}

pub(super) fn keepalive(end: u64, wants_reply: bool) -> Vec<u8> {
    let mut bytes = vec![b'k'];
    bytes.extend(end.to_be_bytes());
    bytes.extend(7u64.to_be_bytes());
    bytes.push(u8::from(wants_reply));
    bytes
}

/// Rows of the question for columns, as the server would answer: table, root, width, number,
/// name, type, whether generated.
pub(super) fn column_row(
    (oid, root, width): (u32, u32, u16),
    (number, name, type_oid, is_generated): (u16, &str, u32, bool),
) -> Vec<Option<String>> {
    let flag = |is: bool| if is { "t" } else { "f" }.to_owned();
    [
        oid.to_string(),
        root.to_string(),
        width.to_string(),
        number.to_string(),
        name.to_owned(),
        type_oid.to_string(),
        type_oid.to_string(),
        flag(false),
        flag(is_generated),
    ]
    .map(Some)
    .to_vec()
}

/// Cells as they are read.
pub(super) fn cells(rows: &[Vec<Option<String>>]) -> Vec<Vec<Option<&str>>> {
    rows.iter().map(|row| row.iter().map(Option::as_deref).collect()).collect()
}
