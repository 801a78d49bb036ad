//! Running a statement of the caller's own for many rows of parameters.

use std::sync::Arc;

use super::chunk::Chunk;
use super::run::Operation;
use crate::backend::Batch;
use crate::engine::Hands;
use crate::error::{Error, Result};

/// Runs one statement with the values of each row as its parameters.
pub(super) struct Many {
    sql: Arc<str>,
    names: Option<Arc<[Box<str>]>>,
}

impl Many {
    pub(super) fn new(sql: &str) -> Many {
        Many { sql: sql.into(), names: None }
    }
}

impl Operation for Many {
    fn begin(&mut self, columns: &[Box<str>]) -> Result<()> {
        let has_names = columns.iter().any(|name| !name.is_empty());
        if has_names && columns.iter().any(|name| name.is_empty()) {
            return Err(Error::usage("the name of a parameter is empty").at_row(0, None));
        }
        self.names = has_names.then(|| columns.into());
        Ok(())
    }

    fn check(&self, _: &Chunk) -> Result<()> {
        Ok(())
    }

    async fn write(&mut self, hands: &Hands, chunk: Chunk) -> Result<u64> {
        let first = chunk.first;
        let width = chunk.values.len() / chunk.len;
        let batch = Batch::new(width, chunk.values, self.names.clone());
        let batched = hands.run_many(&self.sql, batch).await?;
        match batched.fault {
            Some((index, error)) => Err(error.at_row(first + index as u64, None)),
            None => Ok(batched.affected),
        }
    }
}
