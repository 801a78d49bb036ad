//! The messages that are sent for a request. Each request ends with a Sync of its own, so that an
//! error in one is none for the next.

use bytes::BytesMut;
use postgres_protocol::IsNull;
use postgres_protocol::message::frontend::{self, BindError, CopyData};

use super::describe::Shape;
use super::flight::{Flight, Phase};
use super::request::{Copy, Work};
use super::statements::{Statement, Statements};
use super::taking::Taking;
use super::types::{self, Encoded, Format};
use crate::error::{Error, Kind, Result};
use crate::params::Params;

/// Bytes of a message of rows: the server begins with them while the others are on their way.
const COPY_BYTES: usize = 64 * 1024;

/// The longest message that PostgreSQL takes.
const MESSAGE_BYTES_MAX: usize = 0x3fff_ffff;

/// Appends what the request needs now. An error leaves `out` as it was, but for statements that the
/// server is to forget.
pub(super) fn write(
    flight: &mut Flight,
    statements: &mut Statements,
    out: &mut BytesMut,
) -> Result<()> {
    for name in statements.closing() {
        frontend::close(b'S', &name, out).map_err(unwritable)?;
    }
    let before = out.len();
    let phase = phase(&flight.order.work, statements, out);
    if out.len() - before > MESSAGE_BYTES_MAX {
        out.truncate(before);
        return Err(too_large());
    }
    match phase {
        Ok(phase) => flight.phase = phase,
        Err(error) => {
            out.truncate(before);
            return Err(error);
        }
    }
    Ok(())
}

fn phase(work: &Work, statements: &mut Statements, out: &mut BytesMut) -> Result<Phase> {
    match work {
        Work::Run { sql, params, take } => match statements.find(sql) {
            Some(statement) => {
                bind(&statement, params, out)?;
                frontend::execute("", 0, out).map_err(unwritable)?;
                frontend::sync(out);
                let taking = Taking::new(take, statement.shape.clone());
                Ok(Phase::Running { statement, is_bound: false, taking })
            }
            None => prepare(sql, statements, out),
        },
        Work::Describe { sql } => prepare(sql, statements, out),
        Work::Script { sql, limits } => {
            frontend::query(sql, out).map_err(unwritable)?;
            let taking = Taking::of_script(*limits, Shape::none());
            Ok(Phase::Scripting { taking, has_columns: false })
        }
        Work::Copy(copy) => {
            write_copy(copy, out)?;
            Ok(Phase::Copying)
        }
        Work::Ping => {
            frontend::sync(out);
            Ok(Phase::Pinging)
        }
        Work::Replicate { sql } => {
            frontend::query(sql, out).map_err(unwritable)?;
            Ok(Phase::Turning)
        }
    }
}

/// The statement with its rows, without waiting until the server asks for them: where it does not
/// because the statement has failed, it passes over them.
fn write_copy(copy: &Copy, out: &mut BytesMut) -> Result<()> {
    frontend::query(&copy.sql, out).map_err(unwritable)?;
    for part in copy.rows.chunks(COPY_BYTES) {
        let data = CopyData::new(part).map_err(unwritable)?;
        data.write(out);
    }
    frontend::copy_done(out);
    Ok(())
}

fn prepare(sql: &str, statements: &mut Statements, out: &mut BytesMut) -> Result<Phase> {
    let name = statements.name();
    frontend::parse(&name, sql, [], out).map_err(unwritable)?;
    frontend::describe(b'S', &name, out).map_err(unwritable)?;
    frontend::sync(out);
    Ok(Phase::Preparing { name, is_parsed: false, parameters: Box::new([]), shape: None })
}

fn bind(statement: &Statement, params: &Params, out: &mut BytesMut) -> Result<()> {
    if let Some((name, _)) = params.named().next() {
        return Err(Error::usage(format!(
            "PostgreSQL has no parameters with names: write $1, $2 and so on instead of {name}, \
             and bind them in that order"
        )));
    }
    let (wanted, given) = (statement.parameters.len(), params.positional().count());
    if wanted != given {
        return Err(Error::usage(format!(
            "the statement has {wanted} parameters, and {given} were bound"
        )));
    }
    let mut encoded = BytesMut::new();
    let mut values = Vec::with_capacity(given);
    for (oid, value) in statement.parameters.iter().zip(params.positional()) {
        let begin = encoded.len();
        let written = types::encode(*oid, value, &mut encoded)?;
        values.push((written, begin..encoded.len()));
        if encoded.len() > MESSAGE_BYTES_MAX {
            return Err(too_large());
        }
    }
    let formats = values.iter().map(|(written, _)| match written {
        Encoded::Null | Encoded::Text => code(Format::Text),
        Encoded::Binary => code(Format::Binary),
    });
    let results = statement.shape.fields.iter().map(|field| code(field.format));
    let put = |(written, range): &(Encoded, std::ops::Range<usize>), out: &mut BytesMut| {
        out.extend_from_slice(&encoded[range.clone()]);
        Ok(match written {
            Encoded::Null => IsNull::Yes,
            Encoded::Text | Encoded::Binary => IsNull::No,
        })
    };
    frontend::bind("", &statement.name, formats, &values, put, results, out).map_err(|error| {
        match error {
            BindError::Serialization(error) => unwritable(error),
            BindError::Conversion(error) => Error::new(Kind::Usage, error.to_string()),
        }
    })
}

/// The last message for a copy that is refused. With extended queries the server has read over the
/// Sync before it, so that there is another.
pub(super) fn refuse_copy(phase: &Phase, out: &mut BytesMut) {
    frontend::copy_fail("COPY FROM STDIN is not supported here", out)
        .expect("the text has no NUL byte");
    if !matches!(phase, Phase::Scripting { .. }) {
        frontend::sync(out);
    }
}

fn code(format: Format) -> i16 {
    match format {
        Format::Text => 0,
        Format::Binary => 1,
    }
}

fn too_large() -> Error {
    Error::new(Kind::TooLarge, "the statement and its parameters are larger than 1 GB; send less")
}

/// The one thing that cannot be written is a NUL byte in a text, or more than there is room for.
fn unwritable(error: std::io::Error) -> Error {
    let message = "the statement contains a NUL byte, or more than 65,535 parameters or 1 GB";
    Error::usage(message).with_cause(error)
}
