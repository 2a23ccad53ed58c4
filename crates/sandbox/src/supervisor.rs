//! The pool of children.

use crate::worker::Worker;
use crate::{ChildFailure, ProcessLimits, Report};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;

/// How a child is started: usually this very program with a subcommand that calls [`crate::serve`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildCommand {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Its whole environment; nothing is inherited.
    pub environment: Vec<(OsString, OsString)>,
}

impl ChildCommand {
    /// This program again, with one argument.
    pub fn this_program(argument: &str) -> std::io::Result<Self> {
        Ok(ChildCommand { program: std::env::current_exe()?, arguments: vec![argument.into()], environment: Vec::new() })
    }
}

/// What a child made of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The handler's answer.
    pub bytes: Vec<u8>,
    /// Processor time that the child says it took, zero where it cannot tell. For people and benchmarks: a child that
    /// was taken over says what it likes.
    pub cpu: Duration,
}

/// What a pool has done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Children started.
    pub started: u64,
    /// Requests answered.
    pub answered: u64,
    /// Requests that came to nothing.
    pub failed: u64,
}

/// A pool of children. They are started when they are needed, live across requests, and are replaced when they fail or
/// wear out. Requests wait in line; the first come is the first served.
#[derive(Debug)]
pub struct Supervisor {
    command: ChildCommand,
    limits: ProcessLimits,
    places: Semaphore,
    idle: Mutex<Vec<Worker>>,
    started: AtomicU64,
    answered: AtomicU64,
    failed: AtomicU64,
}

impl Supervisor {
    /// A pool of at most `workers` children (at least one). Starts none yet.
    pub fn new(command: ChildCommand, limits: ProcessLimits, workers: usize) -> Self {
        Supervisor {
            command,
            limits,
            places: Semaphore::new(workers.clamp(1, Semaphore::MAX_PERMITS)),
            idle: Mutex::new(Vec::new()),
            started: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        }
    }

    /// Sends one request to a child and waits for the answer, within the limits. Call it inside a tokio runtime with
    /// time and I/O.
    ///
    /// Whatever happens to the child happens to this request alone: the next one finds a fresh child. Dropping the
    /// future kills the child that works on it; a child with an unread answer is never used again.
    pub async fn run(&self, header: &[u8], payload: &[u8]) -> Result<Answer, ChildFailure> {
        self.check_size(header.len(), self.limits.header_bytes.into())?;
        self.check_size(payload.len(), self.limits.request_bytes)?;
        let result = self.run_in_turn(header, payload).await;
        let counter = if result.is_ok() { &self.answered } else { &self.failed };
        counter.fetch_add(1, Ordering::Relaxed);
        result
    }

    async fn run_in_turn(&self, header: &[u8], payload: &[u8]) -> Result<Answer, ChildFailure> {
        let _place = self.place().await?;
        // The worker is owned by this future until its answer is read: dropped midway, it is killed.
        let (worker, answer) = self.worker().await?.request(header, payload).await?;
        self.put_back(worker);
        Ok(answer)
    }

    /// What stands around the children, as one of them reports it; starts one if there is none.
    pub async fn confinement(&self) -> Result<Report, ChildFailure> {
        let _place = self.place().await?;
        let worker = self.worker().await?;
        let report = worker.report.clone();
        self.put_back(worker);
        Ok(report)
    }

    /// The limits of its children.
    pub fn limits(&self) -> &ProcessLimits {
        &self.limits
    }

    /// What was done so far.
    pub fn statistics(&self) -> Statistics {
        Statistics {
            started: self.started.load(Ordering::Relaxed),
            answered: self.answered.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
        }
    }

    /// Lets all idle children go, for the end of a program or a pause.
    pub fn release_idle(&self) {
        for worker in self.idle.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            worker.retire();
        }
    }

    fn check_size(&self, actual: usize, limit: u64) -> Result<(), ChildFailure> {
        let actual = actual as u64;
        if actual > limit { Err(ChildFailure::RequestTooLarge { actual, limit }) } else { Ok(()) }
    }

    async fn place(&self) -> Result<tokio::sync::SemaphorePermit<'_>, ChildFailure> {
        // Tokio's semaphore is first come, first served.
        self.places.acquire().await.map_err(|_| ChildFailure::Protocol("the pool is closed".to_owned()))
    }

    async fn worker(&self) -> Result<Worker, ChildFailure> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(worker) = idle {
            return Ok(worker);
        }
        self.started.fetch_add(1, Ordering::Relaxed);
        Worker::start(&self.command, &self.limits).await
    }

    fn put_back(&self, worker: Worker) {
        if worker.is_worn() {
            worker.retire();
        } else {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
        }
    }
}
