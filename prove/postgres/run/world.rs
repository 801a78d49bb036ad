//! A stage with a schema and a population of reads that are asked again after every turn. Here it
//! is drawn what happens next.

use std::sync::Arc;

use anyhow::Result;
use fastrand::Rng;

use super::ask::Difference;
use super::stage::Stage;
use super::tally::Tally;
use crate::bare::Bare;
use crate::domain::{Statement, once_in};
use crate::place::{Place, Server};
use crate::read::{Read, read};
use crate::schema::{Kind, Schema, create, fill};
use crate::write::{Turn, filling, pruning, turn};

/// Rows of a table from which on it is cut down.
const ROWS_MAX: i64 = 30;

/// Turns after which the sizes of the tables are looked at.
const SIZES_EVERY: u64 = 6;

/// Rows of an answer that a new read may have.
const ANSWER_MAX: usize = 400;

/// Reads of the population that are asked after a turn.
const ASKED: usize = 60;

/// Tries to draw something before it is left out.
const TRIES_MAX: usize = 60;

pub(crate) struct World {
    pub(crate) stage: Stage,
    schema: Schema,
    rng: Rng,
    population: Vec<Live>,
    reads: usize,
    version: u32,
    step: u64,
    pub(crate) case: Case,
    /// A read that the server locks other tables for than Forebay says.
    pub(crate) unlocked: Option<String>,
}

/// What has happened, so that it can be played again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Case {
    pub(crate) parts: Vec<String>,
    pub(crate) turns: Vec<Turn>,
}

struct Live {
    read: Read,
    verified: u64,
    hits: u64,
    is_gone: bool,
}

impl World {
    /// A new database from `seed`, with its first rows and reads.
    pub(crate) async fn new(
        server: &Arc<Server>,
        seed: u64,
        reads: usize,
        tally: &mut Tally,
    ) -> Result<World> {
        let mut rng = Rng::with_seed(seed);
        let place = Place::on(server)?;
        let mut bare = place.bare()?;
        let mut parts = Vec::new();
        let mut take = |bare: &mut Bare, all: Vec<String>| -> Result<()> {
            for part in all {
                if bare.ask(&part)?.is_ok() {
                    parts.push(part);
                }
            }
            Ok(())
        };
        take(&mut bare, create(&mut rng))?;
        let grants = "GRANT ALL ON ALL TABLES IN SCHEMA public, alt TO writer";
        take(&mut bare, vec![grants.to_owned()])?;
        let schema = Schema::read(&mut bare)?;
        take(&mut bare, fill(&mut rng, &schema))?;
        let version = place.cluster().version().major;
        let stage = Stage::open(place, &[]).await?;
        let mut world = World {
            stage,
            schema,
            rng,
            population: Vec::new(),
            reads,
            version,
            step: 0,
            case: Case { parts, turns: Vec::new() },
            unlocked: None,
        };
        world.renew(tally).await?;
        Ok(world)
    }

    /// One turn, and then the reads.
    pub(crate) async fn step(&mut self, tally: &mut Tally) -> Result<Option<Box<Difference>>> {
        self.step += 1;
        let turn = self.draw_turn()?;
        self.case.turns.push(turn.clone());
        self.rng.shuffle(&mut self.population);
        let asked = self.population.len().min(ASKED);
        let reads: Vec<Read> =
            self.population[..asked].iter().map(|live| live.read.clone()).collect();
        match self.stage.play(&turn, &reads, tally).await? {
            Err(difference) => return Ok(Some(difference)),
            Ok(marks) => {
                for (live, mark) in self.population.iter_mut().zip(marks) {
                    live.verified += mark.verified;
                    live.hits += mark.hits;
                    live.is_gone |= mark.is_gone;
                }
            }
        }
        self.schema = Schema::read(&mut self.stage.bare)?;
        self.renew(tally).await?;
        Ok(None)
    }

    /// Ends the world: what it has counted goes to `tally`.
    pub(crate) async fn end(mut self, tally: &mut Tally) -> Result<()> {
        for live in std::mem::take(&mut self.population) {
            tally.retire(&live.read.features, live.verified, live.hits);
        }
        tally.take_stats(&self.stage.db.stats());
        self.stage.close().await;
        Ok(())
    }

    fn draw_turn(&mut self) -> Result<Turn> {
        if self.step.is_multiple_of(SIZES_EVERY)
            && let Some(statement) = self.mend_sizes()?
        {
            return Ok(Turn::single(statement));
        }
        for _ in 0..TRIES_MAX {
            if let Some(turn) = turn(&mut self.rng, &self.schema, self.version) {
                return Ok(turn);
            }
        }
        Ok(Turn::single(Statement::plain("UPDATE public.tick SET n = n + 1")))
    }

