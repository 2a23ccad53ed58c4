//! The features by which artifacts are scored, one JSON line a path: what `lab/model/train.py` learns from.
//!
//! usage: features [--jobs N] --files-from LIST > features.jsonl
//!        features --names
//!
//! Artifacts are analysed in confined child processes, as `bifocal scan` does, and never here: training reads malicious
//! samples. A line is `{"path","sha256","ecosystem","error","version","risk","acts","signals":[[id,kind,severity,confidence,status]…],
//! "values":{name: value …}}`; features that are zero are left out, and
//! `values` is null where nothing could be read.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program of the lab")]

use bifocal_behaviour::{ANALYSER, ArtifactInput, Measures, analyse_and_measure, features};
use bifocal_core::{AnalysisLimits, ArtifactFacts, Sha256};
use bifocal_sandbox::{ChildCommand, ProcessLimits, Supervisor};
use futures::StreamExt as _;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

/// The argument by which this program starts itself as the child.
const CHILD: &str = "--analyse-in-child";

#[derive(Serialize, Deserialize)]
struct Answer {
    facts: ArtifactFacts,
    measures: Measures,
}

fn handle(filename: &[u8], bytes: &[u8]) -> Vec<u8> {
    let filename = String::from_utf8_lossy(filename);
    let input = ArtifactInput { ecosystem: None, filename: &filename, bytes };
    let (facts, measures) = analyse_and_measure(&input, &AnalysisLimits::default());
    serde_json::to_vec(&Answer { facts, measures }).unwrap_or_default()
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == CHILD) {
        return bifocal_sandbox::serve(handle);
    }
    if arguments.first().is_some_and(|first| first == "--names") {
        return names();
    }
    let after = |name: &str| arguments.iter().position(|have| have == name).and_then(|at| arguments.get(at + 1));
    let jobs = after("--jobs").and_then(|jobs| jobs.parse().ok()).unwrap_or(2);
    let Some(list) = after("--files-from") else {
        eprintln!("usage: features [--jobs N] --files-from LIST | features --names");
        return ExitCode::from(2);
    };
    match tokio::runtime::Runtime::new().map_err(told).and_then(|runtime| runtime.block_on(measure(list, jobs))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("features: {why}");
            ExitCode::FAILURE
        }
    }
}

fn told(error: std::io::Error) -> String {
    error.to_string()
}

/// Name, words and kind of each feature, in their order.
fn names() -> ExitCode {
    let all: Vec<_> = features()
        .into_iter()
        .map(|feature| serde_json::json!({"name": feature.name, "words": feature.words, "describing": feature.describing}))
        .collect();
    println!("{}", serde_json::json!({ "analyser": ANALYSER, "features": all }));
    ExitCode::SUCCESS
}

async fn measure(list: &str, jobs: usize) -> Result<(), String> {
    let paths = std::fs::read_to_string(list).map_err(|error| format!("cannot read {list}: {error}"))?;
    let limits = AnalysisLimits::default();
    let process = ProcessLimits {
        memory: limits.memory,
        // A busy machine makes an analysis late, not long: the processor time is what bounds it.
        time: limits.time * 10,
        cpu: limits.time,
        request_bytes: limits.archive.archive_bytes,
        ..ProcessLimits::default()
    };
    let command = ChildCommand::this_program(CHILD).map_err(told)?;
    let supervisor = Arc::new(Supervisor::new(command, process, jobs));
    let names: Arc<Vec<String>> = Arc::new(features().into_iter().map(|feature| feature.name).collect());
    let paths: Vec<String> = paths.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
    let mut lines = futures::stream::iter(paths)
        .map(|path| {
            let (supervisor, names) = (Arc::clone(&supervisor), Arc::clone(&names));
            async move { line(&path, &supervisor, &names).await }
        })
        // Lines keep their order; enough are under way that a slow archive does not leave the other children idle.
        .buffered(jobs * 32);
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    while let Some(line) = lines.next().await {
        writeln!(out, "{line}").map_err(told)?;
    }
    out.flush().map_err(told)
}

async fn line(path: &str, supervisor: &Supervisor, names: &[String]) -> serde_json::Value {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => return serde_json::json!({"path": path, "sha256": null, "error": error.to_string()}),
    };
    let filename = path.rsplit('/').next().unwrap_or(path);
    let answer = match supervisor.run(filename.as_bytes(), &bytes).await {
        Ok(answer) => serde_json::from_slice::<Answer>(&answer.bytes).map_err(|error| error.to_string()),
        Err(failure) => Err(failure.to_string()),
    };
    match answer {
        Ok(Answer { facts, measures }) => {
            let read = !measures.values.is_empty();
            let values: BTreeMap<&str, f64> =
                names.iter().map(String::as_str).zip(measures.values).filter(|(_, value)| *value != 0.0).collect();
            let signals: Vec<_> = facts
                .signals
                .iter()
                .map(|signal| serde_json::json!([signal.id, signal.kind, signal.severity, signal.confidence, signal.status]))
                .collect();
            serde_json::json!({
                "path": path, "sha256": facts.sha256, "ecosystem": facts.ecosystem, "error": null, "version": facts.manifest.version,
                "risk": facts.risk, "acts": measures.acts, "signals": signals, "values": read.then_some(values),
            })
        }
        Err(why) => serde_json::json!({"path": path, "sha256": Sha256::of(&bytes), "error": why}),
    }
}
