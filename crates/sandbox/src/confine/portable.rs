//! Elsewhere than on Linux: nothing but the process itself.

use crate::{ProcessLimits, Report};
use std::time::Duration;

pub(crate) fn before_threads(report: &mut Report, _first_free_descriptor: u32) {
    report.missing.push("this operating system offers only process separation and time-outs here".to_owned());
}

pub(crate) fn after_threads(_report: &mut Report, _limits: &ProcessLimits) {}

pub(crate) fn renew_cpu(_limits: &ProcessLimits) {}

/// Not measured here.
pub(crate) fn used_cpu() -> Duration {
    Duration::ZERO
}

pub(crate) fn supported() -> Report {
    let mut report = Report::default();
    before_threads(&mut report, 0);
    report
}
