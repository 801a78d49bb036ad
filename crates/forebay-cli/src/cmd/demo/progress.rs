//! A progress bar on standard error, where that is a terminal; elsewhere nothing is shown.

use indicatif::{ProgressBar, ProgressStyle};

/// One bar for one step of the demo.
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// A bar for `length` units of work.
    pub(super) fn start(what: &str, length: u64) -> Progress {
        let style = ProgressStyle::with_template("{msg:34} [{bar:32}] {percent:>3} %")
            .expect("the template is a constant that parses")
            .progress_chars("=> ");
        let bar = ProgressBar::new(length).with_style(style);
        bar.set_message(what.to_owned());
        Progress(bar)
    }

    pub(super) fn advance_to(&self, position: u64) {
        self.0.set_position(position);
    }

    pub(super) fn say(&self, what: &str) {
        self.0.set_message(what.to_owned());
    }
}

/// The bar leaves the terminal as it found it: the report stands alone.
impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
