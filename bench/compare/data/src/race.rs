//! Contenders in turns, and the medians of what a round of each takes.

use std::time::{Duration, Instant};

use crate::place::Fault;

/// What each contender took in each round, for one operation.
pub struct Race {
    names: Vec<&'static str>,
    rounds: Vec<Vec<Duration>>,
}

impl Race {
    pub fn new(names: &[&'static str]) -> Race {
        Race { names: names.to_vec(), rounds: Vec::new() }
    }

    pub fn begin_round(&mut self) {
        self.rounds.push(Vec::new());
    }

    /// Times `work`, which does so many operations; the next contender's turn.
    pub async fn time(
        &mut self,
        operations: u32,
        work: impl Future<Output = Result<(), Fault>>,
    ) -> Result<(), Fault> {
        let began = Instant::now();
        work.await?;
        let took = began.elapsed() / operations;
        self.rounds.last_mut().ok_or("no round has begun")?.push(took);
        Ok(())
    }

    /// One line for each contender: its median, and the median of its ratio to the first.
    pub fn print(&self, title: &str) {
        println!("\n{title}");
        for (at, name) in self.names.iter().enumerate() {
            let mut times: Vec<Duration> = self.rounds.iter().map(|round| round[at]).collect();
            let mut ratios: Vec<f64> = self
                .rounds
                .iter()
                .map(|round| round[at].as_secs_f64() / round[0].as_secs_f64())
                .collect();
            times.sort();
            ratios.sort_by(f64::total_cmp);
            let (time, ratio) = (times[times.len() / 2], ratios[ratios.len() / 2]);
            println!("  {name:<40} {:>12.1} µs  {ratio:>8.2}x", time.as_secs_f64() * 1e6);
        }
    }
}
