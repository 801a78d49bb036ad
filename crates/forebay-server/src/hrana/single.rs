//! Hrana over HTTP version 1: one statement or one batch, without a stream. Python's
//! `libsql-client` speaks nothing else over HTTP.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::batch::Batch;
use super::door::Door;
use super::stmt::Stmt;
use super::store::StoredSql;
use crate::failure::Failure;
use crate::json::Answer;
use crate::options::Options;
use crate::request::Request;

/// A request with one statement.
#[derive(Debug, Deserialize)]
pub(crate) struct SingleExecute {
    stmt: Stmt,
}

/// A request with one batch.
#[derive(Debug)]
pub(crate) struct SingleBatch {
    batch: Batch,
}

impl Request for SingleExecute {
    fn decode(json: &[u8], _: &Options) -> serde_json::Result<SingleExecute> {
        serde_json::from_slice(json)
    }
}

impl Request for SingleBatch {
    fn decode(json: &[u8], limits: &Options) -> serde_json::Result<SingleBatch> {
        #[derive(Deserialize)]
        struct Wire<'a> {
            #[serde(borrow)]
            batch: &'a RawValue,
        }
        let wire: Wire<'_> = serde_json::from_slice(json)?;
        Ok(SingleBatch { batch: Batch::decode(wire.batch, limits)? })
    }
}

impl SingleExecute {
    pub(crate) async fn run(self, door: &Door) -> Result<Answer, Failure> {
        let stmt = self.stmt.prepare(&StoredSql::default())?;
        let session = door.db.session();
        let mut answer = door.answer();
        answer.raw(r#"{"result":"#);
        let result = stmt.run(&session, &door.options, &mut answer).await;
        session.close().await;
        answer.raw("}");
        result.map(|()| answer)
    }
}

impl SingleBatch {
    pub(crate) async fn run(self, door: &Door) -> Result<Answer, Failure> {
        let program = self.batch.program(&StoredSql::default(), &door.options)?;
        let session = door.db.session();
        let mut answer = door.answer();
        answer.raw(r#"{"result":"#);
        let result = program.run(&session, &door.options, &mut answer).await;
        session.close().await;
        answer.raw("}");
        result.map(|()| answer)
    }
}
