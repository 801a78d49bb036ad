//! How far a load has come, on standard error: a bar where that is a terminal, else lines, where
//! they are asked for.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Between two lines.
const LINE_EVERY: Duration = Duration::from_secs(1);

pub(super) struct Shown {
    how: How,
    read: Arc<AtomicU64>,
}

enum How {
    Bar(ProgressBar),
    Lines(Option<Instant>),
    Not,
}

impl Shown {
    /// Of a file of `length` bytes, if that is known, of which so many are `read`.
    pub(super) fn start(length: Option<u64>, read: Arc<AtomicU64>, is_wanted: bool) -> Shown {
        let how = match (std::io::stderr().is_terminal(), is_wanted) {
            (true, _) => How::Bar(bar(length)),
            (false, true) => How::Lines(None),
            (false, false) => How::Not,
        };
        Shown { how, read }
    }

    /// So many rows are written.
    pub(super) fn advance(&mut self, rows: u64) {
        let read = self.read.load(Ordering::Relaxed);
        match &mut self.how {
            How::Bar(bar) => {
                bar.set_position(read);
                bar.set_message(format!("{rows} rows"));
            }
            How::Lines(last) if last.is_none_or(|last| last.elapsed() >= LINE_EVERY) => {
                *last = Some(Instant::now());
                // Nothing is left to tell a standard error that cannot be written to.
                let _ = writeln!(std::io::stderr(), "{rows} rows, {read} bytes");
            }
            How::Lines(_) | How::Not => {}
        }
    }
}

fn bar(length: Option<u64>) -> ProgressBar {
    let (bar, template) = match length {
        Some(length) => {
            (ProgressBar::new(length), "[{bar:32}] {percent:>3} %  {bytes_per_sec}  {msg}")
        }
        None => (ProgressBar::no_length(), "{bytes}  {bytes_per_sec}  {msg}"),
    };
    let style = ProgressStyle::with_template(template)
        .expect("the templates are constants that parse")
        .progress_chars("=> ");
    bar.with_style(style)
}

impl Drop for Shown {
    fn drop(&mut self) {
        if let How::Bar(bar) = &self.how {
            bar.finish_and_clear();
        }
    }
}
