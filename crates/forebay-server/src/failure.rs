//! What a client gets to see when something fails: a status, a code for programs and a text for
//! people. One mapping from the library's errors serves every door; the doors only differ in the
//! JSON around it. It never carries parameter values, and it is small, so that it can be told
//! when there is room for nothing else.

use serde::Serialize;

/// Bytes of a message at most. SQLite repeats the names of a statement in its errors, and these
/// are as long as a client makes them.
pub(crate) const MESSAGE_BYTES_MAX: usize = 4 << 10;

/// A failed request, or a failed part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The HTTP status, where the failure is the answer to a whole request.
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

/// The form of an error in the Hrana protocol.
#[derive(Serialize)]
pub(crate) struct HranaError<'a> {
    message: &'a str,
    code: &'a str,
}

impl Failure {
    pub(crate) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Failure {
        Failure { status, code, message: cut(message.into()) }
    }

    /// A request that is wrong in itself.
    pub(crate) fn bad(code: &'static str, message: impl Into<String>) -> Failure {
        Failure::new(400, code, message)
    }

    /// An answer beyond a limit. The statement was understood and may have run, so the status is
    /// not that of a request that is too large.
    pub(crate) fn response_too_large(message: impl Into<String>) -> Failure {
        Failure::new(422, "RESPONSE_TOO_LARGE", message)
    }

    /// The results before this one fill the answer. It is short, as is [`Failure::untold`]: their
    /// space is set aside beforehand.
    pub(crate) fn not_run() -> Failure {
        Failure::response_too_large(
            "the answer is full (response_bytes_max); the statement was not run",
        )
    }

    /// A failure with an error that finds no room in the answer.
    pub(crate) fn untold() -> Failure {
        Failure::response_too_large(
            "the answer is full (response_bytes_max); this has failed with a longer error",
        )
    }

    /// Of a statement that has run: only its answer failed. Whoever takes that for a failure of the
    /// statement and tries again writes twice.
    pub(crate) fn after(mut self, outcome: &forebay::Outcome) -> Failure {
        if outcome.rows_affected > 0 {
            let rows = outcome.rows_affected;
            self.message += &format!("; the statement itself has changed {rows} rows");
        }
        self
    }

    /// Whether it may go well when tried again a little later.
    pub(crate) fn is_temporary(&self) -> bool {
        self.status == 503
    }

    pub(crate) fn hrana(&self) -> HranaError<'_> {
        HranaError { message: &self.message, code: primary(self.code) }
    }

    pub(crate) fn hrana_json(&self) -> String {
        serde_json::to_string(&self.hrana()).expect("two texts are valid JSON")
    }
}

impl From<forebay::Error> for Failure {
    fn from(error: forebay::Error) -> Failure {
        let (status, name) = class(&error);
        let code = error.code().unwrap_or(name);
        // The statement is normalised: it holds no literals, and parameters are never in it.
        if status >= 500 {
            let statement = error.statement();
            tracing::debug!(code, message = error.message(), statement, "a statement failed");
        }
        Failure::new(status, code, error.message())
    }
}

/// The text, as long as it may be. What is missing is said.
fn cut(mut message: String) -> String {
    let whole = message.len();
    if whole > MESSAGE_BYTES_MAX {
        let end = (0..=MESSAGE_BYTES_MAX).rev().find(|end| message.is_char_boundary(*end));
        message.truncate(end.unwrap_or(0));
        message.shrink_to_fit();
        message += &format!("… (cut, {whole} bytes in all)");
    }
    message
}

