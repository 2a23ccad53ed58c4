//! Asks an adapter on one input, with an upstream that answers its requests one after the other with the parts of that
//! input (parted by lines of `%%`), so that an index, a configuration file and a manifest can all be hostile at once.

use bifocal_core::{Ecosystem, HttpLimits, PackageName, Release};
use bifocal_registries::{Answers, Environment, Options, Registries, ResolveContext};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Requests that one question may lead to: more is an amplifier.
const MOST_REQUESTS: usize = 400;

/// What is asked: a package, a version of it, and requirements to resolve.
pub struct Question {
    pub ecosystem: Ecosystem,
    pub package: &'static str,
    pub version: &'static str,
    pub requirements: &'static [&'static str],
    pub vars: &'static [(&'static str, &'static str)],
}

fn parts(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut out = vec![Vec::new()];
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        if line.trim_ascii_end() == b"%%" {
            // The line's end belongs to the parting: parts may be binary.
            if let Some(last) = out.last_mut()
                && last.last() == Some(&b'\n')
            {
                last.pop();
            }
            out.push(Vec::new());
        } else if let Some(last) = out.last_mut() {
            last.extend_from_slice(line);
        }
    }
    out
}

/// Asks for the record, the versions, what satisfies each requirement, and what a resolver asks. All of it is an answer or one printable line.
pub fn run(question: &Question, bytes: &[u8]) {
    let first = ask(question, bytes);
    if bytes.len() % 8 == 0 {
        assert_eq!(first, ask(question, bytes), "two readings of one input differ");
    }
}

fn ask(question: &Question, bytes: &[u8]) -> Vec<String> {
    let parts = parts(bytes);
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let vars = question.vars.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let env = Environment { vars, home: None, cwd: "/nonexistent".into() };
    let mut options = Options::default();
    options.limits = HttpLimits { metadata_bytes: 1 << 20, ..HttpLimits::default() };
    options.upstreams.insert(question.ecosystem, vec!["https://registry.example/".to_owned()]);
    let answers: Answers = Arc::new(move |_| parts.get(count.fetch_add(1, Ordering::Relaxed) % parts.len().max(1)).cloned());
    options.answers = Some(answers);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let mut said = Vec::new();
    runtime.block_on(async {
        let registries = Registries::new(env, options).expect("registries");
        let release = Release::new(question.ecosystem, question.package, question.version).expect("a release");
        let package = PackageName::new(question.ecosystem, question.package).expect("a package");
        match registries.record(&release).await {
            Ok(record) => {
                assert_eq!(record.release, release);
                for file in &record.files {
                    assert!(!file.filename.contains(['/', '\\', '\0']), "{:?}", file.filename);
                }
                for file in registries.client_files(&record) {
                    assert!(record.files.contains(file));
                }
                said.push(serde_json::to_string(&record).expect("a record is JSON"));
            }
            Err(error) => said.push(checked(error.to_string())),
        }
        match registries.versions(&package).await {
            Ok(versions) => said.push(format!("{versions:?}")),
            Err(error) => said.push(checked(error.to_string())),
        }
        for requirement in question.requirements {
            match registries.resolve(&package, requirement, &ResolveContext::default()).await {
                Ok(found) => {
                    assert_eq!(found.package, package);
                    said.push(found.version);
                }
                Err(error) => said.push(checked(error.to_string())),
            }
        }
        // What a resolver asks; an ecosystem that has no such answer says so in an error.
        match registries.needs(&release).await {
            Ok(needs) => said.push(format!("{needs:?}")),
            Err(error) => said.push(checked(error.to_string())),
        }
        match registries.candidates(&package, &ResolveContext::default()).await {
            Ok(candidates) => said.push(format!("{candidates:?}")),
            Err(error) => said.push(checked(error.to_string())),
        }
    });
    let asked = asked.load(Ordering::Relaxed);
    assert!(asked <= MOST_REQUESTS, "{asked} requests");
    said
}

fn checked(error: String) -> String {
    assert!(!error.chars().any(|c| c.is_control()), "{error:?}");
    assert!(error.len() <= 4096, "an error of {} bytes", error.len());
    error
}
