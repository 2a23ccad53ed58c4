//! What a condition can read: the one list that the checker, the evaluator and `docs/src/reference/policy.md` share.

/// The texts that a field can hold, where they are few; comparing it with another text is a mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Domain {
    /// Any text.
    Any,
    /// The five ecosystems.
    Ecosystem,
    /// Lenses.
    Lens,
    /// Statuses of a signal.
    Status,
    /// Severities.
    Severity,
    /// Kinds of a signal.
    Kind,
    /// Health of a feed.
    Health,
    /// Whether a metadata field was given.
    State,
    /// Signal ids.
    SignalId,
    /// Forms of an artifact.
    ArtifactKind,
}

impl Domain {
    /// The texts, or `None` when any text (or any known signal id) may appear.
    pub const fn words(self) -> Option<&'static [&'static str]> {
        Some(match self {
            Domain::Any | Domain::SignalId => return None,
            Domain::Ecosystem => &["npm", "pypi", "maven", "cargo", "golang"],
            Domain::Lens => &["advisory", "behaviour", "history", "provenance", "scorecard"],
            Domain::Status => &["present", "unknown", "not_applicable", "failed", "stripped"],
            Domain::Severity => &["info", "low", "medium", "high", "critical"],
            Domain::Kind => &["malware", "beacon", "proof-of-concept", "risky-habit", "obfuscation", "other"],
            Domain::Health => &["fresh", "stale", "missing", "damaged"],
            Domain::State => &["given", "not_given", "stripped", "not_offered"],
            Domain::ArtifactKind => &["npm-tarball", "wheel", "sdist", "legacy-python", "jar", "pom", "crate", "go-module", "other"],
        })
    }

    /// What the words are, for a message.
    pub const fn what(self) -> &'static str {
        match self {
            Domain::Any => "text",
            Domain::Ecosystem => "ecosystem",
            Domain::Lens => "lens",
            Domain::Status => "status",
            Domain::Severity => "severity",
            Domain::Kind => "kind of signal",
            Domain::Health => "feed health",
            Domain::State => "field state",
            Domain::SignalId => "signal id",
            Domain::ArtifactKind => "artifact kind",
        }
    }
}

/// The type of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Type {
    /// True or false.
    Bool,
    /// A 64-bit whole number.
    Int,
    /// A floating-point number.
    Double,
    /// A text.
    Text(Domain),
    /// A point in time.
    Timestamp,
    /// A point in time, or null.
    NullableTimestamp,
    /// A span of time.
    Duration,
    /// Null.
    Null,
    /// A list.
    List(Box<Type>),
    /// A map from text to text.
    Map(Domain),
    /// A signal.
    Signal,
    /// An artifact.
    Artifact,
    /// The type of a wrong expression, which is reported once and then agrees with everything.
    Wrong,
}

impl Type {
    /// The name, as the documentation writes it.
    pub fn name(&self) -> String {
        match self {
            Type::Bool => "bool".to_owned(),
            Type::Int => "int".to_owned(),
            Type::Double => "double".to_owned(),
            Type::Text(_) => "string".to_owned(),
            Type::Timestamp => "timestamp".to_owned(),
            Type::NullableTimestamp => "timestamp or null".to_owned(),
            Type::Duration => "duration".to_owned(),
            Type::Null => "null".to_owned(),
            Type::List(element) => format!("list of {}", element.name()),
            Type::Map(_) => "map of string to string".to_owned(),
            Type::Signal => "signal".to_owned(),
            Type::Artifact => "artifact".to_owned(),
            Type::Wrong => "?".to_owned(),
        }
    }
}

macro_rules! fields {
    ($(#[$doc:meta])* $enum:ident { $($variant:ident, $name:literal, $type:expr, $meaning:literal;)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        #[expect(missing_docs, reason = "each variant's meaning is its text in the schema")]
        pub enum $enum { $($variant,)+ }

        impl $enum {
            /// Every field, in the order of the documentation.
            pub const ALL: &'static [$enum] = &[$($enum::$variant,)+];

            /// The name in a condition.
            pub const fn name(self) -> &'static str {
                match self { $($enum::$variant => $name,)+ }
            }

            /// The type.
            pub fn kind(self) -> Type {
                match self { $($enum::$variant => $type,)+ }
            }

            /// What it is.
            pub const fn meaning(self) -> &'static str {
                match self { $($enum::$variant => $meaning,)+ }
            }

            /// The field of that name.
            pub fn named(name: &str) -> Option<$enum> {
                $enum::ALL.iter().copied().find(|field| field.name() == name)
            }
        }
    };
}

fn texts() -> Type {
    Type::List(Box::new(Type::Text(Domain::Any)))
}