/// The status and, where the database has no name for it, the code.
fn class(error: &forebay::Error) -> (u16, &'static str) {
    // The first predicate that holds decides.
    let classes: [(bool, u16, &'static str); 19] = [
        (error.is_usage(), 400, "SQL_INPUT_ERROR"),
        (error.is_decode(), 400, "SQL_INPUT_ERROR"),
        (error.is_denied(), 403, "BLOCKED"),
        (error.is_read_only(), 403, "SQLITE_READONLY"),
        (error.is_not_found(), 404, "NOT_FOUND"),
        (error.is_constraint_violation(), 409, "SQLITE_CONSTRAINT"),
        (error.is_too_large(), 422, "RESPONSE_TOO_LARGE"),
        // A statement that is stopped has SQLite's code for that.
        (error.is_timeout(), 504, "TRANSACTION_TIMEOUT"),
        (error.is_pool_exhausted(), 503, "POOL_EXHAUSTED"),
        (error.is_rate_limited(), 429, "RATE_LIMITED"),
        (error.is_circuit_open(), 503, "CIRCUIT_OPEN"),
        (error.is_overloaded(), 503, "OVERLOADED"),
        (error.is_busy(), 503, "SQLITE_BUSY"),
        (error.is_full(), 507, "SQLITE_FULL"),
        (error.is_cancelled(), 503, "CANCELLED"),
        // It may have taken effect: whoever tries again by itself may write twice.
        (error.is_outcome_unknown(), 502, "OUTCOME_UNKNOWN"),
        (error.is_closed(), 503, "CLOSED"),
        (error.is_corrupt(), 500, "SQLITE_CORRUPT"),
        (error.is_open(), 500, "SQLITE_CANTOPEN"),
    ];
    if let Some((_, status, name)) = classes.into_iter().find(|(holds, ..)| *holds) {
        return (status, name);
    }
    // With these codes SQLite refuses a statement for what it says, not for what befell it.
    let is_refusal = error
        .code()
        .map(primary)
        .is_some_and(|code| ["SQLITE_ERROR", "SQLITE_MISMATCH", "SQLITE_RANGE"].contains(&code));
    (if is_refusal { 400 } else { 500 }, "SQLITE_ERROR")
}

/// `SQLITE_CONSTRAINT_UNIQUE` → `SQLITE_CONSTRAINT`: libSQL's own server sends primary codes, and
/// its clients compare with them. Every primary code of SQLite is one word after the prefix.
fn primary(code: &str) -> &str {
    let Some(rest) = code.strip_prefix("SQLITE_") else { return code };
    rest.find('_').map_or(code, |end| &code[.."SQLITE_".len() + end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_cut_between_characters_and_says_so() {
        let fits = "ä".repeat(MESSAGE_BYTES_MAX / 2);
        for (message, expect) in [
            (fits.clone(), fits.clone()),
            (format!("{fits}x"), format!("{fits}… (cut, {} bytes in all)", fits.len() + 1)),
            (
                format!("x{fits}"),
                format!("x{}… (cut, {} bytes in all)", &fits[2..], fits.len() + 1),
            ),
        ] {
            assert_eq!(Failure::bad("X", message).message, expect);
        }
    }

    #[test]
    fn what_a_guard_refuses_has_a_code_of_its_own() {
        let limiter = forebay::Limiter::new(forebay::Quota::per_second(0));
        let breaker = forebay::Breaker::builder().build();
        breaker.force_open();
        let bulkhead = forebay::Bulkhead::new(1, 0);
        let _place = bulkhead.try_enter().expect("one is free");
        for (error, expect) in [
            (limiter.try_acquire("").err(), (429, "RATE_LIMITED")),
            (breaker.check().err(), (503, "CIRCUIT_OPEN")),
            (bulkhead.try_enter().err(), (503, "OVERLOADED")),
        ] {
            assert_eq!(error.as_ref().map(class), Some(expect));
        }
    }

    #[test]
    fn hrana_gets_primary_codes() {
        for (code, expect) in [
            ("SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT"),
            ("SQLITE_IOERR_SHORT_READ", "SQLITE_IOERR"),
            ("SQLITE_BUSY", "SQLITE_BUSY"),
            ("STREAM_EXPIRED", "STREAM_EXPIRED"),
        ] {
            assert_eq!(primary(code), expect);
        }
    }
}
