//! Features about the package as a whole: what its parts are for, and how they fit together.

use super::about::About;
use super::acts::eagerness;
use super::features::Spot;
use crate::facts::{Capability, Fact, Language, PackageFacts, Trigger};
use crate::layout::Files;
use bifocal_core::Ecosystem;

/// One measure of the package.
pub(super) struct OfPackage {
    /// Stable name of the feature.
    pub(super) name: &'static str,
    /// What a value above zero means, as a verb phrase.
    pub(super) words: &'static str,
    /// Whether it describes only; see [`super::features::Feature::describing`].
    pub(super) describing: bool,
}

const fn plain(name: &'static str, words: &'static str) -> OfPackage {
    OfPackage { name, words, describing: false }
}

const fn describing(name: &'static str, words: &'static str) -> OfPackage {
    OfPackage { name, words, describing: true }
}

/// Every one, in the order in which [`measure`] sets them.
pub(super) const PACKAGE: &[OfPackage] = &[
    plain("small-and-runs", "is a small package that starts processes or runs text as code by itself"),
    plain("small-and-talks", "is a small package that talks to hosts by itself"),
    plain("only-an-installer", "has an install script that acts, and hardly any other code"),
    plain("acts-by-itself", "does most of what it does without being called"),
    plain("programs", "brings programs that are no libraries"),
    plain("lone-program", "brings a program beside an install or import script that starts processes"),
    describing("source-bytes", "size of its source"),
    describing("source-files", "number of its source files"),
    describing("other-files", "number of its other files"),
    describing("without-code", "holds no code that does anything"),
    describing("missing-about", "says little about itself"),
    describing("missing-about-and-acts", "says little about itself and acts by itself"),
    describing("other-name", "names its modules otherwise than itself"),
    describing("huge-version", "claims a very high version"),
    describing("first-version", "claims a first version"),
    describing("dependencies", "number of its dependencies"),
    plain("small-and-does-much", "is a small package of which one file does several things that honest code seldom does together"),
    plain("density", "does much for its size"),
    plain("compiled-inside", "carries compiled libraries where it claims to be source or for every system"),
    plain(
        "mostly-compiled",
        "carries compiled libraries that outweigh its source many times, where it claims to be source or for every system",
    ),
    plain("own-install-command", "replaces a command of the installer"),
    describing("says-test", "calls itself a test, a proof or a placeholder"),
    describing("template-about", "keeps a template's words where its author or purpose belongs"),
    describing("other-repository", "names a repository that is called otherwise than itself"),
];

/// Files with less source than this, in bytes, hold hardly any code.
const HARDLY: usize = 400;

fn acts(fact: &Fact) -> bool {
    matches!(
        fact.capability,
        Capability::Spawn
            | Capability::Eval
            | Capability::Network
            | Capability::Socket
            | Capability::Unprotect
            | Capability::Persist
            | Capability::NativeMemory
            | Capability::Keylog
            | Capability::Capture
    )
}

/// Sets the values, by their place in [`PACKAGE`].
///
/// `much`: how many telling acts meet in one file, and where.
pub(super) fn measure(facts: &PackageFacts, about: &About, files: &Files<'_>, much: (usize, Spot), mut set: impl FnMut(usize, f64, Spot)) {
    let mut runs = (0u8, Spot::Whole);
    let mut talks = (0u8, Spot::Whole);
    let mut installs = Spot::Whole;
    let (mut eager, mut called) = (0usize, 0usize);
    for (index, file) in facts.files.iter().enumerate() {
        for (at, fact) in file.facts.iter().enumerate() {
            let step = eagerness(fact.trigger);
            if step == 0 || !acts(fact) {
                continue;
            }
            if step >= 3 {
                eager += 1
            } else {
                called += 1
            }
            let spot = Spot::Fact(index, at);
            if matches!(fact.capability, Capability::Spawn | Capability::Eval) && step > runs.0 {
                runs = (step, spot);
            }
            if super::acts::talks(fact) && step > talks.0 {
                talks = (step, spot);
            }
            if step == 4 && installs == Spot::Whole {
                installs = spot;
            }
        }
    }
    if facts.is_small() {
        for (at, (step, spot)) in [runs, talks].into_iter().enumerate() {
            if step >= 2 {
                set(at, f64::from(step), spot);
            }
        }
    }
    let code = |installer: bool| -> usize {
        let own = facts.files.iter().filter(|file| file.trigger != Trigger::Test && file.trigger.at_install() == installer);
        own.map(|file| file.shape.bytes).sum()
    };
    if installs != Spot::Whole && code(false) < HARDLY {
        set(2, 1.0, installs);
    }
    if eager > 0 {
        let share = eager as f64 / (eager + called) as f64;
        let first = if runs.0 >= 3 {
            runs.1
        } else if talks.0 >= 3 {
            talks.1
        } else {
            installs
        };
        set(3, (share * 10.0).floor() / 10.0, first);
    }
    let program = |path: &str| {
        let path = path.to_ascii_lowercase();
        ![".so", ".dylib", ".dll", ".node", ".pyd", ".a", ".o"].iter().any(|end| path.ends_with(end)) && !path.contains(".so.")
    };
    let programs: Vec<usize> =
        facts.others.iter().enumerate().filter(|(_, other)| other.executable && program(&other.path)).map(|(index, _)| index).collect();
    if let Some(first) = programs.first() {
        set(4, (programs.len() as f64 + 1.0).log2(), Spot::Other(*first));
        if runs.0 >= 3 {
            set(5, f64::from(runs.0), runs.1);
        }
    }
    let sources: Vec<_> = facts.files.iter().filter(|file| file.trigger != Trigger::Test).collect();
    set(6, (facts.source_bytes as f64 + 1.0).log2(), Spot::Whole);
    set(7, (sources.len() as f64 + 1.0).log2(), Spot::Whole);
    set(8, (facts.others.len() as f64 + 1.0).log2(), Spot::Whole);
    if eager + called == 0 && facts.is_small() {
        set(9, 1.0, Spot::Whole);
    }
    let missing = f64::from(about.missing());
    set(10, missing, Spot::Whole);
    if eager > 0 {
        set(11, missing, if runs.0 >= 3 { runs.1 } else { talks.1 });
    }
    if is_other_name(facts) {
        set(12, 1.0, Spot::Whole);
    }
    let (major, first) = version(about.version.as_deref().unwrap_or_default());
    if (50..1_900).contains(&major) {
        set(13, 1.0, Spot::Whole);
    }
    if first {
        set(14, 1.0, Spot::Whole);
    }
    set(15, (about.dependencies as f64 + 1.0).log2(), Spot::Whole);
    if facts.is_small() && much.0 >= 2 {
        set(16, much.0 as f64, much.1);
    }
    if eager + called > 0 {
        let every = (eager + called) as f64 * 1_000.0 / facts.source_bytes.max(300) as f64;
        let first = if runs.0 > 0 { runs.1 } else { talks.1 };
        set(17, ((every + 1.0).log2() * 4.0).floor() / 4.0, first);
    }
    if about.claims_source {
        let compiled: Vec<usize> = facts
            .others
            .iter()
            .enumerate()
            .filter(|(_, other)| other.executable && !program(&other.path))
            .map(|(index, _)| index)
            .collect();
        if let Some(first) = compiled.first() {
            set(18, (compiled.len() as f64 + 1.0).log2(), Spot::Other(*first));
            let bytes: usize = compiled.iter().filter_map(|index| facts.others.get(*index)).map(|other| other.bytes).sum();
            if bytes > 20 * facts.source_bytes {
                set(19, 1.0, Spot::Other(*first));
            }
        }
    }
    if let Some((index, line)) = own_command(facts, files) {
        set(20, 1.0, Spot::Line(index, line));
    }
    set(21, f64::from(u8::from(about.says_test)), Spot::Whole);
    set(22, f64::from(u8::from(about.template)), Spot::Whole);
    set(23, f64::from(u8::from(about.is_other_repository(facts.manifest.name.as_deref()))), Spot::Whole);
}