fields! {
    /// What a condition reads of a release.
    Field {
        Ecosystem, "ecosystem", Type::Text(Domain::Ecosystem), "npm, pypi, maven, cargo or golang";
        Name, "name", Type::Text(Domain::Any), "the package's name in its ecosystem's spelling";
        Scope, "scope", Type::Text(Domain::Any), "npm scope with `@`, Maven group, Go path up to its last segment; empty when there is none";
        Version, "version", Type::Text(Domain::Any), "the version";
        Purl, "purl", Type::Text(Domain::Any), "the release's package URL";
        HasDate, "has_date", Type::Bool, "whether the registry says when the release was published";
        PublishedAt, "published_at", Type::NullableTimestamp, "when the release was published; null when not known";
        AgeHours, "age_hours", Type::Double, "hours from published_at to evaluated_at; -1.0 when not known";
        PackageAgeHours, "package_age_hours", Type::Double, "hours from the package's first version to evaluated_at; -1.0 when not known";
        VersionCount, "version_count", Type::Int, "versions that the upstream lists, yanked ones included";
        PreviousVersion, "previous_version", Type::Text(Domain::Any), "the version published before this one; empty when there is none";
        HoursSincePrevious, "hours_since_previous", Type::Double, "hours from the version before to this one; -1.0 when not known";
        Latest, "latest", Type::Text(Domain::Any), "the version that a client takes when none is asked for; empty when not known";
        Yanked, "yanked", Type::Bool, "whether the release is yanked or retracted";
        YankedReason, "yanked_reason", Type::Text(Domain::Any), "the reason given for the yank; empty when there is none";
        Deprecated, "deprecated", Type::Bool, "whether the release carries a deprecation notice";
        Publisher, "publisher", Type::Text(Domain::Any), "the account that published the version; empty when not given";
        PublisherState, "publisher_state", Type::Text(Domain::State), "given, not_given, stripped (by a mirror) or not_offered (by this ecosystem)";
        Maintainers, "maintainers", texts(), "accounts that own the package, as of this version";
        Repository, "repository", Type::Text(Domain::Any), "the repository link claimed; empty when not given";
        RepositoryState, "repository_state", Type::Text(Domain::State), "as publisher_state";
        License, "license", Type::Text(Domain::Any), "the licence expression claimed; empty when not given";
        LicenseState, "license_state", Type::Text(Domain::State), "as publisher_state";
        InstallScripts, "install_scripts", Type::Map(Domain::Any), "install-time commands that the registry's metadata announces, by name";
        Upstream, "upstream", Type::Text(Domain::Any), "id of the configured upstream that answered";
        AlsoOn, "also_on", texts(), "ids of the upstreams, public and private, that have a package of this name; empty when only one has it";
        Optional, "optional", Type::Bool, "whether every file that asks for the release wants it for development, test or optional use only";
        Signals, "signals", Type::List(Box::new(Type::Signal)), "every signal of every lens";
        Artifacts, "artifacts", Type::List(Box::new(Type::Artifact)), "the artifacts that were assessed";
        Feeds, "feeds", Type::Map(Domain::Health), "health by feed: fresh, stale, missing or damaged";
        EvaluatedAt, "evaluated_at", Type::Timestamp, "the time for which the policy is evaluated";
    }
}

fields! {
    /// What a condition reads of a signal.
    SignalField {
        Id, "id", Type::Text(Domain::SignalId), "the signal's id";
        Lens, "lens", Type::Text(Domain::Lens), "advisory, behaviour, history, provenance or scorecard";
        Status, "status", Type::Text(Domain::Status), "present, unknown, not_applicable, failed or stripped";
        Severity, "severity", Type::Text(Domain::Severity), "info, low, medium, high or critical";
        SeverityRank, "severity_rank", Type::Int, "0 for info to 4 for critical; compare with rank(\"high\")";
        Confidence, "confidence", Type::Double, "0.0 to 1.0";
        Kind, "kind", Type::Text(Domain::Kind), "malware, beacon, proof-of-concept, risky-habit, obfuscation or other";
        Message, "message", Type::Text(Domain::Any), "the signal's sentence";
        Fingerprint, "fingerprint", Type::Text(Domain::Any), "identity of the finding";
        Artifact, "artifact", Type::Text(Domain::Any), "sha256 in hex of the artifact that it is about; empty when it is about the release";
        Path, "path", Type::Text(Domain::Any), "path of its first place in a file; empty when there is none";
        Records, "records", texts(), "ids of the records behind it";
    }
}

fields! {
    /// What a condition reads of an artifact.
    ArtifactField {
        Filename, "filename", Type::Text(Domain::Any), "file name without a folder";
        Kind, "kind", Type::Text(Domain::ArtifactKind), "the declared form";
        Sha256, "sha256", Type::Text(Domain::Any), "sha256 in hex of the bytes assessed";
        Size, "size", Type::Int, "bytes";
        ProvenanceState, "provenance_state", Type::Text(Domain::State), "whether the registry offers attestations for the file";
    }
}

/// Functions that are not part of CEL, with their meaning.
pub const FUNCTIONS: &[(&str, &str)] = &[
    ("has(pattern)", "a signal with status present whose id matches the pattern (`behaviour/*`)"),
    ("has(pattern, severity)", "the same, of at least that severity"),
    ("has(pattern, severity, confidence)", "the same, of at least that severity and confidence"),
    ("failed(pattern)", "a signal with status failed whose id matches"),
    ("unknown(pattern)", "a signal with status unknown whose id matches"),
    ("stripped(pattern)", "a signal with status stripped whose id matches"),
    ("rank(severity)", "the rank of a severity, 0 to 4"),
    ("glob(text, pattern)", "whether the text matches a pattern in which `*` is any run of characters"),
];

/// What `{…}` in a rule's message can name.
pub const PLACEHOLDERS: &[(&str, &str)] = &[
    ("purl", "the release's package URL"),
    ("ecosystem", "the ecosystem"),
    ("name", "the package's name"),
    ("version", "the version"),
    ("age", "the release's age in words (`5 hours`, `3 days`), or `unknown age`"),
    ("package_age", "the package's age in words"),
    ("version_count", "the number of versions"),
    ("publisher", "who published it, or `unknown`"),
    ("repository", "the repository link, or `none`"),
    ("upstream", "the upstream that answered"),
    ("also_on", "the upstreams that have a package of this name"),
    ("yanked_reason", "the reason of a yank, or `no reason given`"),
    ("signal", "the message of the worst signal that made the rule match, whole"),
    ("signals", "the message of the signal that made the rule match, or of several the first three, shortened"),
    ("count", "how many signals made the rule match"),
];
