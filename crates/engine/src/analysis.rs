//! The behaviour lens in the child process: what is sent, what comes back, and what a failure means.
//!
//! In: the bytes of an artifact. Out: [`ArtifactFacts`], or for a Python file that is resolved its metadata alone. A crash, a time-out or a stop for memory becomes a `failed`
//! signal, which holds; such facts are never cached, so the next run tries again.

use crate::core_metadata;
use bifocal_behaviour::{ANALYSER, ArtifactInput};
use bifocal_core::{
    AnalysisLimits, ArtifactFacts, Ecosystem, Evidence, Lens, ManifestClaims, SCHEMA_VERSION, Severity, Sha256, SignalDraft, SignalKind,
    Status,
};
use bifocal_sandbox::{ChildCommand, ProcessLimits, Report, Supervisor};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// What the child is to do with an artifact.
#[derive(Debug, Serialize, Deserialize)]
enum Task {
    /// Look at all of it: [`ArtifactFacts`].
    Analyse,
    /// Take out the metadata of a Python distribution: a `Result` of two texts.
    CoreMetadata,
}

/// The head of a request; the artifact's bytes follow as the payload.
#[derive(Debug, Serialize, Deserialize)]
struct Request {
    schema_version: u32,
    task: Task,
    ecosystem: Option<Ecosystem>,
    filename: String,
    limits: AnalysisLimits,
}

/// Runs in the child: one request in, the answer as JSON out.
fn handle(header: &[u8], payload: &[u8]) -> Vec<u8> {
    let Ok(request) = serde_json::from_slice::<Request>(header) else { return Vec::new() };
    let answer = match request.task {
        Task::Analyse => {
            let input = ArtifactInput { ecosystem: request.ecosystem, filename: &request.filename, bytes: payload };
            serde_json::to_vec(&bifocal_behaviour::analyse(&input, &request.limits))
        }
        Task::CoreMetadata => serde_json::to_vec(&core_metadata::read(&request.filename, payload, &request.limits.archive)),
    };
    answer.unwrap_or_default()
}

/// Runs the child's side: confines itself, then answers requests on standard input until it is closed.
pub fn serve_analyser() -> ExitCode {
    bifocal_sandbox::serve(handle)
}

/// What confines the child on this machine: the name of each protection and its state, in words.
pub fn confinement() -> Vec<(&'static str, String)> {
    let report = Report::of_this_kernel();
    let state = |on: bool| if on { "in force".to_owned() } else { "not available".to_owned() };
    let mut lines = vec![
        ("resource limits", state(report.rlimits)),
        ("no new privileges", state(report.no_new_privs)),
        ("seccomp", state(report.seccomp)),
        ("landlock", report.landlock.map_or_else(|| "not available".to_owned(), |version| format!("in force, version {version}"))),
    ];
    lines.extend(report.missing.into_iter().map(|why| ("missing", why)));
    lines
}

/// What the analyser made of an artifact.
#[derive(Debug)]
pub(crate) struct Analysed {
    pub(crate) facts: ArtifactFacts,
    /// Whether the facts may be cached: not when the analysis broke off.
    pub(crate) cacheable: bool,
    /// Processor time that it took.
    pub(crate) cpu: Duration,
}

/// The pool of analyser processes.
pub struct Analyser {
    supervisor: Supervisor,
    limits: AnalysisLimits,
}

impl Analyser {
    /// A pool of at most `workers` processes of `program` with these arguments; none is started before the first
    /// artifact.
    pub fn start(program: &Path, arguments: &[&str], limits: AnalysisLimits, workers: usize) -> Self {
        let command = ChildCommand {
            program: program.to_path_buf(),
            arguments: arguments.iter().map(|argument| (*argument).into()).collect(),
            environment: Vec::new(),
        };
        let process = ProcessLimits {
            memory: limits.memory,
            time: limits.on_the_clock(),
            cpu: limits.time,
            request_bytes: limits.archive.archive_bytes,
            ..ProcessLimits::default()
        };
        Analyser { supervisor: Supervisor::new(command, process, workers), limits }
    }

    fn header(&self, task: Task, ecosystem: Option<Ecosystem>, filename: &str) -> Vec<u8> {
        let (filename, limits) = (filename.to_owned(), self.limits);
        serde_json::to_vec(&Request { schema_version: SCHEMA_VERSION, task, ecosystem, filename, limits }).unwrap_or_default()
    }

    /// The header part of a Python distribution's metadata.
    ///
    /// # Errors
    /// A clause that says what is wrong, to be put behind the name of the file.
    pub(crate) async fn core_metadata(&self, filename: &str, bytes: Bytes) -> Result<String, String> {
        let header = self.header(Task::CoreMetadata, Some(Ecosystem::Pypi), filename);
        let answer = self.supervisor.run(&header, &bytes).await.map_err(|failure| format!("cannot be unpacked: {failure}"))?;
        serde_json::from_slice::<Result<String, String>>(&answer.bytes)
            .unwrap_or_else(|error| Err(format!("cannot be unpacked: the analyser's answer is malformed: {error}")))
    }

    /// Looks at one artifact. Never fails: what breaks off is a `failed` signal.
    pub(crate) async fn analyse(&self, ecosystem: Option<Ecosystem>, filename: &str, sha256: Sha256, bytes: Bytes) -> Analysed {
        let size = bytes.len() as u64;
        let header = self.header(Task::Analyse, ecosystem, filename);
        let failure = match self.supervisor.run(&header, &bytes).await {
            Ok(answer) => match serde_json::from_slice::<ArtifactFacts>(&answer.bytes) {
                // A child that was taken over can only lie about the artifact that it was given.
                Ok(facts) if facts.sha256 == sha256 && facts.analyser == ANALYSER => {
                    return Analysed { facts, cacheable: true, cpu: answer.cpu };
                }
                Ok(_) => "the analyser answered for another artifact or version".to_owned(),
                Err(error) => format!("the analyser's answer is malformed: {error}"),
            },
            Err(failure) => failure.to_string(),
        };
        Analysed { facts: failed(ecosystem, sha256, size, filename, &failure), cacheable: false, cpu: Duration::ZERO }
    }
}

/// The sentence for a person, by the kind of failure.
pub(crate) fn failed(ecosystem: Option<Ecosystem>, sha256: Sha256, size: u64, filename: &str, failure: &str) -> ArtifactFacts {
    let signal = SignalDraft {
        id: "behaviour/analysis-failed",
        lens: Lens::Behaviour,
        status: Status::Failed,
        severity: Severity::High,
        confidence: 1.0,
        kind: SignalKind::Other,
        message: format!("the analysis of {filename} broke off: {failure}"),
        evidence: vec![Evidence::record("analyser", ANALYSER, "", failure)],
    }
    .finish(Some(sha256));
    ArtifactFacts {
        schema_version: SCHEMA_VERSION,
        analyser: ANALYSER.to_owned(),
        sha256,
        go_h1: None,
        ecosystem,
        size,
        files: 0,
        unpacked: 0,
        manifest: ManifestClaims::default(),
        risk: None,
        signals: vec![signal],
        summary: None,
    }
}