    /// A write for the first table that is too large or has become empty.
    fn mend_sizes(&mut self) -> Result<Option<Statement>> {
        let is_table = |kind| matches!(kind, Kind::Table | Kind::Root);
        let tables = self.schema.relations.iter().filter(|it| is_table(it.kind));
        let tables: Vec<_> = tables.filter(|it| it.name != "tick").cloned().collect();
        for table in tables {
            let count = format!("SELECT count(*) FROM {}", table.full());
            let count = self.stage.bare.number(&count)?;
            if count > ROWS_MAX && table.name != "log" {
                return Ok(Some(Statement::plain(pruning(&table))));
            }
            if count > 40 * ROWS_MAX {
                return Ok(Some(Statement::plain("DELETE FROM public.log WHERE id > 5")));
            }
            if count < 3 && table.name != "log" && !once_in(&mut self.rng, 3) {
                return Ok(filling(&mut self.rng, &table));
            }
        }
        Ok(None)
    }

    /// Replaces what was given up, and now and then a read that was not.
    async fn renew(&mut self, tally: &mut Tally) -> Result<()> {
        if once_in(&mut self.rng, 3)
            && let Some(live) = self.population.first_mut()
        {
            live.is_gone = true;
        }
        self.population.retain(|live| {
            if live.is_gone {
                tally.retire(&live.read.features, live.verified, live.hits);
            }
            !live.is_gone
        });
        while self.population.len() < self.reads {
            let Some(read) = self.draw_read(tally).await? else { break };
            self.population.push(Live { read, verified: 0, hits: 0, is_gone: false });
        }
        Ok(())
    }

    /// A new read that the database answers.
    async fn draw_read(&mut self, tally: &mut Tally) -> Result<Option<Read>> {
        for _ in 0..TRIES_MAX {
            let Some(read) = self.draw_text() else { continue };
            let text = read.statement.written_out();
            let Ok(answer) = self.stage.bare.ask(&text)? else { continue };
            if answer.len() > ANSWER_MAX {
                continue;
            }
            // What it rests on is told by the server's locks, too.
            if let Ok(explanation) = self.stage.db.explain(&read.statement.sql).await {
                tally.ruled(&explanation.reasons);
                if explanation.cacheable {
                    self.check_locks(&text, &explanation.reads, tally)?;
                }
            }
            return Ok(Some(read));
        }
        Ok(None)
    }

    /// A new text, or one of the population with other parameters: much that an application asks
    /// differs in nothing else.
    fn draw_text(&mut self) -> Option<Read> {
        if self.rng.u8(..5) < 2 && !self.population.is_empty() {
            let live = &self.population[self.rng.usize(..self.population.len())];
            if !live.read.statement.params.is_empty() {
                return Some(live.read.with_other_values(&mut self.rng));
            }
        }
        read(&mut self.rng, &self.schema)
    }

    /// Every table that the server locks for the read has to be one that Forebay says it reads.
    fn check_locks(&mut self, text: &str, reads: &[String], tally: &mut Tally) -> Result<()> {
        let locks = "SELECT '~lock', n.nspname || '.' || c.relname, c.oid FROM pg_locks l \
             JOIN pg_class r \
             ON r.oid = l.relation JOIN pg_class c ON c.oid = coalesce(pg_partition_root(r.oid), \
             r.oid) JOIN pg_namespace n ON n.oid = c.relnamespace WHERE l.pid = pg_backend_pid() \
             AND l.locktype = 'relation' AND r.relkind IN ('r', 'p') \
             AND n.nspname IN ('public', 'alt')";
        let Ok(rows) = self.stage.bare.ask(&format!("BEGIN; {text}; {locks}; ROLLBACK"))? else {
            self.stage.bare.ask("ROLLBACK")?.ok();
            return Ok(());
        };
        for row in rows {
            let [Some(mark), Some(name), Some(oid)] = row.as_slice() else { continue };
            if mark != "~lock" {
                continue;
            }
            tally.locks += 1;
            let short = name.trim_start_matches("public.");
            let is_told = reads.iter().any(|it| it == name || it == short || it == oid);
            if !is_told {
                let what = format!("{text};\n-- locks {name}, and is said to read {reads:?}");
                self.unlocked.get_or_insert(what);
            }
        }
        Ok(())
    }
}
