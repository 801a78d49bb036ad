//! A database, Forebay over it and a bare session beside it: turns are played here, with what else
//! happens meanwhile, and reads are asked after them. Nothing is drawn here, so that what has
//! failed can be played again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use cluster::Cluster;
use forebay::{Db, Freshness};

use super::ask::{Asked, Difference, How, Truth, ask};
use super::carry::{Ended, end_prepared, past, through};
use super::tally::{Tally, count};
use crate::bare::Bare;
use crate::domain::{Statement, quoted};
use crate::place::{Place, Server, end_sessions, end_stream, is_held, live, sender};
use crate::read::Read;
use crate::write::{Fault, Op, SHADOWING, Turn, Way};

/// Reads that are asked while something is held up; most of them are for the server to answer then,
/// and it is not in a hurry.
const MEANWHILE: usize = 60;

/// Those that have to be answered before a write goes on, in a few milliseconds.
const IN_TIME: usize = 14;

/// The longest wait for the stream to have told what others have committed.
const SETTLE_MAX: Duration = Duration::from_secs(5);

/// The longest that a turn may take.
const TURN_MAX: Duration = Duration::from_secs(60);

/// Asked until it comes from the cache: the stream has come far enough then.
const TICK: &str = "SELECT n FROM public.tick WHERE id = 1";

/// A database that turns are played on.
pub(crate) struct Stage {
    pub(crate) place: Place,
    pub(crate) db: Db,
    pub(crate) bare: Bare,
    /// Sessions may have tables of their own: what is not cached may be answered from them, as it
    /// is without Forebay.
    is_shadowed: bool,
}

/// What became of one read in a turn.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mark {
    pub(crate) verified: u64,
    pub(crate) hits: u64,
    /// It is refused, or has grown too long.
    pub(crate) is_gone: bool,
}

/// When reads are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    /// While a write sleeps.
    InTime,
    /// While something is held up.
    Meanwhile,
    Early,
    Settled,
}

/// The reads of a turn, with what is known of them.
struct Questions<'a> {
    reads: &'a [Read],
    marks: Vec<Mark>,
    truths: Vec<Option<Truth>>,
}

impl<'a> Questions<'a> {
    fn new(reads: &'a [Read]) -> Questions<'a> {
        let (marks, truths) = (vec![Mark::default(); reads.len()], vec![None; reads.len()]);
        Questions { reads, marks, truths }
    }

    /// Something was written.
    fn forget(&mut self) {
        self.truths.fill(None);
    }
}

impl Stage {
    /// A database made by these statements, of which those that the server refuses are left out.
    pub(crate) async fn open(place: Place, parts: &[String]) -> Result<Stage> {
        let mut bare = place.bare()?;
        for part in parts {
            // An error of one part is one of the schema that was drawn.
            let _ = bare.ask(part)?;
        }
        place.set_up().await.context("setup has failed")?;
        let db = place.open().await?;
        Ok(Stage { place, db, bare, is_shadowed: false })
    }

    /// Plays a turn and asks the reads; what became of each, or the first difference.
    pub(crate) async fn play(
        &mut self,
        turn: &Turn,
        reads: &[Read],
        tally: &mut Tally,
    ) -> Result<Result<Vec<Mark>, Box<Difference>>> {
        let mut questions = Questions::new(reads);
        tally.steps += 1;
        count(&mut tally.faults, turn.fault.name());
        count(&mut tally.ways, turn.way.name());
        for kind in &turn.kinds {
            count(&mut tally.kinds, kind);
        }
        self.is_shadowed = turn.kinds.contains(&SHADOWING) && !turn.way.is_past();
        let played = tokio::time::timeout(TURN_MAX, self.fault(turn, &mut questions, tally));
        let (ended, difference) = played.await.context("a turn does not end")??;
        let end = match &ended {
            Ended::Done => "done",
            Ended::Refused(why) => why,
        };
        tally.commits += u64::from(ended == Ended::Done && turn.commits);
        count(&mut tally.ends, end);
        if let Some(difference) = difference {
            return Ok(Err(difference));
        }
        if matches!(turn.way, Way::TwoPhase | Way::PastTwoPhase) {
            end_prepared(&mut self.bare)?;
        }
        questions.forget();
        if self.is_shadowed {
            return Ok(self
                .shadowed(&mut questions, tally)
                .await?
                .map_or(Ok(questions.marks), Err));
        }
        let how = if turn.way.is_past() { How::Strict } else { How::Followed };
        if let Some(difference) = self.round(&mut questions, how, Moment::Early, tally).await? {
            return Ok(Err(difference));
        }
        if turn.is_hasty && !turn.way.is_past() {
            return Ok(Ok(questions.marks));
        }
        self.settle(tally).await?;
        let again = self.round(&mut questions, How::Followed, Moment::Settled, tally).await?;
        Ok(again.map_or(Ok(questions.marks), Err))
    }

