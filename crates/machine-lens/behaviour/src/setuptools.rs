//! What of a `setup.py` an installation runs, and what only a person's own command line does.
//!
//! `cmdclass` gives setuptools further commands. Installers call a known few (`egg_info`, `bdist_wheel`, `install` …);
//! `deploy`, `upload`, `clean` or `update_data` run when somebody types them. The same holds for what stands behind
//! `if sys.argv[-1] == "publish"`. In: the outcome of tracing one file and its text. Out: classes that nothing but a
//! person starts. In doubt, a class counts as run: the registration must be plain, and the only use of the class.

use crate::trace::Outcome;

/// Commands that installers and build front ends call, and those that these call in turn.
const RUN: [&str; 20] = [
    "install",
    "develop",
    "build",
    "build_py",
    "build_ext",
    "build_clib",
    "build_scripts",
    "egg_info",
    "dist_info",
    "sdist",
    "bdist",
    "bdist_egg",
    "bdist_wheel",
    "editable_wheel",
    "easy_install",
    "install_lib",
    "install_data",
    "install_scripts",
    "install_headers",
    "install_egg_info",
];

/// Whether an installation may call the command of this name.
pub(crate) fn is_run_by_installers(command: &str) -> bool {
    RUN.contains(&command)
}

/// Whether a text is a command's name and nothing that stands on an installer's command line: no option, no path.
pub(crate) fn is_own_word(word: &str) -> bool {
    word.len() > 1
        && word.starts_with(|c: char| c.is_ascii_alphabetic())
        && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
        && !is_run_by_installers(word)
}

/// Whether code puts words of its own among the arguments, so that a test of them proves nothing.
pub(crate) fn changes_arguments(text: &str) -> bool {
    text.match_indices("argv").any(|(at, word)| {
        let mut rest = text[at + word.len()..].trim_start();
        while let Some(inside) = rest.strip_prefix('[') {
            let Some((_, behind)) = inside.split_once(']') else { return true };
            rest = behind.trim_start();
        }
        let assigned = rest.starts_with('=') && !rest.starts_with("==");
        assigned || rest.starts_with("+=") || rest.starts_with('.') || rest.starts_with(['"', '\''])
    })
}

/// Classes that are registered as commands that only a person calls. `aliased`: words that the project's
/// configuration puts behind the name of a command.
pub(crate) fn idle_classes(outcome: &Outcome, text: &str, aliased: &[String]) -> Vec<u32> {
    // A command of the installers that is given something unknown may be given anything.
    let unclear = |(command, class): &(String, Option<u32>)| class.is_none() && (is_run_by_installers(command) || !is_own_word(command));
    if outcome.registered.is_empty() || outcome.registered.iter().any(unclear) {
        return Vec::new();
    }
    let calls_others = text.contains("run_command") || text.contains("sub_commands");
    let mut idle: Vec<u32> = outcome.registered.iter().filter_map(|(_, class)| *class).collect();
    idle.sort_unstable();
    idle.dedup();
    idle.retain(|class| {
        let names: Vec<&str> =
            outcome.registered.iter().filter(|(_, of)| of == &Some(*class)).map(|(command, _)| command.as_str()).collect();
        let Some(own) = outcome.class_names.get(class) else { return false };
        names.iter().all(|name| {
            let quoted = text.matches(&format!("'{name}'")).count() + text.matches(&format!("\"{name}\"")).count();
            is_own_word(name) && !aliased.iter().any(|word| word == name) && (!calls_others || quoted <= 1)
        }) && uses(text, own) <= names.len()
    });
    idle
}

/// Whether a `setup.py` whose registrations are not seen (`setup(**arguments)`) names a command for publishing and none
/// that an installer calls.
pub(crate) fn only_publishes(text: &str) -> bool {
    let quoted = |name: &str| text.contains(&format!("'{name}'")) || text.contains(&format!("\"{name}\""));
    let given = |name: &str| text.contains(&format!("{name}="));
    ["upload", "publish", "release"].iter().any(|name| quoted(name)) && !RUN.iter().any(|name| quoted(name) || given(name))
}

/// How often a class is named elsewhere than where it is defined or asks for its base.
fn uses(text: &str, name: &str) -> usize {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(name)
        .filter(|(at, _)| {
            let (before, behind) = (&text[..*at], &text[at + name.len()..]);
            let whole = !before.ends_with(is_word) && !behind.starts_with(is_word);
            let defines = before.trim_end_matches([' ', '\t']).ends_with("class") || before.trim_end().ends_with("super(");
            // `Deploy.user_options` inside the class itself, `Base.run(self)` of a class below it.
            whole && !defines && !behind.starts_with('.')
        })
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_idle_only_where_its_registration_is_plain() {
        let outcome = |registered: &[(&str, Option<u32>)]| Outcome {
            registered: registered.iter().map(|(name, class)| ((*name).to_owned(), *class)).collect(),
            class_names: [(0, "Deploy".into())].into(),
            ..Outcome::default()
        };
        let text = "class Deploy(Command):\n    pass\nsetup(cmdclass={'deploy': Deploy})";
        assert_eq!(idle_classes(&outcome(&[("deploy", Some(0))]), text, &[]), [0]);
        assert!(idle_classes(&outcome(&[("install", Some(0))]), text, &[]).is_empty());
        assert!(idle_classes(&outcome(&[("deploy", Some(0)), ("install", None)]), text, &[]).is_empty());
        assert!(idle_classes(&outcome(&[("deploy", Some(0)), ("…", None)]), text, &[]).is_empty());
        assert!(idle_classes(&outcome(&[("deploy", Some(0))]), text, &["deploy".to_owned()]).is_empty());
        for more in ["\nx['install'] = Deploy", "\nself.run_command('deploy')", "\nbuild.sub_commands.insert(0, ('deploy', None))"] {
            assert!(idle_classes(&outcome(&[("deploy", Some(0))]), &format!("{text}{more}"), &[]).is_empty(), "{more}");
        }
    }

    #[test]
    fn arguments_that_code_writes_are_told_from_those_that_it_reads() {
        for text in ["if sys.argv[-1] == 'publish':", "'x' in sys.argv", "args = sys.argv[1:]", "main(sys.argv)"] {
            assert!(!changes_arguments(text), "{text}");
        }
        for text in ["sys.argv.append('publish')", "sys.argv = ['a']", "sys.argv[1] = 'b'", "sys.argv += [x]", "setattr(sys, 'argv', y)"] {
            assert!(changes_arguments(text), "{text}");
        }
        assert!(is_own_word("publish") && !is_own_word("install") && !is_own_word("--no-deps") && !is_own_word("setup.py"));
    }
}
