//! Pipelines: requests on one stream, run in order, all in one HTTP request. Every request is
//! run and answered, also after one has failed.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::batch::Batch;
use super::describe::put_describe;
use super::door::Door;
use super::stmt::Stmt;
use super::store::SqlSource;
use super::stream::Stream;
use super::streams::Lease;
use crate::failure::Failure;
use crate::json::{Answer, put};
use crate::options::Options;
use crate::request::{List, Request, list, within};

/// Space for what a pipeline's answer has once: its frame, that of the result at work, a baton.
const FRAME_BYTES: usize = 200;

/// Space for what each request is answered in any case: that it is done, or the error that says
/// that the answer is full.
const RESULT_BYTES: usize = 176;

/// A pipeline as a client sends it.
#[derive(Debug)]
pub(crate) struct PipelineRequest {
    baton: Option<String>,
    requests: List<StreamRequest>,
}

#[derive(Debug)]
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

/// What kind of request it is. The rest is read when that is known: serde would first make a
/// tree of it, many times as large.
#[derive(Deserialize)]
struct Kind {
    r#type: Type,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Type {
    Close,
    Execute,
    Batch,
    Sequence,
    Describe,
    StoreSql,
    CloseSql,
    GetAutocommit,
}

impl Request for PipelineRequest {
    fn decode(json: &[u8], limits: &Options) -> serde_json::Result<PipelineRequest> {
        #[derive(Deserialize)]
        struct Wire<'a> {
            #[serde(default)]
            baton: Option<String>,
            #[serde(borrow)]
            requests: &'a RawValue,
        }
        let wire: Wire<'_> = serde_json::from_slice(json)?;
        let max = limits.pipeline_requests_max;
        let requests = match list::<&RawValue>(wire.requests, max).map_err(within("requests"))? {
            List::Whole(requests) => requests.into_iter().enumerate(),
            List::TooLong(count) => {
                return Ok(PipelineRequest { baton: wire.baton, requests: List::TooLong(count) });
            }
        };
        let requests = requests.map(|(index, json)| {
            StreamRequest::decode(json, limits).map_err(within(format_args!("request {index}")))
        });
        let requests = requests.collect::<serde_json::Result<_>>()?;
        Ok(PipelineRequest { baton: wire.baton, requests: List::Whole(requests) })
    }
}

impl PipelineRequest {
    /// Runs it. An `Err` is the answer to the whole: nothing has been run.
    pub(crate) async fn run(self, door: &Door) -> Result<Answer, Failure> {
        let requests = match self.requests {
            List::Whole(requests) => requests,
            List::TooLong(count) => {
                let max = door.options.pipeline_requests_max;
                return Err(Failure::bad(
                    "PIPELINE_TOO_LONG",
                    format!(
                        "the pipeline has {count} requests, and {max} are allowed \
                         (pipeline_requests_max); split it"
                    ),
                ));
            }
        };
        let closes = requests.iter().any(|request| matches!(request, StreamRequest::Close));
        let mut answer = door.answer();
        answer.reserve(FRAME_BYTES + requests.len() * RESULT_BYTES)?;
        let mut lease = match &self.baton {
            Some(baton) => door.streams.resume(baton).await?,
            None if closes => door.streams.open_passing(&door.db),
            None => door.streams.open(&door.db)?,
        };
        answer.raw(r#"{"base_url":null,"results":["#);
        for (index, request) in requests.into_iter().enumerate() {
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
    fn decode(json: &RawValue, limits: &Options) -> serde_json::Result<StreamRequest> {
        #[derive(Deserialize)]
        struct Execute {
            stmt: Stmt,
        }
        #[derive(Deserialize)]
        struct InBatch<'a> {
            #[serde(borrow)]
            batch: &'a RawValue,
        }
        #[derive(Deserialize)]
        struct StoreSql {
            sql_id: i32,
            sql: String,
        }
        #[derive(Deserialize)]
        struct CloseSql {
            sql_id: i32,
        }
        let json = json.get();
        let Kind { r#type } = serde_json::from_str(json)?;
        Ok(match r#type {
            Type::Close => StreamRequest::Close,
            Type::Execute => {
                let Execute { stmt } = serde_json::from_str(json)?;
                StreamRequest::Execute { stmt }
            }
            Type::Batch => {
                let InBatch { batch } = serde_json::from_str(json)?;
                StreamRequest::Batch { batch: Batch::decode(batch, limits)? }
            }
            Type::Sequence => StreamRequest::Sequence(serde_json::from_str(json)?),
            Type::Describe => StreamRequest::Describe(serde_json::from_str(json)?),
            Type::StoreSql => {
                let StoreSql { sql_id, sql } = serde_json::from_str(json)?;
                StreamRequest::StoreSql { sql_id, sql }
            }
            Type::CloseSql => {
                let CloseSql { sql_id } = serde_json::from_str(json)?;
                StreamRequest::CloseSql { sql_id }
            }
            Type::GetAutocommit => StreamRequest::GetAutocommit,
        })
    }

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