/// The `setup.py` that registers a class of its own for one of the commands that installing runs, by its text: the
/// `cmdclass` of a build that has nothing to build.
fn own_command(facts: &PackageFacts, files: &Files<'_>) -> Option<(usize, u32)> {
    let (index, setup) = facts
        .files
        .iter()
        .enumerate()
        .find(|(_, file)| file.trigger == Trigger::SetupScript && file.path.ends_with("setup.py") && file.shape.bytes < 1 << 20)?;
    let text = crate::layout::source_text(files.get(setup.path.as_str())?);
    let registers = text.contains("cmdclass")
        && ["command.install", "command.develop", "command.egg_info", "import install"].iter().any(|words| text.contains(words));
    registers.then(|| (index, crate::layout::line_of(&text, "cmdclass")))
}

/// The major version, and whether the version is what tools propose for a first release.
fn version(version: &str) -> (u64, bool) {
    let major = version.split(['.', '-', '+']).next().and_then(|digits| digits.parse().ok()).unwrap_or(0);
    let first =
        matches!(version, "0.0.1" | "0.1" | "0.1.0" | "1.0.0" | "1.0" | "0.0.0" | "1" | "0.0.2" | "1.0.1" | "0.0.3" | "0.0.4" | "0.0.5");
    (major, first)
}

/// A Python package none of whose top-level modules resembles its name.
fn is_other_name(facts: &PackageFacts) -> bool {
    if facts.ecosystem != Some(Ecosystem::Pypi) {
        return false;
    }
    let plain = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let Some(name) = facts.manifest.name.as_deref().map(plain).filter(|name| name.len() >= 3) else { return false };
    let modules: Vec<String> = facts
        .files
        .iter()
        .filter(|file| file.language == Language::Python && file.trigger != Trigger::Test)
        .flat_map(|file| file.path.split('/').map(plain_module).collect::<Vec<_>>())
        .map(|part| plain(&part))
        .filter(|part| part.len() >= 3 && part != "setup" && part != "init" && part != "src")
        .collect();
    // The folder that an sdist wraps itself in bears the package's name and proves nothing: it is the first part of all.
    let wrapper = facts.files.first().and_then(|file| file.path.split('/').next()).map(plain).unwrap_or_default();
    let wrapped = facts.files.iter().all(|file| file.path.split('/').next().map(plain).as_deref() == Some(wrapper.as_str()));
    let modules: Vec<&String> = modules.iter().filter(|part| !(wrapped && **part == wrapper)).collect();
    !modules.is_empty() && !modules.iter().any(|part| part.contains(name.as_str()) || name.contains(part.as_str()))
}

fn plain_module(part: &str) -> String {
    part.trim_end_matches(".py").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_far_as_they_go() {
        assert_eq!(version("99.10.9"), (99, false));
        assert_eq!(version("2024.1.2").0, 2024);
        assert_eq!(version("0.0.1"), (0, true));
        assert_eq!(version("not a version"), (0, false));
    }
}
