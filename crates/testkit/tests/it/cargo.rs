use crate::wire::get;
use bifocal_core::{Ecosystem, Release};
use bifocal_testkit::{Auth, CrateDependency, CratePackage, Upstream, client_or_notice, tempfile};

fn crates() -> Upstream {
    let upstream = Upstream::start();
    upstream
        .publish(
            CratePackage::new("acme-app", "1.0.0")
                .dependency("abc", "^1")
                .published("2024-02-03T04:05:06Z")
                .publisher("alice")
                .owners(&["alice", "bob"]),
        )
        .publish(CratePackage::new("abc", "1.0.0"))
        .publish(
            CratePackage::new("abc", "1.2.0").dependency_with(CrateDependency::new("winthing", "^1").target("cfg(windows)").optional()),
        )
        .publish(CratePackage::new("abc", "1.3.0").yanked())
        .publish(CratePackage::new("winthing", "1.0.0"));
    upstream
}

#[test]
fn index_lines_and_downloads_agree() {
    let upstream = crates();
    let config = get(&format!("{}config.json", upstream.cargo_index_url())).json();
    let lines = get(&format!("{}ac/me/acme-app", upstream.cargo_index_url())).text();
    let line: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(line["pubtime"], "2024-02-03T04:05:06Z");
    let krate = get(&format!("{}/acme-app/1.0.0/download", config["dl"].as_str().unwrap())).body;
    assert_eq!(line["cksum"], bifocal_core::Sha256::of(&krate).hex());
    let abc = get(&format!("{}3/a/abc", upstream.cargo_index_url())).text();
    assert_eq!(abc.lines().count(), 3);
    assert!(abc.lines().last().unwrap().contains("\"yanked\":true"));
    assert_eq!(get(&format!("{}ab/c/abc", upstream.cargo_index_url())).status, 404);
}

#[test]
fn the_api_knows_publishers_owners_and_later_yanks() {
    let upstream = crates();
    let release: Release = "pkg:cargo/acme-app@1.0.0".parse().unwrap();
    upstream.edit(|catalogue| {
        catalogue.yank(&release, Some(""));
        catalogue.set_publisher(&release, "mallory");
    });
    let api = get(&format!("{}/cargo/api/v1/crates/acme-app", upstream.url())).json();
    assert_eq!(api["versions"][0]["published_by"]["login"], "mallory");
    assert_eq!(api["versions"][0]["yanked"], true);
    let owners = get(&format!("{}/cargo/api/v1/crates/acme-app/owners", upstream.url())).json();
    assert_eq!(owners["users"][1]["login"], "bob");
}

#[test]
fn the_real_cargo_fetches_locked_and_unlocked_with_a_token() {
    let Some(cargo) = client_or_notice("cargo", "the_real_cargo_fetches_locked_and_unlocked_with_a_token") else { return };
    let upstream = crates();
    upstream.require_auth(Ecosystem::Cargo, Auth::bearer("secret-token"));
    let chosen = upstream.closure(&["pkg:cargo/acme-app@1.0.0".parse().unwrap(), "pkg:cargo/abc@1.2.0".parse().unwrap()]);
    assert_eq!(chosen.len(), 2);
    for locked in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let environment = upstream.environment(dir.path());
        let project = dir.path().join("project");
        upstream.write_project(&project, &chosen);
        let mut command = environment.command(&cargo);
        command.arg("fetch").current_dir(&project);
        if locked {
            command.arg("--locked");
        } else {
            std::fs::remove_file(project.join("Cargo.lock")).unwrap();
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let lock = std::fs::read_to_string(project.join("Cargo.lock")).unwrap();
        if locked {
            assert_eq!(lock, upstream.cargo_lock(&chosen));
        } else {
            assert!(lock.contains("name = \"abc\"\nversion = \"1.2.0\""), "{lock}");
        }
    }
    let downloads = upstream.requests("/cargo/dl/*");
    assert!(downloads.iter().all(|access| access.header("authorization") == Some("secret-token")), "{downloads:?}");
}
