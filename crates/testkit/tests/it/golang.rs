use crate::wire::get;
use bifocal_testkit::{GoModule, Upstream, client_or_notice, tempfile};

fn modules() -> Upstream {
    let upstream = Upstream::start();
    upstream
        .publish(
            GoModule::new("example.com/acme/App", "v1.0.0").require("example.com/acme/lib", "v1.1.0").published("2024-01-02T03:04:05Z"),
        )
        .publish(
            GoModule::new("example.com/acme/lib", "v1.1.0")
                .origin("https://git.example/acme/lib", "0123456789012345678901234567890123456789"),
        )
        .publish(GoModule::new("example.com/acme/lib", "v1.2.0-rc.1"))
        .publish(GoModule::new("example.com/acme/lib", "v1.1.1-0.20240102030405-0123456789ab").retract("v1.1.0", "broken"));
    upstream
}

#[test]
fn the_proxy_lists_describes_and_escapes() {
    let upstream = modules();
    let go = upstream.go_url();
    assert_eq!(get(&format!("{go}/example.com/acme/lib/@v/list")).text(), "v1.1.0\nv1.2.0-rc.1\n");
    assert_eq!(get(&format!("{go}/example.com/acme/lib/@latest")).json()["Version"], "v1.1.0");
    assert_eq!(get(&format!("{go}/example.com/acme/!app/@v/v1.0.0.info")).json()["Time"], "2024-01-02T03:04:05Z");
    assert_eq!(get(&format!("{go}/example.com/acme/App/@v/v1.0.0.info")).status, 404);
    assert_eq!(get(&format!("{go}/sumdb/sum.example/supported")).status, 404);
    upstream.configure(|serving| serving.go_sumdb = Some("sum.example".to_owned()));
    let lookup = get(&format!("{go}/sumdb/sum.example/lookup/example.com/acme/!app@v1.0.0")).text();
    assert!(lookup.lines().nth(1).unwrap().starts_with("example.com/acme/App v1.0.0 h1:"), "{lookup}");
}

#[test]
fn the_real_go_downloads_and_agrees_on_every_digest() {
    let Some(go) = client_or_notice("go", "the_real_go_downloads_and_agrees_on_every_digest") else { return };
    let upstream = modules();
    let dir = tempfile::tempdir().unwrap();
    let environment = upstream.environment(dir.path());
    let chosen = upstream.closure(&["pkg:golang/example.com/acme/App@v1.0.0".parse().unwrap()]);
    let project = dir.path().join("project");
    upstream.write_project(&project, &chosen);
    let sums = std::fs::read_to_string(project.join("go.sum")).unwrap();
    assert_eq!(sums.lines().count(), 4);
    let download = || environment.command(&go).args(["mod", "download", "-json"]).current_dir(&project).output().unwrap();
    let output = download();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).unwrap();
    for line in sums.lines() {
        assert!(printed.contains(line.rsplit(' ').next().unwrap()), "{line} is not in {printed}");
    }
    // And it notices when what is served is not what go.sum says.
    upstream.mutate(1, bifocal_testkit::Mutation::Byte, &chosen);
    let cleaned = environment.command(&go).args(["clean", "-modcache"]).current_dir(&project).status().unwrap();
    assert!(cleaned.success());
    let output = download();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).contains("checksum mismatch"));
}

#[test]
fn the_real_go_believes_the_checksum_database_and_no_other() {
    let Some(go) = client_or_notice("go", "the_real_go_believes_the_checksum_database_and_no_other") else { return };
    let upstream = Upstream::start();
    // More than one tile, so that the proof goes through two levels.
    for number in 0..300 {
        upstream.publish(GoModule::new(&format!("example.com/m{number}"), "v1.0.0"));
    }
    upstream.configure(|serving| serving.go_sumdb = Some("sum.example".to_owned()));
    let get_module = |key: &str| {
        let dir = tempfile::tempdir().unwrap();
        let mut environment = upstream.environment(dir.path());
        environment.set("GOSUMDB", key);
        environment.unset("GONOSUMDB");
        let project = dir.path().join("project");
        std::fs::create_dir(&project).unwrap();
        std::fs::write(project.join("go.mod"), "module example.com/project\n\ngo 1.20\n").unwrap();
        let output = environment.command(&go).args(["get", "example.com/m7@v1.0.0"]).current_dir(&project).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (fine, said) = get_module(&bifocal_testkit::sumdb_key("sum.example"));
    assert!(fine, "{said}");
    assert!(!upstream.requests("/go/sumdb/sum.example/tile/*").is_empty());
    let (fine, said) = get_module(&bifocal_testkit::sumdb_key("other.example"));
    assert!(!fine && said.contains("other.example"), "{said}");
}
