//! The command line: what a person types, as types. Man page and completions are made from this same source.

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// The gate through which open-source packages enter.
#[derive(Debug, Parser)]
#[command(name = "bifocal", version, about, long_about = None, max_term_width = 100, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options that every command takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// Configuration file [default: bifocal.toml here or in a folder above]
    #[arg(long, global = true, value_name = "FILE", env = "BIFOCAL_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Say more on standard error; twice for debugging
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Say nothing on standard error but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorChoice,
}

/// What an environment variable says of an option that is on or off; an empty one says nothing.
fn switch(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "" | "0" | "false" | "no" | "off" => Ok(false),
        _ => Err("expected 1 or 0, true or false, yes or no".to_owned()),
    }
}

/// When to use colours; NO_COLOR is honoured under `auto`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Give a verdict for each release that a lockfile, manifest, SBOM or purl names
    Check(CheckArgs),
    /// Look at the code of archives and folders, offline
    Scan(ScanArgs),
    /// Show what a release does that an earlier one did not, and judge what it gained
    Diff(DiffArgs),
    /// Lint a policy, or explain a verdict
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Load and inspect the feeds of known vulnerabilities, malware and popular names
    #[command(subcommand)]
    Feed(FeedCommand),
    /// Say what is found, what is in force and what is missing on this machine
    Doctor(DoctorArgs),
    /// Print a shell's completion script
    Completions {
        /// Which shell
        #[arg(value_name = "SHELL")]
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
    /// The analyser's child process; started by the other commands
    #[command(hide = true)]
    Analyser,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people: what needs action first
    Human,
    /// One JSON document
    Json,
    /// One JSON document a line
    Jsonl,
    /// SARIF 2.1.0
    Sarif,
    /// A comment for a pull request
    Markdown,
    /// CycloneDX 1.6 with verdicts and evidence
    Cyclonedx,
}

/// How `scan` prints what it found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScanFormat {
    /// For people: what was found first
    Human,
    /// One JSON document
    Json,
    /// One JSON document for each path, as they are finished
    Jsonl,
    /// SARIF 2.1.0
    Sarif,
}

/// How a command prints that has no other forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PlainFormat {
    /// For people
    Human,
    /// One JSON document
    Json,
}

/// What `--fail-on` calls a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    /// Holds and denies
    Hold,
    /// Denies alone; errors still count
    Deny,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct CheckArgs {
    /// purls, lockfiles, manifests, SBOMs, folders [default: what is found here]
    #[arg(value_name = "TARGET")]
    pub(crate) targets: Vec<String>,
    #[command(flatten)]
    pub(crate) sources: SourceArgs,
    /// How to print the result
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) answer: AnswerArgs,
    /// Pass over what GLOB names when a folder is walked, as in .gitignore; may be given again
    #[arg(long, value_name = "GLOB")]
    pub(crate) exclude: Vec<String>,
    /// Only what the change since REV adds or updates
    #[arg(long, requires = "base")]
    pub(crate) new_only: bool,
    /// The git revision that --new-only compares with
    #[arg(long, value_name = "REV", requires = "new_only")]
    pub(crate) base: Option<String>,
    /// Record today's findings that are not malware as known, and exit 0 when nothing else is left
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "bifocal-baseline.toml")]
    pub(crate) write_baseline: Option<PathBuf>,
    /// Last day of a written baseline [default: 90 days from now]
    #[arg(long, value_name = "RFC3339|DATE", requires = "write_baseline")]
    pub(crate) baseline_until: Option<String>,
    #[command(flatten)]
    pub(crate) known: BaselineArgs,
    /// Also evaluate this policy, and print the verdicts that it would change
    #[arg(long, value_name = "PACK|FILE")]
    pub(crate) shadow_policy: Option<String>,
    /// Let verdicts count by the facts that an earlier analyser stored, and print what the current one would change
    #[arg(long, value_name = "ANALYSER")]
    pub(crate) analyser: Option<String>,
}

/// How far an answer goes and where it is put; `check` and `diff` share it.
#[derive(Debug, Clone, Args)]
pub(crate) struct AnswerArgs {
    /// Write the result to a file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// What makes the exit code 1
    #[arg(long, value_name = "VERDICT", default_value = "hold", env = "BIFOCAL_FAIL_ON")]
    pub(crate) fail_on: FailOn,
    /// Look at every file of a release, not only those that the client on this platform takes
    #[arg(long)]
    pub(crate) all_artifacts: bool,
}

/// Which findings are known; `check` and `policy explain` share it.
#[derive(Debug, Clone, Args)]
pub(crate) struct BaselineArgs {
    /// Read known findings from FILE [default: bifocal-baseline.toml beside the configuration or here]
    #[arg(long, value_name = "FILE", conflicts_with = "no_baseline")]
    pub(crate) baseline: Option<PathBuf>,
    /// Read no baseline
    #[arg(long)]
    pub(crate) no_baseline: bool,
}

