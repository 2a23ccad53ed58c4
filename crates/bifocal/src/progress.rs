//! A progress line on a terminal; silence in a pipe.

use bifocal_engine::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Draws how many releases are done.
pub(crate) struct Bar(ProgressBar);

impl Bar {
    /// A bar that is drawn only where a person sees it.
    pub(crate) fn new(verb: &'static str) -> Self {
        let target = if crate::terminal::draws_progress() { ProgressDrawTarget::stderr_with_hz(10) } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        if let Ok(style) = ProgressStyle::with_template("{prefix} {bar:30} {pos}/{len}  {wide_msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(verb);
        Bar(bar)
    }

    /// Takes the line away.
    pub(crate) fn finish(&self) {
        self.0.finish_and_clear();
    }
}

impl Progress for Bar {
    fn resolving(&self, answers: usize) {
        self.0.set_message(format!("resolving: {answers} answers of registries"));
    }

    fn total(&self, releases: usize) {
        self.0.set_length(releases as u64);
    }

    fn done(&self, what: &str) {
        self.0.set_message(bifocal_core::one_line(what, 80));
        self.0.inc(1);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
