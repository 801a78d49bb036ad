//! One statement for many values: on its way, and its rows to those who wait for them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::gather::Rider;
use super::joint::list;
use crate::backend::{Answer, Scope};
use crate::engine::database::Engine;
use crate::engine::origin::Purpose;
use crate::engine::postgres::{Filling, Postgres};
use crate::engine::template::Template;
use crate::engine::work::{Run, Work as _};
use crate::error::{Kind, Result};
use crate::guard::Stop;
use crate::params::Params;
use crate::row::Rows;
use crate::value::Value;

/// A statement for many that takes longer holds up those who wait for the next one: they run their
/// own for a while.
const LONG: Duration = Duration::from_millis(100);

/// Sends one statement for all of them. Where it fails, nobody is told anything, and each runs its
/// own.
pub(super) async fn send(engine: &Arc<Engine>, template: &Arc<Template>, riders: Vec<Rider>) {
    let mut riders = riders;
    riders.retain(|rider| !rider.is_gone());
    let (Some(postgres), Some(joint)) = (engine.postgres(), template.coalescing.joint()) else {
        return;
    };
    let (values, numbers) = numbered(&riders);
    let Ok(params) = list(&values) else { return };
    if values.is_empty() {
        return;
    }
    let began = Instant::now();
    let sending = Sending { engine, postgres, template, riders: &riders };
    match sending.run(joint.sql.clone(), params).await {
        Ok((answer, fillings)) => {
            template.coalescing.succeeded(riders.len());
            if began.elapsed() > LONG {
                template.pace.was_long();
            }
            let Some(shares) = shared_out(&answer.rows, values.len()) else { return };
            for ((rider, number), filling) in riders.into_iter().zip(numbers).zip(fillings) {
                let answer = Answer {
                    rows: shares[number].clone(),
                    rows_affected: 0,
                    last_insert_id: None,
                    ticket: None,
                    is_fill: false,
                    ticket_time: None,
                    steps: 0,
                    effect: answer.effect,
                    is_prepared_again: false,
                };
                // Who has given up needs no answer.
                drop(rider.sender.send((filling.end(postgres, answer), began.elapsed())));
            }
        }
        Err(error) if error.is_of_origin() || error.kind() == Kind::TooLarge => {}
        Err(_) => template.coalescing.failed(),
    }
}

/// Each value once, and for each rider the number of its own.
fn numbered(riders: &[Rider]) -> (Vec<Value>, Vec<usize>) {
    let mut values = Vec::new();
    let mut known: HashMap<&Value, usize> = HashMap::new();
    let mut numbers = Vec::with_capacity(riders.len());
    for rider in riders {
        let number = *known.entry(&rider.value).or_insert_with(|| {
            values.push(rider.value.clone());
            values.len() - 1
        });
        numbers.push(number);
    }
    (values, numbers)
}

/// The rows for each value, without the number before them.
fn shared_out(rows: &Rows, values: usize) -> Option<Vec<Rows>> {
    let columns: Arc<[_]> = rows.columns().get(1..)?.into();
    let mut shares: Vec<Vec<Value>> = vec![Vec::new(); values];
    for row in 0..rows.len() {
        let (number, rest) = rows.values(row).split_first()?;
        let Value::Integer(number) = number else { return None };
        let at = usize::try_from(number.checked_sub(1)?).ok()?;
        shares.get_mut(at)?.extend_from_slice(rest);
    }
    Some(shares.into_iter().map(|values| Rows::new(columns.clone(), values)).collect())
}

struct Sending<'s> {
    engine: &'s Arc<Engine>,
    postgres: &'s Postgres,
    template: &'s Arc<Template>,
    riders: &'s [Rider],
}

impl Sending<'_> {
    /// The answer, and a filling for each rider, begun before the statement was sent.
    async fn run(&self, sql: Arc<str>, params: Params) -> Result<(Answer, Vec<Filling>)> {
        let Sending { engine, template, riders, .. } = *self;
        let deadline = engine.statement_timeout.and_then(|limit| Instant::now().checked_add(limit));
        let proven = template.proven(&riders[0].params);
        let holder = riders[0].holder.clone();
        let mut connection = engine.origin.acquire(Purpose::Read, holder).await?;
        let link = connection.link();
        let wants_fill = riders.iter().any(|rider| rider.fill);
        let is_fit = wants_fill && link.is_fit_for_fill(deadline).await?;
        let fillings = self.fillings(link.connection(), is_fit);
        let (limits, stop) = (engine.limits(), Stop::at(deadline));
        let run = Run { sql, params, limits, stop, scope: Scope::Shared, proven };
        Ok((run.on_postgres(link).await?, fillings))
    }

    fn fillings(
        &self,
        connection: &crate::backend::postgres::Connection,
        is_fit: bool,
    ) -> Vec<Filling> {
        let fill = |rider: &Rider| {
            let fill = rider.fill && is_fit;
            Filling::begin(self.postgres, connection, &rider.params, self.template, fill)
        };
        self.riders.iter().map(fill).collect()
    }
}
