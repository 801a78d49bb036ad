//! A slow statement before its plan is known.

use std::sync::Arc;
use std::time::SystemTime;

use super::plan::Plan;
use crate::params::Params;
use crate::slow::SlowStatement;
use crate::watch::{Record, Visit, Why};

/// What is known of a slow statement when it has ended.
pub(in crate::engine) struct Draft {
    pub(in crate::engine) at: SystemTime,
    pub(in crate::engine) record: Arc<Record>,
    pub(in crate::engine) sql: Arc<str>,
    pub(in crate::engine) params: Option<Params>,
    pub(in crate::engine) caller: Option<String>,
    pub(in crate::engine) trace: Option<String>,
    pub(in crate::engine) why: Why,
    pub(in crate::engine) left_out: u32,
    pub(in crate::engine) visit: Visit,
    pub(in crate::engine) steps: Option<u64>,
}

impl Draft {
    /// The statement with its plan; with its parameters only if they may be shown.
    pub(super) fn finish(self, plan: Option<&Plan>, shows_params: bool) -> SlowStatement {
        let params = self.params.as_ref().filter(|_| shows_params);
        SlowStatement {
            at: self.at,
            fingerprint: self.record.id(),
            statement: self.record.text().to_string(),
            why: match self.why {
                Why::Absolute => "absolute",
                Why::Relative => "relative",
                Why::Lock => "lock",
            },
            time: self.visit.spent,
            pool_wait: self.visit.wait,
            rows: self.visit.rows,
            vm_steps: self.steps,
            failed: self.visit.failed,
            caller: self.caller,
            trace: self.trace,
            params: params.map(crate::engine::difference::shown),
            plan: plan.map(|plan| plan.digest),
            plan_lines: plan.map(|plan| plan.lines.to_vec()).unwrap_or_default(),
            left_out: self.left_out,
        }
    }
}
