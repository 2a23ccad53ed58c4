//! npm, pnpm and yarn: every section of a manifest, and what takes the place of what is asked for, against the lockfile.

use super::unlocked::{read_with, unlocked};

/// Notes that every summary has.
fn counted(path: &str, files: &[(&str, &str)]) -> Vec<String> {
    read_with(path, files).notes.into_iter().filter(|note| note.starts_with(bifocal_readers::NOT_LOOKED_AT)).collect()
}

const PEER_LEFT_OUT: &str = "not looked at: 1 peer dependency that the lockfile leaves out";

fn npm(root: &str, packages: &str) -> String {
    format!("{{\"lockfileVersion\": 3, \"packages\": {{\"\": {root}{packages}}}}}")
}

fn at(folder: &str, rest: &str) -> String {
    format!(", \"node_modules/{folder}\": {{{rest}}}")
}

#[test]
fn npm_lockfiles_have_optional_and_peer_dependencies_too() {
    let manifest = "{\"dependencies\": {\"both\": \"^1\"},\n\"optionalDependencies\": {\"both\": \"^2\", \"o\": \"^1\"},\n\"peerDependencies\": {\"p\": \"^1\", \"q\": \"^1\"}, \"peerDependenciesMeta\": {\"q\": {\"optional\": true}}}";
    let check = |lock: &str| unlocked("package-lock.json", &[("package-lock.json", lock), ("package.json", manifest)]);
    assert_eq!(check(&npm("{}", "")), ["package.json:2 both ^2", "package.json:2 o ^1", "package.json:3 p ^1"]);
    let root = "{\"optionalDependencies\": {\"both\": \"^2\", \"o\": \"^1\"}, \"peerDependencies\": {\"p\": \"^1\", \"q\": \"^1\"}}";
    let (both, o) = (at("both", "\"version\": \"2.1.0\""), at("o", "\"version\": \"1.0.0\""));
    let p = at("p", "\"version\": \"1.0.0\", \"peer\": true");
    assert!(check(&npm(root, &format!("{both}{o}{p}"))).is_empty());
    // Kept as a specification, but not installed or installed as another release.
    assert_eq!(check(&npm(root, &format!("{both}{p}"))), ["package.json:2 o ^1"]);
    assert_eq!(check(&npm(root, &format!("{}{o}{p}", at("both", "\"version\": \"1.0.0\"")))), ["package.json:2 both ^2"]);
    assert_eq!(
        check(&npm(root, &format!("{}{o}{p}", at("both", "\"name\": \"evil\", \"version\": \"2.0.0\"")))),
        ["package.json:2 both ^2"]
    );
    // Without a single peer it is a lockfile of an npm that installs none, which every summary says.
    let legacy = npm(root, &format!("{both}{o}"));
    assert!(check(&legacy).is_empty());
    assert_eq!(counted("package-lock.json", &[("package-lock.json", &legacy), ("package.json", manifest)]), [PEER_LEFT_OUT]);
    let other_peers = npm(root, &format!("{both}{o}{}", at("x", "\"version\": \"1.0.0\", \"peer\": true")));
    assert_eq!(check(&other_peers), ["package.json:3 p ^1"]);
}

#[test]
fn the_section_that_npm_prefers_is_compared() {
    let manifest = "{\"dependencies\": {\"a\": \"^1\"}, \"devDependencies\": {\"a\": \"^2\"}, \"peerDependencies\": {\"a\": \"^3\"}}";
    let root = "{\"dependencies\": {\"a\": \"^1\"}, \"devDependencies\": {\"a\": \"^2\"}, \"peerDependencies\": {\"a\": \"^3\"}}";
    for (version, expected) in [("2.0.0", vec![]), ("1.0.0", vec!["package.json:1 a ^2"])] {
        let lock = npm(root, &at("a", &format!("\"version\": \"{version}\"")));
        assert_eq!(unlocked("package-lock.json", &[("package-lock.json", &lock), ("package.json", manifest)]), expected, "{version}");
    }
}

#[test]
fn members_find_packages_as_node_does() {
    let member = "{\"name\": \"m\", \"dependencies\": {\"a\": \"^2\", \"b\": \"^1\"}}";
    let packages = |nested: &str| {
        format!(
            ", \"packages/m\": {{\"dependencies\": {{\"a\": \"^2\", \"b\": \"^1\"}}}}{}{}{nested}",
            at("a", "\"version\": \"1.0.0\""),
            at("b", "\"version\": \"1.0.0\"")
        )
    };
    let check = |lock: &str| {
        unlocked("package-lock.json", &[("package-lock.json", lock), ("package.json", "{}"), ("packages/m/package.json", member)])
    };
    assert_eq!(check(&npm("{}", &packages(""))), ["packages/m/package.json:1 a ^2"]);
    assert!(check(&npm("{}", &packages(", \"packages/m/node_modules/a\": {\"version\": \"2.0.0\"}"))).is_empty());
}

