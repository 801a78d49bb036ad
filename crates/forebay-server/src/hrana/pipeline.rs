//! Pipelines: requests on one stream, run in order, all in one HTTP request. Every request is
//! run and answered, also after one has failed.

use serde::Deserialize;

use super::batch::Batch;
use super::describe::DescribeResult;
use super::door::Door;
use super::stmt::Stmt;
use super::store::SqlSource;
use super::stream::Stream;
use super::streams::Lease;
use crate::failure::Failure;
use crate::json::Answer;

/// A pipeline as a client sends it.
#[derive(Debug, Deserialize)]
pub(crate) struct PipelineRequest {
    #[serde(default)]
    baton: Option<String>,
    requests: Vec<StreamRequest>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum StreamRequest {
    Close,
    Execute { stmt: Stmt },
    Batch { batch: Batch },
    Sequence(SqlSource),
    Describe(SqlSource),
    StoreSql { sql_id: i32, sql: String },
    CloseSql { sql_id: i32 },
    GetAutocommit,
}

impl PipelineRequest {
    /// Runs it. An `Err` is the answer to the whole: nothing has been run.
    pub(crate) async fn run(self, door: &Door) -> Result<Answer, Failure> {
        let requests_max = door.options.pipeline_requests_max;
        if self.requests.len() > requests_max {
            return Err(Failure::bad(
                "PIPELINE_TOO_LONG",
                format!(
                    "the pipeline has {} requests, and {requests_max} are allowed \
                     (pipeline_requests_max); split it",
                    self.requests.len()
                ),
            ));
        }
        let closes = self.requests.iter().any(|request| matches!(request, StreamRequest::Close));
        let mut lease = match &self.baton {
            Some(baton) => door.streams.resume(baton).await?,
            None if closes => door.streams.open_passing(&door.db),
            None => door.streams.open(&door.db)?,
        };
        let mut answer = door.answer();
        answer.raw(r#"{"base_url":null,"results":["#);
        for (index, request) in self.requests.into_iter().enumerate() {
            if index > 0 {
                answer.raw(",");
            }
            let mark = answer.mark();
            if let Err(failure) = request.run(door, &mut lease, &mut answer).await {
                answer.undo(mark);
                answer.raw(r#"{"type":"error","error":"#);
                answer.put(&failure.hrana());
                answer.raw("}");
            }
        }
        answer.raw(r#"],"baton":"#);
        answer.put(&lease.release());
        answer.raw("}");
        Ok(answer)
    }
}

impl StreamRequest {
    async fn run(self, door: &Door, lease: &mut Lease, answer: &mut Answer) -> Result<(), Failure> {
        let Some(stream) = lease.stream() else {
            return Err(Failure::bad("STREAM_CLOSED", "the stream was closed before"));
        };
        answer.raw(r#"{"type":"ok","response":{"type":""#);
        match self {
            StreamRequest::Close => {
                lease.close().await;
                answer.raw(r#"close""#);
            }
            StreamRequest::Execute { stmt } => {
                answer.raw(r#"execute","result":"#);
                let stmt = stmt.prepare(&stream.sqls)?;
                stmt.run(&stream.session, &door.options, answer).await?;
            }
            StreamRequest::Batch { batch } => {
                answer.raw(r#"batch","result":"#);
                let program = batch.program(&stream.sqls, &door.options)?;
                program.run(&stream.session, &door.options, answer).await;
            }
            StreamRequest::Sequence(source) => {
                sequence(stream, source, door).await?;
                answer.raw(r#"sequence""#);
            }
            StreamRequest::Describe(source) => {
                let sql = stream.sqls.resolve(source)?;
                let describe = stream.session.describe(&sql).await?;
                answer.raw(r#"describe","result":"#);
                answer.put(&DescribeResult::new(&describe));
                answer.check()?;
            }
            StreamRequest::StoreSql { sql_id, sql } => {
                stream.sqls.put(sql_id, &sql, &door.options)?;
                answer.raw(r#"store_sql""#);
            }
            StreamRequest::CloseSql { sql_id } => {
                stream.sqls.close(sql_id);
                answer.raw(r#"close_sql""#);
            }
            StreamRequest::GetAutocommit => {
                answer.raw(r#"get_autocommit","is_autocommit":"#);
                answer.put(&stream.session.is_autocommit().await);
            }
        }
        answer.raw("}}");
        Ok(())
    }
}

async fn sequence(stream: &Stream, source: SqlSource, door: &Door) -> Result<(), Failure> {
    let sql = stream.sqls.resolve(source)?;
    let limit = door.options.script_timeout;
    match tokio::time::timeout(limit, stream.session.execute_batch(&sql)).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(Failure::new(
            504,
            "STATEMENT_TIMEOUT",
            format!("the script ran longer than {limit:?} (script_timeout) and was stopped"),
        )),
    }
}
