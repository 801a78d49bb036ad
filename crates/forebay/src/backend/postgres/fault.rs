//! What the server reports, in the terms of [`Error`]: the kind, the SQLSTATE, and what to do.
//! Parameter values that the server puts into its texts are left out.

use super::sqlstate;
use crate::error::{Error, Kind};

/// Longer texts of the server are cut.
const TEXT_BYTES_MAX: usize = 4096;

/// PostgreSQL begins and ends a quoted value with one of these, depending on its language.
const QUOTES: [char; 9] = ['"', '«', '»', '„', '“', '”', '‹', '「', '」'];

/// The code of a statement that was stopped, whoever wanted that.
const CANCELLED: &str = "57014";

/// An ErrorResponse, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fault {
    code: String,
    severity: String,
    message: String,
    hint: Option<String>,
    context: Option<Box<str>>,
    position: Option<u32>,
}

/// Why a statement was asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// Its time limit has passed.
    Late,
    /// Nobody waits for it any more.
    Unwanted,
}

impl Why {
    /// The error for a statement that was stopped for this.
    pub(super) fn error(self) -> Error {
        let (kind, message) = match self {
            Why::Late => (Kind::Timeout, LATE),
            Why::Unwanted => (Kind::Cancelled, UNWANTED),
        };
        Error::new(kind, message).with_code(CANCELLED)
    }
}

impl Fault {
    /// Reads the body of the message; `None` if it is none.
    pub(super) fn read(mut body: &[u8]) -> Option<Fault> {
        let mut fault = Fault::default();
        loop {
            let (&field, rest) = body.split_first()?;
            if field == 0 {
                return (!fault.code.is_empty()).then_some(fault);
            }
            let end = rest.iter().position(|byte| *byte == 0)?;
            let text = || String::from_utf8_lossy(&rest[..end]).into_owned();
            match field {
                b'C' => fault.code = text(),
                b'V' => fault.severity = text(),
                b'M' => fault.message = cut(text()),
                b'H' => fault.hint = Some(cut(text())),
                b'W' => fault.context = Some(cut(text()).into()),
                b'P' => fault.position = text().parse().ok(),
                _ => {}
            }
            body = &rest[end + 1..];
        }
    }

    pub(super) fn code(&self) -> &str {
        &self.code
    }

    /// The row, counted from 0, at which a COPY into this table has failed. The server says it in
    /// its own language, but for the first words: `COPY calls, line 3, column cost: …`.
    pub(super) fn copied_row(&self, relation: &str) -> Option<u64> {
        let lines = self.context.as_deref()?.lines();
        let place = |line: &str| {
            let said = line.strip_prefix("COPY ")?.strip_prefix(relation)?.strip_prefix(", ")?;
            let digits = said.trim_start_matches(|c: char| !c.is_ascii_digit());
            let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
            digits[..end].parse::<u64>().ok()?.checked_sub(1)
        };
        lines.filter_map(place).next_back()
    }

    /// The connection ends with it.
    pub(super) fn is_fatal(&self) -> bool {
        matches!(self.severity.as_str(), "FATAL" | "PANIC")
    }

    /// Somebody asked the server to stop the statement.
    pub(super) fn is_cancel(&self) -> bool {
        self.code == CANCELLED
    }

    /// The server does not know, or cannot use any more, what was prepared. When it looks at that
    /// again because a table has changed, it keeps the types that the parameters had, and reports
    /// of them what it would of a text that is wrong (class 42).
    pub(super) fn is_stale_statement(&self) -> bool {
        matches!(self.code.as_str(), "0A000" | "26000") || self.code.starts_with("42")
    }

    /// The error for the caller. `why` is set if it was we who asked the server to stop.
    pub(super) fn error(&self, why: Option<Why>) -> Error {
        let kind = match (self.is_cancel(), why) {
            (true, Some(why)) => return why.error(),
            // Both have the same code; the text is in English on nearly every server.
            (true, None) if self.message.contains("timeout") => Kind::Timeout,
            (true, None) => Kind::Cancelled,
            (false, _) => sqlstate::kind(&self.code),
        };
        let error = Error::new(kind, self.text(kind));
        match sqlstate::known(&self.code) {
            Some(code) => error.with_code(code),
            None => error,
        }
    }

    /// What the server says, in one line, without values.
    pub(super) fn words(&self) -> String {
        self.shown(&self.message)
    }

    fn text(&self, kind: Kind) -> String {
        let mut text = self.words();
        if text.is_empty() {
            text = format!("PostgreSQL reports {}", self.code);
        }
        if let Some(position) = self.position {
            text += &format!(" at character {position}");
        }
        if sqlstate::known(&self.code).is_none() {
            text += &format!(" [{}]", self.code.escape_default());
        }
        if let Some(hint) = &self.hint {
            text += &format!(" ({})", self.shown(hint));
        }
        if let Some(advice) = advice(kind, &self.code) {
            text += ": ";
            text += advice;
        }
        text
    }

    /// Errors about values (class 22) quote the value, and those about characters end with its
    /// bytes. Names are quoted too there, and are lost with it.
    fn shown(&self, text: &str) -> String {
        if !self.code.starts_with("22") {
            return text.to_owned();
        }
        let Some(first) = text.find(QUOTES) else { return text.to_owned() };
        let last = text.rfind(QUOTES).unwrap_or(first);
        let after = &text[last..];
        let after = after.char_indices().nth(1).map_or("", |(index, _)| &after[index..]);
        let after = if self.code == "22021" || self.code == "22P05" { "" } else { after };
        // A single quote mark leaves the value's end unknown.
        let after = if first == last { "" } else { after };
        format!("{}\"…\"{after}", &text[..first])
    }
}

const LATE: &str = "the statement ran longer than its time limit and was stopped; raise the limit, \
                    or look at its plan with EXPLAIN";