#[test]
fn what_is_no_range_of_the_registry_is_compared_by_where_it_comes_from() {
    let root = |spec: &str| format!("{{\"dependencies\": {{\"a\": \"{spec}\"}}}}");
    let registry = "\"version\": \"1.0.0\", \"resolved\": \"https://registry.example/a/-/a-1.0.0.tgz\"";
    let git = "\"version\": \"1.0.0\", \"resolved\": \"git+ssh://git@example.com/o/a.git#0123456789012345678901234567890123456789\"";
    for (spec, package, met) in [
        ("*", registry, true),
        ("latest", registry, true),
        ("o/a", registry, false),
        ("o/a", git, true),
        ("https://example.com/a.tgz", registry, false),
        ("https://registry.example/a/-/a-1.0.0.tgz", registry, true),
        ("file:../a", registry, false),
        ("file:a.tgz", "\"version\": \"1.0.0\", \"resolved\": \"file:a.tgz\"", true),
        ("file:a", "\"resolved\": \"a\", \"link\": true", true),
        ("*", "\"version\": \"2.0.0-rc.1\"", true),
        ("^1.0.0", "\"version\": \"2.0.0\"", false),
    ] {
        let lock = npm(&root(spec), &at("a", package));
        let found = unlocked("package-lock.json", &[("package-lock.json", &lock), ("package.json", &root(spec))]);
        assert_eq!(found.is_empty(), met, "{spec} {package} {found:?}");
    }
}

#[test]
fn the_oldest_npm_lockfiles_are_compared_by_version() {
    let manifest = "{\"dependencies\": {\"a\": \"^2\", \"n\": \"npm:real@^1\"}, \"peerDependencies\": {\"p\": \"^1\"}}";
    let lock = |a: &str, n: &str, more: &str| {
        format!("{{\"lockfileVersion\": 1, \"dependencies\": {{\"a\": {{\"version\": \"{a}\"}}, \"n\": {{\"version\": \"{n}\"}}{more}}}}}")
    };
    let check = |lock: &str| unlocked("package-lock.json", &[("package-lock.json", lock), ("package.json", manifest)]);
    let right = lock("2.0.0", "npm:real@1.0.0", "");
    assert!(check(&right).is_empty());
    assert_eq!(counted("package-lock.json", &[("package-lock.json", &right), ("package.json", manifest)]), [PEER_LEFT_OUT]);
    assert_eq!(check(&lock("1.0.0", "npm:real@1.0.0", "")), ["package.json:1 a ^2"]);
    assert_eq!(check(&lock("2.0.0", "npm:other@1.0.0", "")), ["package.json:1 n npm:real@^1"]);
    assert_eq!(check(&lock("2.0.0", "npm:real@1.0.0", ", \"x\": {\"version\": \"1.0.0\", \"peer\": true}")), ["package.json:1 p ^1"]);
}

#[test]
fn npm_overrides_are_compared_with_what_is_installed() {
    let tree = |ms: &str, number: &str| {
        npm(
            "{\"dependencies\": {\"debug\": \"^4\", \"even\": \"^1\"}}",
            &[
                at("debug", "\"version\": \"4.1.0\", \"dependencies\": {\"ms\": \"^2\"}"),
                at("even", "\"version\": \"1.0.0\", \"dependencies\": {\"odd\": \"^1\"}"),
                at("odd", "\"version\": \"1.0.0\", \"dependencies\": {\"number\": \"^1\"}"),
                at("ms", ms),
                at("number", number),
            ]
            .concat(),
        )
    };
    let (ms, number) = ("\"version\": \"2.1.0\"", "\"version\": \"1.5.0\"");
    for (overrides, ms, number, stale) in [
        ("\"ms\": \"2.1.0\"", ms, number, false),
        ("\"ms\": \"2.0.0\"", ms, number, true),
        ("\"ms\": \"npm:evil@2.1.0\"", ms, number, true),
        ("\"ms\": \"npm:evil@2.1.0\"", "\"name\": \"evil\", \"version\": \"2.1.0\"", number, false),
        ("\"ms@^2\": \"3.0.0\"", ms, number, true),
        ("\"ms@^1\": \"3.0.0\"", ms, number, false),
        ("\"ms@^2\": \"3.0.0\"", "\"version\": \"3.0.0\"", number, false),
        ("\"debug\": \"$debug\"", ms, number, false),
        // What is bundled is never replaced; of several overrides any may count.
        ("\"ms\": \"2.0.0\"", "\"version\": \"2.1.0\", \"inBundle\": true", number, false),
        ("\"ms\": \"2.0.0\", \"debug\": {\"ms\": \"2.1.0\"}", ms, number, false),
        ("\"debug\": {\"ms\": \"2.0.0\"}", ms, number, true),
        ("\"debug@3\": {\"ms\": \"2.0.0\"}", ms, number, false),
        ("\"even\": {\"ms\": \"2.0.0\"}", ms, number, false),
        ("\"even\": {\"number\": \"2.0.0\"}", ms, number, true),
        ("\"even\": {\"odd\": {\"number\": \"2.0.0\"}}", ms, number, true),
        ("\"even\": {\"odd\": {\".\": \"1.0.0\", \"number\": \"2.0.0\"}}", ms, "\"version\": \"2.0.0\"", false),
        ("\"even\": {\"odd\": {\".\": \"1.1.0\"}}", ms, number, true),
        ("\"gone\": \"1.0.0\"", ms, number, false),
    ] {
        let manifest = format!("{{\"dependencies\": {{\"debug\": \"^4\", \"even\": \"^1\"}}, \"overrides\": {{{overrides}}}}}");
        let lock = tree(ms, number);
        let found = unlocked("package-lock.json", &[("package-lock.json", &lock), ("package.json", &manifest)]);
        assert_eq!(!found.is_empty(), stale, "{overrides}: {found:?}");
    }
}

