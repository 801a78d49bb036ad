//! The time that a process was given by the processor: it leaves out what neighbours took. Linux
//! only, and of this machine.

use crate::engine::Result;

/// Seconds that this thread has had.
pub fn of_thread() -> Result<f64> {
    read("/proc/thread-self/schedstat")
}

/// Seconds that a process of one thread has had.
pub fn of_process(id: i32) -> Result<f64> {
    read(&format!("/proc/{id}/schedstat"))
}

fn read(path: &str) -> Result<f64> {
    let text = std::fs::read_to_string(path)?;
    let nanos: f64 = text.split(' ').next().ok_or("nothing in schedstat")?.parse()?;
    Ok(nanos / 1e9)
}
