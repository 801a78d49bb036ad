//! What a statement takes and gives, in the protocol's form.

use forebay::Describe;
use serde::Serialize;

use super::stmt::put_cols;
use crate::failure::Failure;
use crate::json::Answer;

#[derive(Serialize)]
struct Param<'a> {
    name: Option<&'a str>,
}

/// Appends the result of describing a statement.
pub(crate) fn put_describe(answer: &mut Answer, describe: &Describe) -> Result<(), Failure> {
    answer.raw(r#"{"params":["#);
    for (index, name) in describe.params.iter().enumerate() {
        answer.raw(if index > 0 { "," } else { "" });
        answer.put(&Param { name: name.as_deref() })?;
    }
    answer.raw(r#"],"cols":"#);
    put_cols(answer, &describe.columns)?;
    answer.raw(r#","is_explain":"#);
    answer.put(&describe.is_explain)?;
    answer.raw(r#","is_readonly":"#);
    answer.put(&describe.is_readonly)?;
    answer.raw("}");
    answer.check()
}