fn pnpm(head: &str, importer: &str) -> String {
    format!(
        "lockfileVersion: '9.0'\n{head}importers:\n  .:\n    dependencies:\n{importer}packages:\n  a@1.0.0:\n    resolution: {{integrity: ''}}\n"
    )
}

fn kept(name: &str, spec: &str) -> String {
    format!("      {name}:\n        specifier: '{spec}'\n        version: a@1.0.0\n")
}

#[test]
fn pnpm_lockfiles_have_optional_and_peer_dependencies_too() {
    let manifest = "{\"dependencies\": {\"a\": \"^1\"}, \"optionalDependencies\": {\"o\": \"^1\"}, \"peerDependencies\": {\"p\": \"^1\"}}";
    let check = |lock: &str| unlocked("pnpm-lock.yaml", &[("pnpm-lock.yaml", lock), ("package.json", manifest)]);
    let peers = "settings:\n  autoInstallPeers: true\n";
    let a = kept("a", "^1");
    assert_eq!(check(&pnpm(peers, &a)), ["package.json:1 o ^1", "package.json:1 p ^1"]);
    assert!(check(&pnpm(peers, &format!("{a}{}{}", kept("o", "^1"), kept("p", "^1")))).is_empty());
    let without = pnpm("", &format!("{a}{}", kept("o", "^1")));
    assert!(check(&without).is_empty());
    assert_eq!(counted("pnpm-lock.yaml", &[("pnpm-lock.yaml", &without), ("package.json", manifest)]), [PEER_LEFT_OUT]);
    // What was a range and is a repository now is not what is locked.
    let moved = "{\"dependencies\": {\"a\": \"o/a\"}}";
    assert_eq!(unlocked("pnpm-lock.yaml", &[("pnpm-lock.yaml", &pnpm("", &a)), ("package.json", moved)]), ["package.json:1 a o/a"]);
}

#[test]
fn pnpm_overrides_are_those_of_the_lockfile() {
    let manifest = |overrides: &str| format!("{{\"dependencies\": {{\"a\": \"^1\"}}, {overrides}}}");
    let check = |manifest: &str, workspace: &str, lock: &str| {
        unlocked("pnpm-lock.yaml", &[("pnpm-lock.yaml", lock), ("package.json", manifest), ("pnpm-workspace.yaml", workspace)])
    };
    let plain = pnpm("", &kept("a", "^1"));
    let replaced = |key: &str, spec: &str| pnpm(&format!("overrides:\n  {key}: {spec}\n"), &kept("a", "^1"));
    let x = manifest("\"pnpm\": {\"overrides\": {\"x\": \"2\"}}");
    assert_eq!(check(&x, "", &plain), ["package.json:1 x 2"]);
    assert_eq!(check(&x, "", &replaced("x", "1")), ["package.json:1 x 2"]);
    assert!(check(&x, "", &replaced("x", "2")).is_empty());
    assert_eq!(check(&manifest("\"resolutions\": {\"x\": \"2\"}"), "", &plain), ["package.json:1 x 2"]);
    assert!(check(&manifest("\"resolutions\": {\"x\": \"$a\"}"), "", &replaced("x", "^1")).is_empty());
    let nothing = manifest("\"private\": true");
    assert_eq!(check(&nothing, "overrides:\n  x: 2\n", &plain), ["pnpm-workspace.yaml:2 x 2"]);
    assert!(check(&nothing, "overrides:\n  x: 'catalog:c'\ncatalogs:\n  c:\n    x: ^3\n", &replaced("x", "^3")).is_empty());
    assert_eq!(check(&nothing, "", &replaced("x", "2")), ["pnpm-lock.yaml:3 override x 2"]);
    assert!(check(&nothing, "", &pnpm("pnpmfileChecksum: abc\noverrides:\n  x: 2\n", &kept("a", "^1"))).is_empty());
    // A package that an override names is compared all the same.
    let own = manifest("\"pnpm\": {\"overrides\": {\"a\": \"1.0.0\"}}");
    let with = |spec: &str| pnpm("overrides:\n  a: 1.0.0\n", &kept("a", spec));
    assert!(check(&own, "", &with("1.0.0")).is_empty());
    assert_eq!(check(&own, "", &with("^3")), ["package.json:1 a ^1"]);
}

