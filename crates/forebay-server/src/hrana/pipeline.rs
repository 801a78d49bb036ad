//! Pipelines: requests on one stream, run in order, all in one HTTP request. Every request is
//! run and answered, also after one has failed.

use serde::Deserialize;

use super::batch::Batch;
use super::describe::put_describe;
use super::door::Door;
use super::stmt::Stmt;
use super::store::SqlSource;
use super::stream::Stream;
use super::streams::Lease;
use crate::failure::Failure;
use crate::json::{Answer, put};

/// Space for what a pipeline's answer has once: its frame, that of the result at work, a baton.
const FRAME_BYTES: usize = 200;

/// Space for what each request is answered in any case: that it is done, or the error that says
/// that the answer is full.
const RESULT_BYTES: usize = 176;

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
        let mut answer = door.answer();
        answer.reserve(FRAME_BYTES + self.requests.len() * RESULT_BYTES)?;
        let mut lease = match &self.baton {
            Some(baton) => door.streams.resume(baton).await?,
            None if closes => door.streams.open_passing(&door.db),
            None => door.streams.open(&door.db)?,
        };
        answer.raw(r#"{"base_url":null,"results":["#);
        for (index, request) in self.requests.into_iter().enumerate() {
            if index > 0 {
                answer.raw(",");
            }
            let mark = answer.mark();
            answer.release(RESULT_BYTES);
            if let Err(failure) = request.run(door, &mut lease, &mut answer).await {
                answer.undo(mark);
                put_failure(&mut answer, &failure);
            }
        }
        answer.raw(r#"],"baton":"#);
        put(answer.buffer(), &lease.release());
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
                program.run(&stream.session, &door.options, answer).await?;
            }
            StreamRequest::Sequence(source) => {
                sequence(stream, source, door).await?;
                answer.raw(r#"sequence""#);
            }
            StreamRequest::Describe(source) => {
                let sql = stream.sqls.resolve(source)?;
                let describe = stream.session.describe(&sql).await?;
                answer.raw(r#"describe","result":"#);
                put_describe(answer, &describe)?;
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
                answer.put(&stream.session.is_autocommit().await)?;
            }
        }
        answer.raw("}}");
        Ok(())
    }
}

/// Appends a failure, or where it finds no room, one that is short enough for the space that was
/// reserved.
fn put_failure(answer: &mut Answer, failure: &Failure) {
    answer.raw(r#"{"type":"error","error":"#);
    let mark = answer.mark();
    if answer.put(&failure.hrana()).is_err() {
        answer.undo(mark);
        answer.raw(&Failure::untold().hrana_json());
    }
    answer.raw("}");
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Memory;

    #[test]
    fn the_shortest_answer_to_a_request_fits_into_its_space() {
        let memory = Memory::new(1 << 20);
        let mut answer = Answer::new(30, memory.hold());
        answer.raw(",");
        put_failure(&mut answer, &Failure::bad("X", "x".repeat(100)));
        let bytes = answer.finish().0;
        let expect = format!(r#",{{"type":"error","error":{}}}"#, Failure::untold().hrana_json());
        assert_eq!(String::from_utf8_lossy(&bytes), expect);
        assert!(bytes.len() <= RESULT_BYTES, "{}", bytes.len());
    }
}