/// What the answers are taken from; `check` and `policy explain` share it.
#[derive(Debug, Clone, Args)]
pub(crate) struct SourceArgs {
    /// Policy pack (default, strict, observe) or file
    #[arg(long, value_name = "PACK|FILE", env = "BIFOCAL_POLICY")]
    pub(crate) policy: Option<String>,
    /// Folder of a server's store: decisions that reviewers recorded there count
    #[arg(long, value_name = "DIR", env = "BIFOCAL_DATA")]
    pub(crate) data: Option<PathBuf>,
    /// Answer from the cache alone; what is not there is an error
    #[arg(long, env = "BIFOCAL_OFFLINE", value_parser = switch)]
    pub(crate) offline: bool,
    /// Assess afresh: the cache of assessments and metadata is neither read nor written
    #[arg(long)]
    pub(crate) no_cache: bool,
    /// Ask the upstreams anew for all metadata, however fresh, and compare it with what they said before
    #[arg(long, conflicts_with_all = ["offline", "no_cache"])]
    pub(crate) refresh: bool,
    /// Evaluate the policy for this time instead of now
    #[arg(long, value_name = "RFC3339")]
    pub(crate) at: Option<jiff::Timestamp>,
    /// Analyser processes [default: one for each core]
    #[arg(long, value_name = "N", env = "BIFOCAL_JOBS", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) jobs: Option<u16>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct ScanArgs {
    /// Archives and folders
    #[arg(value_name = "PATH", required_unless_present = "files_from")]
    pub(crate) paths: Vec<PathBuf>,
    /// Read more paths from FILE, one a line; `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) files_from: Option<PathBuf>,
    /// Analyser processes [default: one for each core]
    #[arg(long, value_name = "N", env = "BIFOCAL_JOBS", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) jobs: Option<u16>,
    /// How to print the result
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub(crate) format: ScanFormat,
    /// What makes the exit code 1
    #[arg(long, value_name = "VERDICT", default_value = "hold")]
    pub(crate) fail_on: FailOn,
    /// Assess afresh; scan keeps no cache of its own, so this changes nothing
    #[arg(long, hide = true)]
    pub(crate) no_cache: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct DiffArgs {
    /// The earlier release: a purl with a version, an archive or a folder
    #[arg(value_name = "OLD", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) old: String,
    /// The later one, of the same sort
    #[arg(value_name = "NEW", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) new: String,
    #[command(flatten)]
    pub(crate) sources: SourceArgs,
    /// How to print
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub(crate) format: PlainFormat,
    #[command(flatten)]
    pub(crate) answer: AnswerArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Check policy files for mistakes
    Check {
        /// Policy packs or files [default: the policy in force]
        #[arg(value_name = "PACK|FILE")]
        policies: Vec<String>,
    },
    /// Show why a release gets its verdict: each rule, matched or not, and on what
    Explain {
        /// Package URL with a version
        #[arg(value_name = "PURL")]
        purl: String,
        #[command(flatten)]
        sources: SourceArgs,
        #[command(flatten)]
        known: BaselineArgs,
        /// How to print the explanation
        #[arg(long, value_name = "FORMAT", default_value = "human")]
        format: PlainFormat,
        /// Explain every file of the release
        #[arg(long)]
        all_artifacts: bool,
    },
    /// Print a policy pack
    Show {
        /// default, strict or observe
        #[arg(value_name = "PACK", default_value = "default")]
        pack: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum FeedCommand {
    /// Load feeds: from the list of sources, or from a file, folder, zip or address
    Update {
        /// A file, folder, zip or URL of OSV records (with --popularity, of names) [default: the list of sources]
        #[arg(value_name = "SOURCE")]
        source: Option<String>,
        /// The source lists popular package names of this ecosystem, most popular first
        #[arg(long, value_name = "ECOSYSTEM")]
        popularity: Option<bifocal_core::Ecosystem>,
        /// SOURCE is the whole dump of this feed of the list (osv/npm), and answers in its place; without it SOURCE only adds records
        #[arg(long = "as", value_name = "FEED", requires = "source", conflicts_with = "popularity")]
        stands_in_for: Option<String>,
        /// Refuse the source unless it has this SHA-256
        #[arg(long, value_name = "HEX")]
        sha256: Option<bifocal_core::Sha256>,
        /// Accept a source that has lost more than a tenth of its records, or a hundredth of its malware records
        #[arg(long)]
        allow_shrinkage: bool,
    },
    /// Show the age and size of each feed
    Status {
        /// How to print the status
        #[arg(long, value_name = "FORMAT", default_value = "human")]
        format: PlainFormat,
    },
    /// Remove a loaded feed of advisories with all that it brought
    Remove {
        /// Its name, as `feed status` shows it
        #[arg(value_name = "FEED")]
        feed: String,
    },
    /// Print the list of sources, to be edited as feeds.toml
    Sources,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct DoctorArgs {
    /// How to print the report
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub(crate) format: PlainFormat,
}
