//! The limits of the service: each field of its `Options` that is one, under its name there.

use std::time::Duration;

use forebay_server::Options;

use crate::config::setting::section;
use crate::quantity::{Size, Time};

const SHORT: Duration = Duration::from_millis(1);
const DAY: Duration = Duration::from_secs(86_400);

/// A limit's default is that of the service.
macro_rules! limits {
    ($(
        $(#[doc = $doc:literal])*
        $field:ident: $kind:ident, in $range:expr, flag $flag:literal;
    )*) => {
        section! {
            /// Limits of the service. What is beyond is refused with an error that names the limit.
            struct Limits {$(
                $(#[doc = $doc])*
                $field: limits!(@type $kind) = limits!(@default $kind $field),
                    in $range, flag $flag;
            )*}
        }

        impl Limits {
            /// Sets every limit in `options`.
            pub(crate) fn apply(&self, options: &mut Options) {
                $(options.$field = limits!(@plain $kind self.$field);)*
            }
        }
    };
    (@type Count) => { usize };
    (@type $kind:ident) => { $kind };
    (@default Count $field:ident) => { Options::default().$field };
    (@default $kind:ident $field:ident) => { $kind(Options::default().$field) };
    (@plain Count $value:expr) => { $value };
    (@plain $kind:ident $value:expr) => { $value.0 };
}

limits! {
    /// Connections open at once; further ones wait.
    connections_max: Count, in 1..=1_000_000, flag "connections-max";
    /// Requests in work at once; more are refused with 503.
    requests_max: Count, in 1..=1_000_000, flag "requests-max";
    /// Bytes of request bodies and collected answers held at once; more is refused with 503.
    memory_bytes_max: Size, in 1_024..=1 << 40, flag "memory-bytes-max";
    /// The largest body of a request.
    body_bytes_max: Size, in 1_024..=1 << 40, flag "body-bytes-max";
    /// Rows of one answer; a cursor has no such bound.
    rows_max: Count, in 1..=1_000_000_000, flag "rows-max";
    /// Bytes of one answer; a cursor has no such bound.
    response_bytes_max: Size, in 1_024..=1 << 40, flag "response-bytes-max";
    /// The longest one statement may run.
    statement_timeout: Time, in SHORT..=DAY, flag "statement-timeout";
    /// The longest a script (Hrana's sequence) may run.
    script_timeout: Time, in SHORT..=DAY, flag "script-timeout";
    /// The longest a cursor may stay open.
    cursor_timeout: Time, in SHORT..=DAY, flag "cursor-timeout";
    /// Hrana streams open between two requests.
    streams_max: Count, in 1..=1_000_000, flag "streams-max";
    /// The longest a stream may lie idle; then it is rolled back and closed.
    stream_idle_timeout: Time, in SHORT..=DAY, flag "stream-idle-timeout";
    /// Requests in one pipeline.
    pipeline_requests_max: Count, in 1..=1_000_000, flag "pipeline-requests-max";
    /// Statements in one batch.
    batch_steps_max: Count, in 1..=1_000_000, flag "batch-steps-max";
    /// SQL texts that a stream may store.
    stored_sql_max: Count, in 1..=1_000_000, flag "stored-sql-max";
    /// Bytes of these together.
    stored_sql_bytes_max: Size, in 1_024..=1 << 40, flag "stored-sql-bytes-max";
    /// The longest the head of a request may take to arrive, and a connection may lie idle.
    header_read_timeout: Time, in SHORT..=DAY, flag "header-read-timeout";
    /// The longest the body of a request may take to arrive.
    body_read_timeout: Time, in SHORT..=DAY, flag "body-read-timeout";
    /// The longest a client may take nothing of an answer that waits for it.
    write_stall_timeout: Time, in SHORT..=DAY, flag "write-stall-timeout";
    /// The longest one answer may take to be sent.
    answer_send_timeout: Time, in SHORT..=DAY, flag "answer-send-timeout";
    /// How long to go on when stopping, while GET /health/ready says 503 already.
    drain_grace: Time, in Duration::ZERO..=DAY, flag "drain-grace";
    /// The longest to wait for requests in work when stopping.
    drain_timeout: Time, in SHORT..=DAY, flag "drain-timeout";
    /// The longest GET /health waits for the database.
    health_timeout: Time, in SHORT..=DAY, flag "health-timeout";
    /// Statements that GET /metrics shows one by one: the busiest.
    fingerprints_shown: Count, in 0..=10_000, flag "fingerprints-shown";
    /// How often the files of a certificate are looked at for a new one.
    tls_reload_every: Time, in SHORT..=DAY, flag "tls-reload-every";
}