const UNWANTED: &str = "the statement was given up by its caller";

fn advice(kind: Kind, code: &str) -> Option<&'static str> {
    Some(match (kind, code) {
        (_, "40001") => {
            "another transaction came in between; run this one again from its beginning"
        }
        (_, "40P01") => {
            "each of two transactions waited for the other; run this one again from its beginning, \
             and take locks in the same order everywhere"
        }
        (_, "55P03") => "another transaction holds the lock; try again, or raise lock_timeout",
        (_, "25P02") => "an earlier statement of the transaction failed; roll it back",
        (_, "53300") => "make the pool smaller, or raise max_connections on the server",
        (_, "28P01") => "check the password in the URL",
        (_, "28000") => "check the user, the database and pg_hba.conf on the server",
        (_, "53100") => "make room on the server's disk, then try again",
        (_, "53200") => "the server is out of memory; lower work_mem, or try again",
        (Kind::ReadOnly, _) => "the server, or the transaction, only reads: connect to the primary",
        (Kind::Timeout, _) => "a time limit set on the server stopped it",
        (Kind::Cancelled, _) => "somebody else asked the server to stop it",
        (Kind::Corrupt, _) => "the server's files are damaged; restore them from a backup",
        _ => return None,
    })
}

fn cut(mut text: String) -> String {
    if text.len() > TEXT_BYTES_MAX {
        text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(fields: &[(u8, &str)]) -> Vec<u8> {
        let mut body = Vec::new();
        for (field, text) in fields {
            body.push(*field);
            body.extend_from_slice(text.as_bytes());
            body.push(0);
        }
        body.push(0);
        body
    }

    fn fault(code: &str, message: &str) -> Fault {
        let body = body(&[(b'S', "ERROR"), (b'V', "ERROR"), (b'C', code), (b'M', message)]);
        Fault::read(&body).unwrap()
    }

    #[test]
    fn no_value_is_shown() {
        for (code, message, expect) in [
            ("22P02", r#"invalid input syntax for type integer: "abc""#, "type integer: \"…\""),
            ("22003", r#"value "99999" is out of range for type integer"#, "value \"…\" is out"),
            ("22P02", r#"malformed array literal: "{"a"b}""#, "array literal: \"…\""),
            ("22P02", "syntaxe en entrée invalide pour le type : « abc »", "le type : \"…\""),
            ("22P02", "ungültige Eingabe für Typ integer: „abc“", "Typ integer: \"…\""),
            ("22P02", "one mark only: \"abc", "one mark only: \"…\""),
            ("22021", r#"invalid byte sequence for encoding "UTF8": 0xabc0"#, "encoding \"…\""),
        ] {
            let text = fault(code, message).error(None).to_string();
            assert!(text.contains(expect) && !text.contains("abc"), "{text}");
            assert!(!text.contains("99999"), "{text}");
        }
        let unique = r#"duplicate key value violates unique constraint "t_pkey""#;
        assert_eq!(fault("23505", unique).error(None).message(), unique);
    }

    #[test]
    fn details_are_left_out_and_hints_and_places_are_not() {
        let body = body(&[
            (b'V', "ERROR"),
            (b'C', "42703"),
            (b'M', r#"column "nam" does not exist"#),
            (b'D', "Key (id)=(7) already exists."),
            (b'H', "Perhaps you meant \"name\"."),
            (b'P', "8"),
        ]);
        let error = Fault::read(&body).unwrap().error(None);
        assert_eq!(
            error.message(),
            r#"column "nam" does not exist at character 8 (Perhaps you meant "name".)"#
        );
        assert!(error.is_usage() && error.code() == Some("42703"));
    }

    #[test]
    fn who_asked_decides_about_57014() {
        let user = fault("57014", "canceling statement due to user request");
        let limit = fault("57014", "canceling statement due to statement timeout");
        assert!(user.error(Some(Why::Late)).is_timeout());
        assert!(user.error(Some(Why::Unwanted)).is_cancelled());
        assert!(user.error(None).is_cancelled());
        assert!(limit.error(None).is_timeout());
    }

    #[test]
    fn rows_of_a_copy() {
        for (context, expect) in [
            ("COPY t, line 3", Some(2)),
            ("COPY t, line 12, column c: \"7\"", Some(11)),
            ("COPY t, Zeile 5, Spalte c", Some(4)),
            ("PL/pgSQL function f() line 9 at RAISE\nCOPY t, line 4: \"1\t2\"", Some(3)),
            ("COPY t2, line 3", None),
            ("COPY t, line 0", None),
            ("COPY t, ", None),
            ("line 3", None),
        ] {
            let body = body(&[(b'V', "ERROR"), (b'C', "23505"), (b'W', context)]);
            assert_eq!(Fault::read(&body).unwrap().copied_row("t"), expect, "{context}");
        }
    }

    #[test]
    fn retries_are_told_apart() {
        for (code, expect) in [("40001", true), ("40P01", true), ("55P03", false)] {
            let error = fault(code, "x").error(None);
            assert_eq!((error.is_serialization_failure(), error.is_busy()), (expect, true));
        }
        let raised = fault("ABCDE", "mine").error(None);
        assert_eq!((raised.code(), raised.message()), (None, "mine [ABCDE]"));
    }

    #[test]
    fn garbage_is_no_fault_and_no_panic() {
        for body in [&b""[..], b"\0", b"C", b"C12345", b"M\0\0", b"Cabc\0M", b"\xff\xff\0"] {
            assert_eq!(Fault::read(body), None, "{body:?}");
        }
        let long = "ä".repeat(TEXT_BYTES_MAX);
        assert!(fault("XX000", &long).error(None).message().len() < TEXT_BYTES_MAX + 8);
    }
}
