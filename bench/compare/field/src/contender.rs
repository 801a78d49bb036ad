//! What a contender has to do, and the list of those that take part.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::dataset::User;

pub type Fault = Box<dyn std::error::Error + Send + Sync>;

/// Somebody who can read one row by its primary key.
pub trait Contender: Send + Sync + 'static {
    /// Reads and decodes the row with this id, from the database or from wherever the contender
    /// is meant to have it.
    fn read(&self, id: i64) -> impl Future<Output = Result<User, Fault>> + Send;
}

/// A batch of reads: so many tasks at once, each going through its share of the ids in turn.
pub(crate) struct Batch {
    pub(crate) ids: Arc<[i64]>,
    pub(crate) tasks: usize,
    pub(crate) reads: usize,
}

type Timed = Pin<Box<dyn Future<Output = Result<Duration, Fault>> + Send>>;
type Heat = Box<dyn Fn(Batch) -> Timed>;
type Check = Box<dyn Fn(Arc<[i64]>) -> Timed>;

/// One that takes part. Its loop is compiled for it, so nothing is boxed per read.
pub(crate) struct Entrant {
    pub(crate) name: &'static str,
    pub(crate) heat: Heat,
    pub(crate) check: Check,
}

/// All that take part.
#[derive(Default)]
pub struct Field {
    pub(crate) entrants: Vec<Entrant>,
}

impl Field {
    pub fn enter<C: Contender>(&mut self, name: &'static str, contender: C) {
        let contender = Arc::new(contender);
        let racing = contender.clone();
        self.entrants.push(Entrant {
            name,
            heat: Box::new(move |batch| Box::pin(race(racing.clone(), batch))),
            check: Box::new(move |ids| Box::pin(check(contender.clone(), ids))),
        });
    }
}

async fn race<C: Contender>(contender: Arc<C>, batch: Batch) -> Result<Duration, Fault> {
    let share = batch.reads / batch.tasks;
    let began = Instant::now();
    let tasks: Vec<_> = (0..batch.tasks)
        .map(|task| {
            let (contender, ids) = (contender.clone(), batch.ids.clone());
            let first = task * ids.len() / batch.tasks;
            tokio::spawn(async move {
                for turn in 0..share {
                    let id = ids[(first + turn) % ids.len()];
                    std::hint::black_box(contender.read(id).await?);
                }
                Ok::<(), Fault>(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    Ok(began.elapsed())
}

/// Reads every id once, which also warms what there is to warm, and compares.
async fn check<C: Contender>(contender: Arc<C>, ids: Arc<[i64]>) -> Result<Duration, Fault> {
    let began = Instant::now();
    for id in ids.iter() {
        let user = contender.read(*id).await?;
        if user != User::expected(*id) {
            return Err(format!("row {id} came back as {user:?}").into());
        }
    }
    Ok(began.elapsed())
}
