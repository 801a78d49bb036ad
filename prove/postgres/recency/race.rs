//! A race from its beginning to its end: clients on two handles, outsiders, and what happens to
//! the server meanwhile.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use fastrand::Rng;
use forebay::{Db, Error};

use super::beat::{Beat, beat};
use super::board::{SIDES, prepare};
use super::client::client;
use super::known::Known;
use super::late::SAMPLE;
use super::outsider::outsider;
use super::read::Texts;
use super::rough::{make_view, rough};
use crate::place::{Place, Server, live};

/// Between two words about how it goes.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// The longest that a statement may go on once everything is over.
const END_MAX: Duration = Duration::from_secs(60);

/// How large a race is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    pub(crate) clients: usize,
    pub(crate) outsiders: usize,
    /// Connections of each handle.
    pub(crate) connections: usize,
    pub(crate) lasts: Duration,
    /// Until the server is first treated roughly, and between two times.
    pub(crate) calm: Duration,
    pub(crate) rough_every: Duration,
    /// Between two changes of a view, each of which empties the cache.
    pub(crate) view_every: Duration,
    pub(crate) tells: bool,
}

impl Extent {
    /// One that belongs to a seed.
    pub(crate) fn brief() -> Extent {
        Extent {
            clients: 12,
            outsiders: 2,
            connections: 8,
            lasts: Duration::from_secs(6),
            calm: Duration::from_secs(2),
            rough_every: Duration::from_millis(500),
            view_every: Duration::from_millis(1_500),
            tells: false,
        }
    }

    /// One for its own sake.
    pub(crate) fn whole(clients: usize, seconds: u64) -> Extent {
        Extent {
            clients,
            outsiders: 6,
            connections: clients / SIDES + 6,
            lasts: Duration::from_secs(seconds),
            calm: Duration::from_secs(3),
            rough_every: Duration::from_secs(4),
            view_every: Duration::from_secs(12),
            tells: true,
        }
    }
}

/// Everything that takes part.
pub(super) struct Scene {
    pub(super) server: Arc<Server>,
    pub(super) place: Place,
    pub(super) dbs: Vec<Db>,
    pub(super) known: Known,
    pub(super) beat: Beat,
    pub(super) texts: Texts,
}

type Task = tokio::task::JoinHandle<()>;

/// Runs it on a new database of the server; what was learned, and what was wrong, if anything was.
pub(crate) async fn race(
    server: &Arc<Server>,
    extent: Extent,
    seed: u64,
) -> Result<(Known, Option<String>)> {
    let place = Place::on(server)?;
    prepare(&mut place.bare()?)?;
    place.set_up().await.context("setup has failed")?;
    let mut dbs = Vec::new();
    for _ in 0..SIDES {
        dbs.push(place.open_with(extent.connections).await?);
    }
    let (known, beat, texts) = (Known::new(), Beat::default(), Texts::new());
    let scene = Arc::new(Scene { server: server.clone(), place, dbs, known, beat, texts });
    let tasks = start(&scene, extent, seed);
    let conducted = conduct(&scene, extent, seed).await;
    scene.server.release_commits()?;
    scene.known.end();
    for task in tasks {
        let ended = tokio::time::timeout(END_MAX, task).await;
        ended.context("a statement does not end")?.context("a client has panicked")?;
    }
    conducted?;
    for db in &scene.dbs {
        db.close().await;
    }
    let scene = Arc::into_inner(scene).context("somebody still takes part")?;
    let wrong = scene.known.take_wrong();
    Ok((scene.known, wrong))
}

fn start(scene: &Arc<Scene>, extent: Extent, seed: u64) -> Vec<Task> {
    let rng = |nth: usize| Rng::with_seed(seed.wrapping_mul(1_000).wrapping_add(nth as u64));
    let mut tasks = Vec::new();
    for nth in 0..extent.clients {
        let work = client(scene.clone(), nth % SIDES, nth / SIDES, rng(nth));
        tasks.push(until_over(scene.clone(), work));
    }
    for nth in 0..extent.outsiders {
        let (scene, rng) = (scene.clone(), rng(500 + nth));
        tasks.push(tokio::task::spawn_blocking(move || {
            if let Err(error) = outsider(&scene, nth, rng) {
                scene.known.accuse(format!("a bare session has failed: {error:#}"));
            }
        }));
    }
    tasks.push(tokio::spawn(sample(scene.clone())));
    tasks
}

fn until_over(
    scene: Arc<Scene>,
    work: impl Future<Output = Result<(), Error>> + Send + 'static,
) -> Task {
    tokio::spawn(async move {
        if let Err(error) = work.await {
            scene.known.accuse(format!("a statement has failed: {error}"));
        }
    })
}

/// Looks at the lag that the handles export.
async fn sample(scene: Arc<Scene>) {
    while !scene.known.is_over() {
        for (side, db) in scene.dbs.iter().enumerate() {
            if let Some(lag) = db.stats().replication.and_then(|it| it.lag) {
                scene.known.late.exported(side, lag);
            }
        }
        tokio::time::sleep(SAMPLE).await;
    }
}

/// Beat after beat, and now and then something rough.
async fn conduct(scene: &Scene, extent: Extent, seed: u64) -> Result<()> {
    let mut rng = Rng::with_seed(seed ^ 0x5eed);
    let mut bare = scene.place.bare()?;
    let began = Instant::now();
    let (mut next, mut told, mut view) = (extent.calm, TELL_EVERY, extent.view_every);
    let mut nth = rng.usize(..64);
    while began.elapsed() < extent.lasts && !scene.known.is_over() {
        beat(scene, &mut bare, &mut rng).await?;
        if began.elapsed() >= next {
            next = began.elapsed() + extent.rough_every;
            nth += 1;
            rough(scene, &mut bare, nth).await?;
        }
        if began.elapsed() >= view {
            view = began.elapsed() + extent.view_every;
            make_view(scene, rng.usize(..SIDES)).await;
        }
        if extent.tells && began.elapsed() >= told {
            told = began.elapsed() + TELL_EVERY;
            tell(scene, began.elapsed())?;
        }
    }
    for db in &scene.dbs {
        live(db).await?;
    }
    Ok(())
}

fn tell(scene: &Scene, since: Duration) -> Result<()> {
    use std::io::Write;
    let (hits, early) = (scene.known.hits(), scene.known.early());
    let line =
        format!("{:>6} s  {hits} hits verified, {early} commits told early", since.as_secs());
    writeln!(std::io::stderr(), "{line}").context("cannot write to standard error")
}
