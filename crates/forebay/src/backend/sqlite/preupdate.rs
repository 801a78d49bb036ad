//! The rows that SQLite's preupdate hook shows, with the accessors that only exist where it was
//! compiled in.
//!
//! This is one of the three places with `unsafe` code. Values are read through the accessors while
//! the hook runs and at no other time; nothing else of SQLite is called from it.
#![allow(unsafe_code)]

use std::ffi::{c_char, c_int, c_void};

use rusqlite::ffi;

use super::hooks::{text, with};
use crate::invalidate::{Op, RowChange, Scalar};

/// Sets the hook of a connection, or takes it away.
///
/// # Safety
/// `handle` is open, and `context` points to a live `Control` for as long as the hook is set.
pub(super) unsafe fn register(handle: *mut ffi::sqlite3, context: *mut c_void, is_on: bool) {
    let hook = is_on.then_some(preupdate as Hook);
    // SAFETY: the caller's promise.
    unsafe { ffi::sqlite3_preupdate_hook(handle, hook, context) };
}

/// Whether the SQLite that is linked has the hook, whatever was meant when this was compiled.
pub(super) fn is_available() -> bool {
    // SAFETY: the name is a C string.
    unsafe { ffi::sqlite3_compileoption_used(c"ENABLE_PREUPDATE_HOOK".as_ptr()) != 0 }
}

type Hook = unsafe extern "C" fn(
    *mut c_void,
    *mut ffi::sqlite3,
    c_int,
    *const c_char,
    *const c_char,
    ffi::sqlite3_int64,
    ffi::sqlite3_int64,
);

type Accessor =
    unsafe extern "C" fn(*mut ffi::sqlite3, c_int, *mut *mut ffi::sqlite3_value) -> c_int;

extern "C" fn preupdate(
    context: *mut c_void,
    handle: *mut ffi::sqlite3,
    action: c_int,
    database: *const c_char,
    table: *const c_char,
    old_rowid: ffi::sqlite3_int64,
    new_rowid: ffi::sqlite3_int64,
) {
    with(context, 0, |control| {
        // SAFETY: SQLite passes strings that live until this callback returns.
        let (database, table) = unsafe { (text(database), text(table)) };
        let op = match action {
            ffi::SQLITE_INSERT => Some(Op::Insert),
            ffi::SQLITE_UPDATE => Some(Op::Update),
            ffi::SQLITE_DELETE => Some(Op::Delete),
            _ => None,
        };
        // SAFETY: the hook of this connection is running.
        let is_blob = unsafe { ffi::sqlite3_preupdate_blobwrite(handle) } >= 0;
        let is_moved = op == Some(Op::Update) && old_rowid != new_rowid;
        // SAFETY: the hook of this connection is running.
        if op == Some(Op::Delete) && unsafe { ffi::sqlite3_preupdate_depth(handle) } > 0 {
            control.capture().on_beside(database, table);
        }
        // A blob that is written in place is announced as a DELETE without new values.
        let row = op.filter(|_| !is_blob).map(|op| Row { handle, op, is_moved });
        control.capture().on_row(database, table, row.as_ref().map(|row| row as &dyn RowChange));
        0
    });
}

/// The row that the running hook is about. It does not outlive the callback.
struct Row {
    handle: *mut ffi::sqlite3,
    op: Op,
    is_moved: bool,
}

impl Row {
    fn value(&self, accessor: Accessor, column: u16) -> Scalar<'_> {
        let mut value = std::ptr::null_mut();
        // SAFETY: the hook is running, and the accessor refuses a column that it cannot show, such
        // as a virtual generated one. The value lives until the hook returns, longer than `self`.
        unsafe {
            if accessor(self.handle, c_int::from(column), &raw mut value) != ffi::SQLITE_OK
                || value.is_null()
            {
                return Scalar::Unknown;
            }
            match ffi::sqlite3_value_type(value) {
                ffi::SQLITE_NULL => Scalar::Null,
                ffi::SQLITE_INTEGER => Scalar::Integer(ffi::sqlite3_value_int64(value)),
                ffi::SQLITE_FLOAT => Scalar::Real(ffi::sqlite3_value_double(value)),
                // The bytes are asked for after the value: getting it may change its encoding.
                ffi::SQLITE_TEXT => {
                    let start = ffi::sqlite3_value_text(value);
                    bytes(start.cast(), value).map_or(Scalar::Unknown, Scalar::Text)
                }
                ffi::SQLITE_BLOB => {
                    let start = ffi::sqlite3_value_blob(value);
                    let is_empty = ffi::sqlite3_value_bytes(value) == 0;
                    let blob = if is_empty { Some(&[][..]) } else { bytes(start, value) };
                    blob.map_or(Scalar::Unknown, Scalar::Blob)
                }
                _ => Scalar::Unknown,
            }
        }
    }
}

/// The bytes of a text or blob that SQLite has just handed out; `None` without memory.
///
/// # Safety
/// `start` is NULL or what the accessor for `value` has returned last, and `value` stays as it is
/// during `'a`.
unsafe fn bytes<'a>(start: *const c_void, value: *mut ffi::sqlite3_value) -> Option<&'a [u8]> {
    if start.is_null() {
        return None;
    }
    // SAFETY: the caller's promise; SQLite's lengths are never negative.
    unsafe {
        let len = usize::try_from(ffi::sqlite3_value_bytes(value)).ok()?;
        Some(std::slice::from_raw_parts(start.cast(), len))
    }
}

impl RowChange for Row {
    fn op(&self) -> Op {
        self.op
    }

    fn width(&self) -> u16 {
        // SAFETY: the hook is running.
        let columns = unsafe { ffi::sqlite3_preupdate_count(self.handle) };
        u16::try_from(columns).unwrap_or(u16::MAX)
    }

    fn before(&self, column: u16) -> Scalar<'_> {
        match self.op {
            Op::Insert => Scalar::Unknown,
            Op::Update | Op::Delete => self.value(ffi::sqlite3_preupdate_old, column),
        }
    }

    fn after(&self, column: u16) -> Scalar<'_> {
        match self.op {
            Op::Delete => Scalar::Unknown,
            Op::Insert | Op::Update => self.value(ffi::sqlite3_preupdate_new, column),
        }
    }

    fn is_moved(&self) -> bool {
        self.is_moved
    }
}

/// Writes into a blob in place, as the driver could be asked to.
#[cfg(test)]
pub(super) fn write_blob(
    driver: &rusqlite::Connection,
    table: &std::ffi::CStr,
    column: &std::ffi::CStr,
    rowid: i64,
    data: &[u8],
) {
    let mut blob = std::ptr::null_mut();
    // SAFETY: the handle is open, the names are C strings, the blob is closed at the end.
    unsafe {
        let (main, table, column) = (c"main".as_ptr(), table.as_ptr(), column.as_ptr());
        let handle = driver.handle();
        let opened = ffi::sqlite3_blob_open(handle, main, table, column, rowid, 1, &raw mut blob);
        assert_eq!(opened, ffi::SQLITE_OK);
        let len = c_int::try_from(data.len()).unwrap();
        assert_eq!(ffi::sqlite3_blob_write(blob, data.as_ptr().cast(), len, 0), ffi::SQLITE_OK);
        assert_eq!(ffi::sqlite3_blob_close(blob), ffi::SQLITE_OK);
    }
}
