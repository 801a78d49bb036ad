//! The query plan of a statement, asked for after it has run. Nothing is executed: SQLite prepares
//! an EXPLAIN QUERY PLAN, PostgreSQL plans an EXPLAIN in a transaction that may not write.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
#[cfg(feature = "postgres")]
use std::time::Instant;

use crate::backend::sqlite;
#[cfg(feature = "postgres")]
use crate::backend::{Limits, postgres};
use crate::engine::connection::perform;
use crate::engine::database::Engine;
#[cfg(feature = "postgres")]
use crate::engine::link::Link;
use crate::engine::origin::Purpose;
use crate::engine::work::Work;
use crate::error::Result;
use crate::params::Params;
use crate::pool::HolderLabel;
#[cfg(feature = "postgres")]
use crate::sql::{Dialect, skip_blank, without_literals};
use crate::sql::{digest, is_about_rows};
#[cfg(feature = "postgres")]
use crate::value::Value;

/// The longest that a plan is waited for, a connection included.
const PLAN_MAX: Duration = Duration::from_secs(1);

/// Lines of a plan at most, and bytes of a line.
const LINES_MAX: usize = 200;
const LINE_BYTES_MAX: usize = 1_000;

/// Plans kept.
const PLANS_MAX: usize = 1_000;

/// A plan, and what tells it from others.
#[derive(Clone)]
pub(super) struct Plan {
    pub(super) digest: u64,
    pub(super) lines: Arc<[String]>,
}

/// The last plans, each once: by fingerprint and digest.
#[derive(Default)]
pub(super) struct Plans {
    known: HashMap<(u64, u64), Arc<[String]>>,
    /// The oldest first.
    order: VecDeque<(u64, u64)>,
}

impl Plan {
    fn new(mut lines: Vec<String>) -> Option<Plan> {
        lines.truncate(LINES_MAX);
        for line in &mut lines {
            let mut end = line.len().min(LINE_BYTES_MAX);
            while !line.is_char_boundary(end) {
                end -= 1;
            }
            line.truncate(end);
        }
        let digest = digest(lines.join("\n").as_bytes());
        (!lines.is_empty()).then(|| Plan { digest, lines: lines.into() })
    }
}

impl Plans {
    /// Keeps a plan of this fingerprint; gives the copy that is kept.
    pub(super) fn keep(&mut self, fingerprint: u64, plan: Plan) -> Plan {
        let key = (fingerprint, plan.digest);
        if let Some(lines) = self.known.get(&key) {
            return Plan { digest: plan.digest, lines: lines.clone() };
        }
        if self.order.len() >= PLANS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        self.order.push_back(key);
        self.known.insert(key, plan.lines.clone());
        plan
    }

    /// The lines of a plan, if it is still there.
    pub(super) fn lines(&self, fingerprint: u64, digest: u64) -> Vec<String> {
        self.known.get(&(fingerprint, digest)).map(|lines| lines.to_vec()).unwrap_or_default()
    }
}

impl Engine {
    /// The plan of a statement as it is now; `None` if it could not be had in time. Without
    /// `patience` only a connection that lies idle is used.
    pub(super) async fn plan_of(
        &self,
        sql: &Arc<str>,
        params: Option<&Params>,
        patience: bool,
    ) -> Option<Plan> {
        // A PRAGMA may run while it is prepared.
        if !is_about_rows(sql, self.dialect()) {
            return None;
        }
        let holder = HolderLabel {
            caller: std::panic::Location::caller(),
            statement: Some(PLANNING.into()),
        };
        let planned = async {
            let connection = match self.origin.take_idle(holder.clone()) {
                Some(connection) => connection,
                None if patience => self.origin.acquire(Purpose::Read, holder).await.ok()?,
                None => return None,
            };
            let plan = PlanOf { sql: sql.clone(), params: params.cloned() };
            perform(connection, plan).await.ok()
        };
        let lines = tokio::time::timeout(PLAN_MAX, planned).await.ok()??;
        Plan::new(lines)
    }
}

/// What the holder of a connection is shown to do meanwhile.
const PLANNING: &str = "(the plan of a statement)";

/// Asks for a plan.
struct PlanOf {
    sql: Arc<str>,
    /// Without them the plan of a statement that has parameters is not known at PostgreSQL.
    #[cfg_attr(not(feature = "postgres"), expect(dead_code, reason = "SQLite needs none"))]
    params: Option<Params>,
}

impl Work for PlanOf {
    type Done = Vec<String>;

    fn on_sqlite(self, connection: &mut sqlite::Connection) -> Result<Vec<String>> {
        connection.plan(&self.sql)
    }

    /// As one statement of the extended protocol, which takes no second one in its text.
    #[cfg(feature = "postgres")]
    async fn on_postgres(self, link: &mut Link) -> Result<Vec<String>> {
        let begin =
            format!("BEGIN READ ONLY; SET LOCAL statement_timeout = {}", PLAN_MAX.as_millis());
        let deadline = Instant::now().checked_add(PLAN_MAX);
        link.connection().run_script(begin.into(), deadline).await?;
        let sql = ["EXPLAIN (COSTS OFF) ", skip_blank(&self.sql)].concat();
        let request = postgres::Request {
            sql: sql.into(),
            params: self.params.unwrap_or_default(),
            deadline,
            is_repeatable: false,
            fence: None,
        };
        let limits = Limits { rows_max: 10_000, bytes_max: 1 << 20 };
        let explained = link.connection().run(request, limits).await;
        link.connection().run_script("ROLLBACK".into(), deadline).await?;
        let rows = explained?.rows;
        let text = |value: &Value| match value {
            Value::Text(text) => text.to_string(),
            _ => String::new(),
        };
        let lines: Vec<String> =
            rows.iter().filter_map(|row| row.values().first().map(text)).collect();
        // Together: a value may go over several lines.
        let masked = without_literals(&lines.join("\n"), Dialect::Postgres);
        Ok(masked.lines().map(str::to_owned).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_are_kept_once_and_so_many() {
        let plan = |line: &str| Plan::new(vec![line.to_owned()]).unwrap();
        let mut plans = Plans::default();
        for n in 0..PLANS_MAX as u64 {
            plans.keep(n, plan("SCAN t"));
            plans.keep(n, plan("SCAN t"));
        }
        let scan = plan("SCAN t").digest;
        assert_eq!(plans.lines(0, scan), ["SCAN t"]);
        plans.keep(0, plan("SEARCH t"));
        assert!(plans.lines(0, scan).is_empty(), "the oldest goes first");
        assert_eq!(plans.lines(1, scan), ["SCAN t"]);
        assert_eq!(plans.known.len(), PLANS_MAX);
        assert!(Plan::new(Vec::new()).is_none());
        let long = Plan::new(vec!["é".repeat(LINE_BYTES_MAX); 2 * LINES_MAX]).unwrap();
        assert_eq!((long.lines.len(), long.lines[0].len()), (LINES_MAX, LINE_BYTES_MAX));
    }
}
