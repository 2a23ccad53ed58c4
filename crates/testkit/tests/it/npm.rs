use crate::wire::{get, get_with, try_request};
use bifocal_testkit::{NpmPackage, Upstream, client_or_notice, tempfile};

fn two_packages() -> Upstream {
    let upstream = Upstream::start();
    upstream
        .publish(NpmPackage::new("left-pad", "1.2.0").published("2023-01-01T00:00:00Z").publisher("alice"))
        .publish(
            NpmPackage::new("left-pad", "1.3.0")
                .file("index.js", "module.exports = s => s;\n")
                .published("2024-01-01T00:00:00Z")
                .publisher("mallory")
                .script("postinstall", "node setup.js")
                .signature("SHA256:key", "MEUC")
                .attestations(serde_json::json!({"attestations": []})),
        )
        .publish(NpmPackage::new("left-pad", "2.0.0-rc.1").deprecated("too early"))
        .publish(NpmPackage::new("@acme/app", "1.0.0").dependency("left-pad", "^1.2.0"));
    upstream
}

#[test]
fn the_full_packument_says_all_and_the_abbreviated_one_says_less() {
    let upstream = two_packages();
    let full = get(&format!("{}left-pad", upstream.npm_url())).json();
    assert_eq!(full["dist-tags"]["latest"], "1.3.0");
    assert_eq!(full["time"]["1.3.0"], "2024-01-01T00:00:00.000Z");
    assert_eq!(full["time"]["created"], "2020-01-01T00:00:00.000Z");
    assert_eq!(full["versions"]["1.3.0"]["_npmUser"]["name"], "mallory");
    assert_eq!(full["versions"]["1.3.0"]["dist"]["signatures"][0]["keyid"], "SHA256:key");
    assert_eq!(full["versions"]["2.0.0-rc.1"]["deprecated"], "too early");
    let short = get_with(&format!("{}left-pad", upstream.npm_url()), &[("Accept", "application/vnd.npm.install-v1+json; q=1.0, */*")]);
    assert_eq!(short.header("content-type"), Some("application/vnd.npm.install-v1+json"));
    let short = short.json();
    assert_eq!(short["versions"]["1.3.0"]["hasInstallScript"], true);
    assert!(short["versions"]["1.3.0"].get("_npmUser").is_none() && short.get("time").is_none());
}

#[test]
fn scoped_names_are_found_in_both_spellings_and_tarballs_match_their_digests() {
    let upstream = two_packages();
    for spelling in ["@acme/app", "@acme%2fapp", "%40acme%2Fapp"] {
        let document = get(&format!("{}{spelling}", upstream.npm_url())).json();
        let dist = &document["versions"]["1.0.0"]["dist"];
        let tarball = get(dist["tarball"].as_str().unwrap()).body;
        let built = upstream.read(|catalogue| catalogue.npm("@acme/app", "1.0.0").unwrap().artifact().clone());
        assert_eq!(tarball, built.bytes());
        assert_eq!(dist["integrity"], built.integrity());
    }
}

#[test]
fn keys_attestations_tags_and_advisories_have_their_endpoints() {
    let upstream = two_packages();
    let npm = upstream.npm_url();
    assert_eq!(get(&format!("{npm}-/npm/v1/keys")).status, 404);
    upstream.edit(|catalogue| {
        catalogue.npm_keys = Some(serde_json::json!({"keys": []}));
        catalogue.npm_advisories.insert("left-pad".to_owned(), serde_json::json!([{"id": 1}]));
    });
    assert_eq!(get(&format!("{npm}-/npm/v1/keys")).json()["keys"], serde_json::json!([]));
    assert_eq!(get(&format!("{npm}-/npm/v1/attestations/left-pad@1.3.0")).status, 200);
    assert_eq!(get(&format!("{npm}-/npm/v1/attestations/left-pad@1.2.0")).status, 404);
    assert_eq!(get(&format!("{npm}-/package/left-pad/dist-tags")).json()["latest"], "1.3.0");
    assert_eq!(get(&format!("{npm}left-pad/latest")).json()["version"], "1.3.0");
    let bulk =
        try_request("POST", &format!("{npm}-/npm/v1/security/advisories/bulk"), &[], br#"{"left-pad":["1.3.0"],"x":["1"]}"#).unwrap();
    assert_eq!(bulk.json(), serde_json::json!({"left-pad": [{"id": 1}]}));
}

#[test]
fn the_same_builder_gives_the_same_bytes() {
    let build = || NpmPackage::new("a", "1.0.0").file("b/c.js", "1").file("a.js", "2").build().artifact().sha256();
    assert_eq!(build(), build());
}

#[test]
fn the_real_npm_installs_from_it() {
    let Some(npm) = client_or_notice("npm", "the_real_npm_installs_from_it") else { return };
    let upstream = Upstream::start();
    upstream
        .publish(NpmPackage::new("left-pad", "1.3.0").file("index.js", "module.exports = s => s;\n"))
        .publish(NpmPackage::new("@acme/app", "1.0.0").dependency("left-pad", "^1.2.0"));
    let dir = tempfile::tempdir().unwrap();
    let environment = upstream.environment(dir.path());
    environment.write("project/package.json", r#"{"name":"p","version":"0.0.0","private":true,"dependencies":{"@acme/app":"^1.0.0"}}"#);
    let project = dir.path().join("project");
    let output = environment.command(npm).args(["install", "--no-progress"]).current_dir(&project).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let installed = std::fs::read_to_string(project.join("node_modules/left-pad/index.js")).unwrap();
    assert_eq!(installed, "module.exports = s => s;\n");
    assert_eq!(upstream.requests("/npm/*.tgz").len(), 2);
    assert!(upstream.log().iter().all(|access| access.status == 200), "{:?}", upstream.log());
}
