//! What the slow log tells, as plain data and as JSON. It decides nothing and writes no files.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::json::Object;

/// The last statements that were slow and the last changes of query plans, from
/// [`crate::Db::slow`].
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct SlowLog {
    /// The last 1,000 statements, the latest last.
    pub statements: Vec<SlowStatement>,
    /// The last 100 changes of query plans, the latest last.
    pub plan_changes: Vec<PlanChange>,
}

/// A statement that was slow.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SlowStatement {
    /// When it ended.
    pub at: SystemTime,
    /// Its fingerprint.
    pub fingerprint: u64,
    /// Its normalised text.
    pub statement: String,
    /// `absolute`: longer than `slow_after`; `relative`: longer than is usual for its fingerprint;
    /// `lock`: it began a transaction at SQLite and waited, because another one had the write lock.
    pub why: &'static str,
    /// How long it took at the database.
    pub time: Duration,
    /// How long it waited for a connection before.
    pub pool_wait: Duration,
    /// Rows that it answered or changed.
    pub rows: u64,
    /// Steps of SQLite's virtual machine, to the last full thousand.
    pub vm_steps: Option<u64>,
    /// Whether it failed, as one that ran into its time limit.
    pub failed: bool,
    /// Who asked: `route`, `controller` and `action` of an sqlcommenter comment, else the name
    /// given with `named`, else the `tracing` span in which it was asked.
    pub caller: Option<String>,
    /// The trace id of such a comment's `traceparent`, else of the [`crate::TraceParent`] that it
    /// was asked in.
    pub trace: Option<String>,
    /// Its parameters, only if the builder's `slow_parameters` asks for them.
    pub params: Option<String>,
    /// The digest of its query plan, if it could be had.
    pub plan: Option<u64>,
    /// The plan, one step a line, as of right afterwards. Values are left out.
    pub plan_lines: Vec<String>,
    /// Slow statements of its fingerprint before it that are not in the log, because there were
    /// too many in one minute.
    pub left_out: u32,
}

/// A query plan that has changed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PlanChange {
    /// When it was found.
    pub at: SystemTime,
    /// The fingerprint.
    pub fingerprint: u64,
    /// Its normalised text.
    pub statement: String,
    /// The digest of the plan before.
    pub before: u64,
    /// That plan; empty if it is not known any more.
    pub before_lines: Vec<String>,
    /// The digest of the plan now.
    pub after: u64,
    /// That plan.
    pub after_lines: Vec<String>,
}

impl SlowStatement {
    /// The line that the file of `slow_log` has for it, without its end.
    pub fn to_json(&self) -> String {
        let mut line = line("slow", self.at, self.fingerprint, &self.statement);
        line.text("why", self.why);
        line.number("micros", micros(self.time));
        line.number("pool_wait_micros", micros(self.pool_wait));
        line.number("rows", self.rows);
        if let Some(steps) = self.vm_steps {
            line.number("vm_steps", steps);
        }
        line.flag("failed", self.failed);
        line.text_if("caller", self.caller.as_deref());
        line.text_if("trace", self.trace.as_deref());
        line.text_if("params", self.params.as_deref());
        if let Some(plan) = self.plan {
            line.digest("plan", plan);
            line.texts("plan_lines", &self.plan_lines);
        }
        line.number("left_out", self.left_out.into());
        line.end()
    }
}

impl PlanChange {
    /// The line that the file of `slow_log` has for it, without its end.
    pub fn to_json(&self) -> String {
        let mut line = line("plan_changed", self.at, self.fingerprint, &self.statement);
        line.digest("before", self.before);
        line.texts("before_lines", &self.before_lines);
        line.digest("after", self.after);
        line.texts("after_lines", &self.after_lines);
        line.end()
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// The members that every line begins with.
fn line(event: &str, at: SystemTime, fingerprint: u64, statement: &str) -> Object {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut line = Object::new();
    line.text("event", event);
    // Since 1970.
    line.seconds("at", u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
    line.digest("fingerprint", fingerprint);
    line.text("statement", statement);
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement() -> SlowStatement {
        SlowStatement {
            at: UNIX_EPOCH + Duration::from_millis(1_700_000_000_007),
            fingerprint: 0xab,
            statement: "select \"a\" from t".to_owned(),
            why: "absolute",
            time: Duration::from_micros(150_000),
            pool_wait: Duration::from_micros(12),
            rows: 3,
            vm_steps: None,
            failed: false,
            caller: None,
            trace: None,
            params: None,
            plan: None,
            plan_lines: Vec::new(),
            left_out: 0,
        }
    }

    #[test]
    fn lines_are_json() {
        fn check(slow: &SlowStatement, expect: &str) {
            let line = slow.to_json();
            assert_eq!(line, expect);
            let read: serde_json::Value = serde_json::from_str(&line).unwrap();
            assert_eq!(read["statement"].as_str().unwrap(), slow.statement);
        }
        let start = "{\"event\":\"slow\",\"at\":1700000000.007,\
                     \"fingerprint\":\"00000000000000ab\",\
                     \"statement\":\"select \\\"a\\\" from t\",\
                     \"why\":\"absolute\",\"micros\":150000,\"pool_wait_micros\":12,\"rows\":3,";
        check(&statement(), &format!("{start}\"failed\":false,\"left_out\":0}}"));
        let full = SlowStatement {
            vm_steps: Some(5_000),
            caller: Some("route=/a\n".to_owned()),
            trace: Some("0a".to_owned()),
            params: Some("[\"x\"]".to_owned()),
            plan: Some(1),
            plan_lines: vec!["SCAN t".to_owned(), "  b".to_owned()],
            left_out: 2,
            ..statement()
        };
        check(
            &full,
            &format!(
                "{start}\"vm_steps\":5000,\"failed\":false,\"caller\":\"route=/a\\n\",\
                 \"trace\":\"0a\",\"params\":\"[\\\"x\\\"]\",\"plan\":\"0000000000000001\",\
                 \"plan_lines\":[\"SCAN t\",\"  b\"],\"left_out\":2}}"
            ),
        );
        let change = PlanChange {
            at: UNIX_EPOCH,
            fingerprint: 1,
            statement: "s".to_owned(),
            before: 2,
            before_lines: Vec::new(),
            after: 3,
            after_lines: vec!["SCAN t".to_owned()],
        };
        let read: serde_json::Value = serde_json::from_str(&change.to_json()).unwrap();
        assert_eq!(
            (&read["event"], &read["after_lines"][0]),
            (&"plan_changed".into(), &"SCAN t".into())
        );
    }
}