    /// Asks while sessions have tables of their own, twice, so that some answers are kept.
    async fn shadowed(
        &mut self,
        questions: &mut Questions<'_>,
        tally: &mut Tally,
    ) -> Result<Option<Box<Difference>>> {
        let mut difference = None;
        for _ in 0..2 {
            self.settle(tally).await?;
            if difference.is_none() {
                difference = self.round(questions, How::Followed, Moment::Settled, tally).await?;
            }
        }
        // None of these sessions is used again.
        end_sessions(&mut self.bare, true)?;
        self.is_shadowed = false;
        self.settle(tally).await?;
        Ok(difference)
    }

    /// Carries the turn out with what else happens, and answers what was wrong meanwhile.
    async fn fault(
        &mut self,
        turn: &Turn,
        questions: &mut Questions<'_>,
        tally: &mut Tally,
    ) -> Result<(Ended, Option<Box<Difference>>)> {
        match turn.fault {
            Fault::Nothing => Ok((self.carry(turn).await?, None)),
            Fault::Stalled => self.stalled(turn, questions, tally).await,
            Fault::Unseen => self.unseen(turn, questions, tally).await,
            Fault::Unacknowledged => self.unacknowledged(turn, questions, tally).await,
            Fault::Lost => {
                self.settle(tally).await?;
                let crowd = self.crowd(questions.reads);
                end_stream(&mut self.bare)?;
                let ended = self.carry(turn).await;
                crowd.leave().await;
                Ok((ended?, None))
            }
            Fault::Ended => {
                end_sessions(&mut self.bare, false)?;
                Ok((self.carry(turn).await?, None))
            }
            Fault::Behind => Ok((self.behind(turn, tally).await?, None)),
            Fault::Crowded => {
                let crowd = self.crowd(questions.reads);
                let ended = self.carry(turn).await;
                crowd.leave().await;
                Ok((ended?, None))
            }
        }
    }

