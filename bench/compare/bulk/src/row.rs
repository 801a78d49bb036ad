//! The rows: a call of a model, as an application would log it.

use serde::Serialize;

/// Rows of one bulk write.
pub const ROWS: usize = 100_000;

/// Rows that are written one by one.
pub const SINGLE: usize = 1_000;

#[derive(Clone, Serialize)]
pub struct Call {
    pub id: i64,
    pub model: String,
    pub prompt: String,
    pub tokens: i64,
    pub cost: f64,
}

pub fn calls(count: usize) -> Vec<Call> {
    let call = |id: i64| Call {
        id,
        model: format!("model-{}", id % 7),
        prompt: format!("what is the answer to question {id}, and why is that so?"),
        tokens: id * 31 % 4_096,
        cost: id as f64 / 1_000.0,
    };
    (0..count as i64).map(call).collect()
}
