//! The bounds at work: one [`Budget`] is shared by an archive and everything nested in it.

use crate::ArchiveError;
use bifocal_core::ArchiveLimits;
use std::cell::Cell;
use std::fmt;
use std::io::{self, Read};
use std::time::{Duration, Instant};

/// What is left to spend on one artifact. Nested archives draw from the same purse.
pub struct Budget {
    limits: ArchiveLimits,
    elapsed: Box<dyn Fn() -> Duration>,
    total: Cell<u64>,
    entries: Cell<u32>,
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budget")
            .field("limits", &self.limits)
            .field("total", &self.total.get())
            .field("entries", &self.entries.get())
            .finish_non_exhaustive()
    }
}

impl Budget {
    /// A full budget; its time runs from now.
    pub fn new(limits: &ArchiveLimits) -> Self {
        let start = Instant::now();
        Self::with_elapsed(limits, Box::new(move || start.elapsed()))
    }

    /// A full budget whose time is told by `elapsed`, so that tests drive it.
    pub fn with_elapsed(limits: &ArchiveLimits, elapsed: Box<dyn Fn() -> Duration>) -> Self {
        Budget { limits: *limits, elapsed, total: Cell::new(0), entries: Cell::new(0) }
    }

    /// The bounds.
    pub fn limits(&self) -> &ArchiveLimits {
        &self.limits
    }

    /// Bytes unpacked so far.
    pub fn spent_bytes(&self) -> u64 {
        self.total.get()
    }

    /// Bytes that may still be unpacked.
    pub fn left_bytes(&self) -> u64 {
        self.limits.total_bytes.saturating_sub(self.total.get())
    }

    /// The bounds that what lies inside may still use: bytes, entries and time that are left, the rest as it is.
    pub fn rest(&self) -> ArchiveLimits {
        ArchiveLimits {
            total_bytes: self.left_bytes(),
            entries: self.limits.entries.saturating_sub(self.entries.get()),
            time: self.limits.time.saturating_sub((self.elapsed)()),
            ..self.limits
        }
    }

    /// Entries read so far.
    pub fn spent_entries(&self) -> u32 {
        self.entries.get()
    }

    pub(crate) fn check_time(&self) -> Result<(), ArchiveError> {
        if (self.elapsed)() > self.limits.time {
            return Err(ArchiveError::TimedOut { limit_millis: u64::try_from(self.limits.time.as_millis()).unwrap_or(u64::MAX) });
        }
        Ok(())
    }

    /// Checks ahead of time that `bytes` more would fit.
    pub(crate) fn would_fit(&self, bytes: u64) -> Result<(), ArchiveError> {
        if bytes > self.left_bytes() {
            return Err(ArchiveError::TotalTooLarge { limit: self.limits.total_bytes });
        }
        Ok(())
    }

    pub(crate) fn spend_bytes(&self, bytes: u64) -> Result<(), ArchiveError> {
        self.would_fit(bytes)?;
        self.total.set(self.total.get() + bytes);
        self.check_time()
    }

    pub(crate) fn spend_entry(&self) -> Result<(), ArchiveError> {
        if self.entries.get() >= self.limits.entries {
            return Err(ArchiveError::TooManyEntries { limit: self.limits.entries });
        }
        self.entries.set(self.entries.get() + 1);
        self.check_time()
    }

    /// Whether `count` more entries would be too many, before any is read.
    pub(crate) fn would_fit_entries(&self, count: u64) -> Result<(), ArchiveError> {
        if count > u64::from(self.limits.entries.saturating_sub(self.entries.get())) {
            return Err(ArchiveError::TooManyEntries { limit: self.limits.entries });
        }
        Ok(())
    }

    /// Runs `work` and gives back what it spent, time excepted: for a second look at the same bytes.
    pub(crate) fn look_again<T>(&self, work: impl FnOnce() -> T) -> T {
        let (total, entries) = (self.total.get(), self.entries.get());
        self.total.set(0);
        self.entries.set(0);
        let result = work();
        self.total.set(total);
        self.entries.set(entries);
        result
    }
}

/// Counts what one container unpacks to, against its own size and the shared budget.
pub(crate) struct Meter<'a> {
    pub(crate) budget: &'a Budget,
    compressed: u64,
    produced: Cell<u64>,
}

impl<'a> Meter<'a> {
    /// Small archives of very regular text have honest high ratios; bombs are large.
    const RATIO_CHECKED_PAST: u64 = 1 << 20;

    pub(crate) fn new(budget: &'a Budget, compressed: usize) -> Self {
        Meter { budget, compressed: compressed as u64, produced: Cell::new(0) }
    }

    pub(crate) fn produced(&self) -> u64 {
        self.produced.get()
    }

    /// Whether `bytes` in all would break the ratio.
    pub(crate) fn check_ratio(&self, bytes: u64) -> Result<(), ArchiveError> {
        let limit = self.budget.limits.ratio;
        if bytes > Self::RATIO_CHECKED_PAST && bytes > self.compressed.saturating_mul(u64::from(limit)) {
            return Err(ArchiveError::RatioTooHigh { limit });
        }
        Ok(())
    }

    pub(crate) fn charge(&self, bytes: u64) -> Result<(), ArchiveError> {
        let produced = self.produced.get().saturating_add(bytes);
        self.produced.set(produced);
        self.check_ratio(produced)?;
        self.budget.spend_bytes(bytes)
    }
}

/// A decoder whose output is counted and whose errors carry [`ArchiveError`].
pub(crate) struct Metered<'m, 'b, R> {
    pub(crate) inner: R,
    meter: &'m Meter<'b>,
    codec: &'static str,
}

impl<'m, 'b, R: Read> Metered<'m, 'b, R> {
    pub(crate) fn new(inner: R, meter: &'m Meter<'b>, codec: &'static str) -> Self {
        Metered { inner, meter, codec }
    }
}

impl<R: Read> Read for Metered<'_, '_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // A bound on one step, so that the clock is looked at between steps.
        let step = buffer.len().min(1 << 18);
        let Some(buffer) = buffer.get_mut(..step) else { return Ok(0) };
        match self.inner.read(buffer) {
            Ok(read) => {
                self.meter.charge(read as u64).map_err(ArchiveError::into_io)?;
                Ok(read)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => Err(crate::codec::classify(error, self.codec).into_io()),
        }
    }
}