    /// The server's process that sends the stream does nothing from before the write on.
    async fn stalled(
        &mut self,
        turn: &Turn,
        questions: &mut Questions<'_>,
        tally: &mut Tally,
    ) -> Result<(Ended, Option<Box<Difference>>)> {
        self.settle(tally).await?;
        let Some(pid) = sender(&mut self.bare)? else {
            return Ok((self.carry(turn).await?, None));
        };
        let cluster = self.place.cluster().clone();
        cluster.pause_process(pid)?;
        let ended = self.carry(turn).await;
        let difference = if turn.way.is_past() {
            // A strict answer waits until the stream goes on.
            let later = std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(5));
                cluster.resume_process(pid)
            });
            let asked = self.round(questions, How::Strict, Moment::Meanwhile, tally).await;
            later.join().map_err(|_| anyhow::anyhow!("a thread has panicked"))??;
            asked
        } else {
            let asked = self.round(questions, How::Followed, Moment::Meanwhile, tally).await;
            cluster.resume_process(pid)?;
            asked
        };
        Ok((ended?, difference?))
    }

    /// Others make a trigger of which the stream has not told when the table is written. What it
    /// writes is behind no fence then; that is not promised, so it is counted only.
    async fn behind(&mut self, turn: &Turn, tally: &mut Tally) -> Result<Ended> {
        let mut statements = turn.statements();
        let (Some(ddl), Some(write)) = (statements.next(), statements.next()) else {
            return Ok(Ended::Done);
        };
        let write = Turn::single(write.clone());
        let read = Read::plain("SELECT count(*), max(id) FROM public.log");
        // Both are known before.
        self.carry(&write).await?;
        for _ in 0..3 {
            self.settle(tally).await?;
            ask(&self.db, &mut self.bare, &read, &mut None, How::Followed).await?;
        }
        let Some(pid) = sender(&mut self.bare)? else { return Ok(Ended::Done) };
        self.place.cluster().pause_process(pid)?;
        let made = self.bare.ask(&ddl.sql);
        let ended = self.carry(&write).await;
        let asked = ask(&self.db, &mut self.bare, &read, &mut None, How::Followed).await;
        self.place.cluster().resume_process(pid)?;
        made?.ok();
        if let Asked::Wrong(_) = asked? {
            count(&mut tally.faults, "schema of others not told yet: an old answer");
        }
        self.settle(tally).await?;
        ended
    }

    /// The commit is told by the stream, and nobody can see it.
    async fn unseen(
        &mut self,
        turn: &Turn,
        questions: &mut Questions<'_>,
        tally: &mut Tally,
    ) -> Result<(Ended, Option<Box<Difference>>)> {
        self.settle(tally).await?;
        self.place.server.hold_commits()?;
        let carried = self.start(turn);
        let mut difference = None;
        if is_held(&mut self.bare).await? {
            tokio::time::sleep(Duration::from_millis(3)).await;
            // Whoever reads what is locked would wait for whoever waits for this.
            let is_locked = turn.statements().any(locks);
            for _ in 0..2 {
                if !is_locked && difference.is_none() {
                    let how = How::Followed;
                    difference = self.round(questions, how, Moment::Meanwhile, tally).await?;
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            }
            count(&mut tally.faults, "told before it is seen, and held");
        }
        self.place.server.release_commits()?;
        Ok((carried.await.context("a write has panicked")??, difference))
    }

    /// What was written is seen, the stream stands still, and the writer waits for his answer.
    async fn unacknowledged(
        &mut self,
        turn: &Turn,
        questions: &mut Questions<'_>,
        tally: &mut Tally,
    ) -> Result<(Ended, Option<Box<Difference>>)> {
        self.settle(tally).await?;
        let Some(pid) = sender(&mut self.bare)? else {
            return Ok((self.carry(turn).await?, None));
        };
        let slowly = |statement: &Statement| {
            let text = statement.written_out();
            Op::Run(Statement::plain(format!("CALL public.slowly({})", quoted(&text))))
        };
        let slow = Turn { ops: turn.statements().map(slowly).collect(), ..turn.clone() };
        self.place.cluster().pause_process(pid)?;
        let carried = self.start(&slow);
        let sleeps = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
        let mut difference = None;
        for _ in 0..20 {
            if self.bare.number(sleeps)? > 0 {
                let how = How::Followed;
                difference = self.round(questions, how, Moment::InTime, tally).await?;
                count(&mut tally.faults, "seen before it is acknowledged, and asked for");
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        self.place.cluster().resume_process(pid)?;
        Ok((carried.await.context("a write has panicked")??, difference))
    }

    async fn carry(&self, turn: &Turn) -> Result<Ended> {
        self.start(turn).await.context("a write has panicked")?
    }

    fn start(&self, turn: &Turn) -> tokio::task::JoinHandle<Result<Ended>> {
        let turn = turn.clone();
        if turn.way.is_past() {
            let cluster: Arc<Cluster> = self.place.cluster().clone();
            let name = self.place.database.name().to_owned();
            return tokio::task::spawn_blocking(move || past(&cluster, &name, &turn));
        }
        let db = self.db.clone();
        tokio::spawn(async move { Ok(through(&db, &turn).await) })
    }

    /// Waits until the stream has told everything, and whatever was fenced no longer is.
    pub(crate) async fn settle(&mut self, tally: &mut Tally) -> Result<()> {
        let began = Instant::now();
        live(&self.db).await?;
        loop {
            let query = self.db.query(TICK).freshness(Freshness::Strict);
            if query.fetch().await.is_ok_and(|outcome| outcome.cached) {
                break;
            }
            if began.elapsed() > SETTLE_MAX {
                tally.unsettled += 1;
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
        Ok(())
    }

    /// Asks the reads, in their order; the first that was answered otherwise than by the database.
    async fn round(
        &mut self,
        questions: &mut Questions<'_>,
        how: How,
        moment: Moment,
        tally: &mut Tally,
    ) -> Result<Option<Box<Difference>>> {
        let most = match moment {
            Moment::InTime => IN_TIME,
            Moment::Meanwhile => MEANWHILE,
            Moment::Early | Moment::Settled => usize::MAX,
        };
        for (at, read) in questions.reads.iter().enumerate().take(most) {
            let mark = &mut questions.marks[at];
            let is_locking = read.features.contains(&"FOR UPDATE");
            let is_held = matches!(moment, Moment::InTime | Moment::Meanwhile);
            if mark.is_gone || (is_locking && is_held) {
                continue;
            }
            let truth = &mut questions.truths[at];
            match ask(&self.db, &mut self.bare, read, truth, how).await? {
                Asked::Wrong(difference) if self.is_shadowed && !difference.was_cached => {}
                Asked::Wrong(difference) => return Ok(Some(difference)),
                Asked::Refused => {
                    tally.refused += 1;
                    mark.is_gone = !is_held;
                }
                Asked::Unasked(why) => {
                    count(&mut tally.ends, &format!("a read: {why}"));
                    mark.is_gone = true;
                }
                Asked::Right { is_cached, is_long } => {
                    mark.verified += 1;
                    mark.hits += u64::from(is_cached);
                    mark.is_gone |= is_long;
                    tally.verified += 1;
                    tally.hits += u64::from(is_cached);
                    let is_settled = moment == Moment::Settled;
                    tally.settled += u64::from(is_settled);
                    tally.settled_hits += u64::from(is_settled && is_cached);
                    tally.early_hits += u64::from(!is_settled && is_cached);
                }
            }
        }
        Ok(None)
    }

    /// Readers that go on until they are told to leave; nobody looks at their answers.
    fn crowd(&self, reads: &[Read]) -> Crowd {
        let is_over = Arc::new(AtomicBool::new(false));
        let readers = (0..4).map(|nth: usize| {
            let (db, is_over) = (self.db.clone(), is_over.clone());
            let reads: Vec<Read> = reads.iter().skip(nth).step_by(4).take(8).cloned().collect();
            tokio::spawn(async move {
                while !is_over.load(Ordering::Relaxed) && !reads.is_empty() {
                    for read in &reads {
                        let mut query = db.query(&read.statement.sql);
                        for value in &read.statement.params {
                            query = query.bind(value.clone());
                        }
                        // What is wrong with it shows when it is asked in turn.
                        let _ = query.fetch().await;
                    }
                    tokio::task::yield_now().await;
                }
            })
        });
        Crowd { readers: readers.collect(), is_over }
    }

    /// Closes everything, and gives the server back.
    pub(crate) async fn close(self) -> Arc<Server> {
        self.db.close().await;
        self.place.server.clone()
    }
}

/// Whether readers of what it writes have to wait until it has ended.
fn locks(statement: &Statement) -> bool {
    let words = ["TRUNCATE", "ALTER", "DROP", "CREATE OR REPLACE", "REFRESH", "CREATE INDEX"];
    words.iter().any(|word| statement.sql.contains(word))
}

struct Crowd {
    readers: Vec<tokio::task::JoinHandle<()>>,
    is_over: Arc<AtomicBool>,
}

impl Crowd {
    async fn leave(self) {
        self.is_over.store(true, Ordering::Relaxed);
        for reader in self.readers {
            // One that has panicked has nothing to tell here.
            let _ = reader.await;
        }
    }
}