#[test]
fn yarn_resolutions_are_those_of_the_lockfile() {
    let manifest =
        |resolutions: &str| format!("{{\"name\": \"p\", \"dependencies\": {{\"a\": \"^1\"}}, \"resolutions\": {{{resolutions}}}}}");
    let one = |lock: &str, resolutions: &str| unlocked("yarn.lock", &[("yarn.lock", lock), ("package.json", &manifest(resolutions))]);
    let old = |more: &str| {
        format!("# yarn lockfile v1\n\na@^1:\n  version \"1.0.0\"\n  dependencies:\n    b \"^1\"\n\n\"b@^1\"{more}:\n  version \"1.0.0\"\n")
    };
    for key in ["b", "**/b", "a/b", "a/**/b"] {
        let resolution = format!("\"{key}\": \"1.0.0\"");
        assert_eq!(one(&old(""), &resolution), ["package.json:1 b 1.0.0"], "{key}");
        assert!(one(&old(", b@1.0.0"), &resolution).is_empty(), "{key}");
    }
    // One for another package's need of it does not excuse what the project asks for.
    let other = "# yarn lockfile v1\n\na@^2:\n  version \"2.0.0\"\n\na@1.0.0:\n  version \"1.0.0\"\n";
    assert_eq!(one(other, "\"x/a\": \"1.0.0\""), ["package.json:1 a ^1"]);
    assert!(one(other, "\"a\": \"1.0.0\"").is_empty());

    let entry = |key: &str, version: &str, more: &str| {
        let name = key.rsplit_once('@').map_or(key, |(name, _)| name);
        format!("\"{key}\":\n  version: {version}\n  resolution: \"{name}@npm:{version}\"\n{more}")
    };
    let berry = |b: &str| {
        format!(
            "__metadata:\n  version: 8\n\"p@workspace:.\":\n  version: 0.0.0\n  resolution: \"p@workspace:.\"\n  dependencies:\n    a: \"npm:^1\"\n{}{}",
            entry("a@npm:^1", "1.0.0", "  dependencies:\n    b: \"npm:^1\"\n"),
            entry(b, "1.0.0", "")
        )
    };
    for (key, counts) in [
        ("b", true),
        ("a/b", true),
        ("a@npm:1.0.0/b", true),
        ("b@npm:^1", true),
        ("a/b@^1", true),
        ("b@npm:^2", false),
        ("x/b", false),
        ("gone", false),
    ] {
        let resolution = format!("\"{key}\": \"1.0.0\"");
        let expected: &[&str] = if counts { &["package.json:1 b 1.0.0"] } else { &[] };
        assert_eq!(one(&berry("b@npm:^1"), &resolution), expected, "{key}");
        assert!(one(&berry("b@npm:1.0.0"), &resolution).is_empty(), "{key}");
    }
    assert_eq!(
        unlocked("yarn.lock", &[("yarn.lock", &berry("b@npm:^1")), ("package.json", "{\"optionalDependencies\": {\"o\": \"^1\"}}")]),
        ["package.json:1 o ^1"]
    );
}

#[test]
fn a_member_of_a_yarn_workspace_counts_where_its_version_does() {
    let root = "{\"workspaces\": [\"m\"], \"dependencies\": {\"m\": \"^1\"}}";
    for (version, expected) in [("1.2.0", vec![]), ("2.0.0", vec!["package.json:1 m ^1"])] {
        let member = format!("{{\"name\": \"m\", \"version\": \"{version}\"}}");
        let files = [("yarn.lock", "# yarn lockfile v1\n"), ("package.json", root), ("m/package.json", &*member)];
        assert_eq!(unlocked("yarn.lock", &files), expected, "{version}");
    }
}
