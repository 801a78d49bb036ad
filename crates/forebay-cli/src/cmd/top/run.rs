//! Looks every so often, and shows what came of it until somebody quits; or looks once.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::sync::mpsc::{Sender, channel};

use super::json::as_json;
use super::page::page;
use super::reading::Reading;
use super::source::Source;
use super::state::{After, State};
use super::terminal::{Event, Screen};
use crate::args::TopArgs;
use crate::exit::{Exit, Usage};
use crate::login::shown;
use crate::output;
use crate::signal::Signals;

/// Looks that wait to be shown.
const LOOKS_MAX: usize = 2;

/// The shortest time between two looks.
const EVERY_MIN: Duration = Duration::from_millis(100);

/// How often the screen is drawn without news: where looks fail it says for how long.
const REDRAW: Duration = Duration::from_secs(1);

pub(crate) async fn top(args: &TopArgs) -> Result<Exit> {
    let every = args.every.0;
    if every < EVERY_MIN {
        bail!(Usage(format!("look every {EVERY_MIN:?} at the most often")));
    }
    let token = match &args.token_file {
        Some(path) => {
            let read = std::fs::read_to_string(path);
            Some(read.with_context(|| format!("cannot read {}", path.display()))?.trim().to_owned())
        }
        None => args.token.clone(),
    };
    let source = Source::new(&args.target, token.as_deref())?;
    let state = State::new(shown(&args.target), every);
    let is_watched = std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
    if args.once || args.json || !is_watched {
        return once(source, state, args.json).await;
    }
    live(source, state).await
}

/// One look, on standard output.
async fn once(mut source: Source, mut state: State, json: bool) -> Result<Exit> {
    let looked = source.look().await;
    source.close().await;
    state.take(Duration::ZERO, Ok(looked?));
    match json {
        true => output::print_json(&as_json(&state))?,
        false => output::print(&page(&state))?,
    }
    Ok(Exit::Done)
}

async fn live(source: Source, mut state: State) -> Result<Exit> {
    let mut signals = Signals::listen().context("cannot listen for signals")?;
    let mut screen = Screen::take()?;
    let (sender, mut looks) = channel(LOOKS_MAX);
    let looking = tokio::spawn(look_again_and_again(source, state.every, sender));
    let began = Instant::now();
    let mut redraw = tokio::time::interval(REDRAW);
    let exit = loop {
        screen.draw(&mut state)?;
        tokio::select! {
            event = screen.events.recv() => match event {
                Some(Event::Key(key)) => {
                    if state.press(key) == After::Quit {
                        break Exit::Done;
                    }
                }
                Some(Event::Resized) => {}
                // The terminal has gone.
                None => break Exit::Done,
            },
            Some(looked) = looks.recv() => state.take(began.elapsed(), looked),
            _ = redraw.tick() => state.now = began.elapsed(),
            () = signals.next() => break Exit::Interrupted,
        }
    };
    drop(screen);
    looking.abort();
    Ok(exit)
}

/// Looks until nobody takes it any more.
async fn look_again_and_again(
    mut source: Source,
    every: Duration,
    sender: Sender<Result<Reading, String>>,
) {
    let mut tick = tokio::time::interval(every);
    // After a look that took long, the next one is not hurried.
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let looked = source.look().await;
        let looked = looked.map_err(|error| super::clean::clean(&format!("{error:#}")));
        if sender.send(looked).await.is_err() {
            return;
        }
    }
}
