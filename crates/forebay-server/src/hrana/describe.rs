//! What a statement takes and gives, in the protocol's form.

use forebay::Describe;
use serde::Serialize;

use super::stmt::{Col, cols};

/// The result of describing a statement.
#[derive(Serialize)]
pub(crate) struct DescribeResult<'a> {
    params: Vec<Param<'a>>,
    cols: Vec<Col<'a>>,
    is_explain: bool,
    is_readonly: bool,
}

#[derive(Serialize)]
struct Param<'a> {
    name: Option<&'a str>,
}

impl DescribeResult<'_> {
    pub(crate) fn new(describe: &Describe) -> DescribeResult<'_> {
        DescribeResult {
            params: describe.params.iter().map(|name| Param { name: name.as_deref() }).collect(),
            cols: cols(&describe.columns),
            is_explain: describe.is_explain,
            is_readonly: describe.is_readonly,
        }
    }
}
