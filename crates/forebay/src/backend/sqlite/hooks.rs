//! Callbacks from SQLite into [`Control`], registered through the C interface because the safe
//! one differs between the supported versions of the driver.
//!
//! This is one of the three places with `unsafe` code. Every callback gets a pointer to the
//! `Control` that [`Hooked`] keeps at a fixed place for longer than the connection lives.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use rusqlite::ffi;

use super::capture::Means;
use super::control::{Control, STEPS_PER_CALL};
use super::footprint::Footprint;
use super::observe::Report;
#[cfg(forebay_preupdate)]
use super::preupdate;

/// A connection whose callbacks end in a `Control`.
///
/// The fields are dropped in their order: the connection first, so no callback can outlive the
/// control it points to.
pub(super) struct Hooked {
    connection: rusqlite::Connection,
    control: Box<Control>,
}

impl Hooked {
    pub(super) fn new(connection: rusqlite::Connection, control: Control) -> Hooked {
        let control = Box::new(control);
        let context = std::ptr::from_ref::<Control>(&control).cast_mut().cast::<c_void>();
        // SAFETY: the handle is open; `context` points into the box, which does not move and is
        // dropped after the connection. The callbacks only make shared references of it.
        unsafe {
            let handle = connection.handle();
            ffi::sqlite3_set_authorizer(handle, Some(authorize), context);
            let steps = STEPS_PER_CALL as c_int;
            ffi::sqlite3_progress_handler(handle, steps, Some(progress), context);
            ffi::sqlite3_busy_handler(handle, Some(busy), context);
            ffi::sqlite3_commit_hook(handle, Some(commit), context);
            // In the place of SQLite's own, which `wal_autocheckpoint` would put there.
            ffi::sqlite3_wal_hook(handle, Some(log), context);
        }
        Hooked { connection, control }
    }

    pub(super) fn connection(&self) -> &rusqlite::Connection {
        &self.connection
    }

    pub(super) fn control(&self) -> &Control {
        &self.control
    }

    /// Captures the rows that a statement changes, until the watch is dropped. One without a
    /// footprint ends a transaction or savepoint.
    ///
    /// The hooks are in place only meanwhile. While the preupdate hook is, SQLite prepares a
    /// DELETE of all rows as one of each row; prepared without it, such a statement stays cheap.
    pub(super) fn watch(&self, footprint: Option<&Arc<Footprint>>) -> Watch<'_> {
        self.control.capture().begin(footprint, self.total_changes());
        self.set_capturing(true);
        Watch { hooked: self }
    }

    fn set_capturing(&self, is_on: bool) {
        let context = std::ptr::from_ref::<Control>(&self.control).cast_mut().cast::<c_void>();
        // SAFETY: as in `new`.
        unsafe {
            let handle = self.connection.handle();
            match self.control.capture().means() {
                #[cfg(forebay_preupdate)]
                Means::Hook => preupdate::register(handle, context, is_on),
                Means::Reread => {
                    let hook = is_on.then_some(update as UpdateHook);
                    ffi::sqlite3_update_hook(handle, hook, context);
                }
                _ => {}
            }
        }
    }

    /// The rowid of the last row that was inserted since [`Hooked::forget_rowid`]. A row with the
    /// rowid 0 does not show.
    pub(super) fn last_rowid(&self) -> Option<i64> {
        Some(self.connection.last_insert_rowid()).filter(|rowid| *rowid != 0)
    }

    /// Whoever has the connection next is not told what was inserted before.
    pub(super) fn forget_rowid(&self) {
        // SAFETY: the handle is open.
        unsafe { ffi::sqlite3_set_last_insert_rowid(self.connection.handle(), 0) }
    }

    /// Rows that statements of this connection have changed so far, as SQLite counts them.
    pub(super) fn total_changes(&self) -> i64 {
        // SAFETY: the handle is open.
        unsafe { ffi::sqlite3_total_changes64(self.connection.handle()) }
    }
}

/// A statement whose changes are captured; dropped once it has been reset.
pub(super) struct Watch<'c> {
    hooked: &'c Hooked,
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.hooked.set_capturing(false);
        self.hooked.control.end_capture(self.hooked.total_changes());
    }
}

type UpdateHook =
    unsafe extern "C" fn(*mut c_void, c_int, *const c_char, *const c_char, ffi::sqlite3_int64);

/// Runs `call` on the control behind `context`; a panic must not cross into C.
pub(super) fn with(
    context: *mut c_void,
    otherwise: c_int,
    call: impl FnOnce(&Control) -> c_int,
) -> c_int {
    // SAFETY: every hook is registered with a pointer to a live `Control`, see `Hooked::new`.
    let control = unsafe { &*context.cast::<Control>() };
    catch_unwind(AssertUnwindSafe(|| call(control))).unwrap_or(otherwise)
}

/// Text from SQLite that lives for the duration of a callback; NULL and invalid UTF-8 are `None`.
///
/// # Safety
/// `text` is NULL or a NUL-terminated string that outlives `'a`.
pub(super) unsafe fn text<'a>(text: *const c_char) -> Option<&'a str> {
    if text.is_null() {
        return None;
    }
    // SAFETY: not NULL; the rest is the caller's promise.
    unsafe { CStr::from_ptr(text) }.to_str().ok()
}

extern "C" fn authorize(
    context: *mut c_void,
    action: c_int,
    first: *const c_char,
    second: *const c_char,
    database: *const c_char,
    _through: *const c_char,
) -> c_int {
    with(context, ffi::SQLITE_DENY, |control| {
        // SAFETY: SQLite passes NULL or strings that live until this callback returns.
        let report = unsafe {
            Report {
                action,
                first: text(first),
                second: text(second),
                database: text(database),
                is_maintaining: control.is_maintaining(),
            }
        };
        if control.on_authorize(report) { ffi::SQLITE_OK } else { ffi::SQLITE_DENY }
    })
}

extern "C" fn progress(context: *mut c_void) -> c_int {
    with(context, 1, |control| c_int::from(control.on_progress()))
}

extern "C" fn busy(context: *mut c_void, tries: c_int) -> c_int {
    with(context, 0, |control| c_int::from(control.on_busy(tries.unsigned_abs())))
}

extern "C" fn commit(context: *mut c_void) -> c_int {
    // Anything but zero would turn the commit into a rollback.
    with(context, 1, |control| {
        control.on_commit();
        0
    })
}

extern "C" fn log(
    context: *mut c_void,
    _handle: *mut ffi::sqlite3,
    database: *const c_char,
    frames: c_int,
) -> c_int {
    with(context, ffi::SQLITE_OK, |control| {
        // SAFETY: SQLite passes a string that lives until this callback returns.
        if unsafe { text(database) } == Some("main") {
            control.on_log(frames.unsigned_abs());
        }
        ffi::SQLITE_OK
    })
}

/// The update hook tells rows of tables that have a rowid, after the change.
extern "C" fn update(
    context: *mut c_void,
    _action: c_int,
    database: *const c_char,
    table: *const c_char,
    rowid: ffi::sqlite3_int64,
) {
    with(context, 0, |control| {
        // SAFETY: SQLite passes strings that live until this callback returns.
        let (database, table) = unsafe { (text(database), text(table)) };
        control.capture().on_rowid(database, table, rowid);
        0
    });
}
