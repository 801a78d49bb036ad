//! When something is to be done: expressions of cron, intervals, windows and zones. Pure: it is
//! given the time, and starts nothing.

mod cron;
mod face;
mod interval;
mod window;
mod zone;

pub use face::Schedule;

#[cfg(test)]
mod tests;
