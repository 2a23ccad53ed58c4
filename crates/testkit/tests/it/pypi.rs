use crate::wire::{get, get_with};
use bifocal_testkit::{PythonPackage, Upstream, client_or_notice, tempfile};

const JSON: &str = "application/vnd.pypi.simple.v1+json";
/// What pip 23 sends.
const PIP: &str = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01";

fn requests() -> Upstream {
    let upstream = Upstream::start();
    upstream
        .publish(PythonPackage::wheel("Zope.Request", "1.0").requires_python(">=3.8").published("2023-05-01T00:00:00Z"))
        .publish(PythonPackage::sdist("Zope.Request", "1.0").yanked("broken <build>"))
        .publish(
            PythonPackage::wheel("zope-request", "2.0")
                .owners(&["alice"])
                .requires("idna>=2")
                .provenance(serde_json::json!({"version": 1, "attestation_bundles": []})),
        );
    upstream
}

#[test]
fn html_and_json_say_the_same() {
    let upstream = requests();
    let page = format!("{}zope-request/", upstream.pypi_url());
    let html = get(&page).text();
    let json = get_with(&page, &[("Accept", PIP)]);
    assert_eq!(json.header("content-type"), Some(JSON));
    let json = json.json();
    let files = json["files"].as_array().unwrap();
    assert_eq!(files.len(), 3);
    for file in files {
        let link = format!("{}#sha256={}", file["url"].as_str().unwrap(), file["hashes"]["sha256"].as_str().unwrap());
        assert!(html.contains(&link), "{html}");
    }
    assert_eq!(json["versions"], serde_json::json!(["1.0", "2.0"]));
    assert_eq!(files[0]["upload-time"], "2023-05-01T00:00:00.000000Z");
    assert_eq!(files[1]["yanked"], "broken <build>");
    assert!(html.contains("data-yanked=\"broken &lt;build&gt;\"") && html.contains("data-requires-python=\"&gt;=3.8\""));
    assert!(html.contains("data-provenance="));
}

#[test]
fn names_redirect_to_their_normal_form() {
    let upstream = requests();
    for name in ["Zope.Request/", "zope_request", "zope-request"] {
        let answer = get(&format!("{}{name}", upstream.pypi_url()));
        assert_eq!((answer.status, answer.header("location")), (301, Some(&*format!("{}zope-request/", upstream.pypi_url()))), "{name}");
    }
    assert_eq!(get(&format!("{}nothing/", upstream.pypi_url())).status, 404);
}

#[test]
fn files_metadata_and_provenance_are_what_the_index_says() {
    let upstream = requests();
    let json = get_with(&format!("{}zope-request/", upstream.pypi_url()), &[("Accept", JSON)]).json();
    let file = &json["files"][2];
    let url = file["url"].as_str().unwrap();
    let wheel = upstream.read(|catalogue| catalogue.python("zope-request", "2.0")[0].clone());
    assert_eq!(get(url).body, wheel.artifact().bytes());
    let metadata = get(&format!("{url}.metadata")).text();
    assert!(metadata.contains("Requires-Dist: idna>=2"));
    assert_eq!(file["core-metadata"]["sha256"], bifocal_core::Sha256::of(metadata.as_bytes()).hex());
    assert_eq!(get(file["provenance"].as_str().unwrap()).json()["version"], 1);
    let project = get(&format!("{}/pypi/pypi/zope-request/json", upstream.url())).json();
    assert_eq!(project["info"]["version"], "2.0");
    assert_eq!(project["ownership"]["roles"][0]["user"], "alice");
    assert_eq!(get(&format!("{}/pypi/pypi/zope-request/1.0/json", upstream.url())).json()["urls"].as_array().unwrap().len(), 2);
}

#[test]
fn a_stripped_mirror_has_no_dates_and_no_provenance_and_an_html_only_one_no_json() {
    let upstream = requests();
    let page = format!("{}zope-request/", upstream.pypi_url());
    upstream.configure(|serving| *serving = bifocal_testkit::Serving::stripped_mirror());
    let json = get_with(&page, &[("Accept", JSON)]).json();
    assert!(json["files"][2].get("upload-time").is_none() && json["files"][2].get("provenance").is_none());
    assert_eq!(get(&format!("{}/pypi/pypi/zope-request/json", upstream.url())).status, 404);
    upstream.configure(|serving| serving.pypi_json = false);
    assert_eq!(get_with(&page, &[("Accept", PIP)]).header("content-type"), Some("application/vnd.pypi.simple.v1+html"));
}

#[test]
fn the_real_pip_downloads_from_it_with_hashes_and_credentials() {
    let Some(pip) = client_or_notice("pip", "the_real_pip_downloads_from_it_with_hashes_and_credentials") else { return };
    let upstream = Upstream::start();
    upstream
        .publish(PythonPackage::wheel("acme-app", "1.0").requires("acme-lib>=1"))
        .publish(PythonPackage::wheel("acme-lib", "1.5"))
        .publish(PythonPackage::wheel("acme-lib", "1.9").yanked("withdrawn"));
    upstream.require_auth(bifocal_core::Ecosystem::Pypi, bifocal_testkit::Auth::basic("reader", "secret"));
    let dir = tempfile::tempdir().unwrap();
    let environment = upstream.environment(dir.path());
    let chosen = upstream.closure(&["pkg:pypi/acme-app@1.0".parse().unwrap(), "pkg:pypi/acme-lib@1.5".parse().unwrap()]);
    upstream.write_project(dir.path(), &chosen);
    let run = |arguments: &[&str]| environment.command(&pip).args(arguments).current_dir(dir.path()).output().unwrap();
    for arguments in
        [["download", "-q", "-d", "out", "-r", "requirements.txt"].as_slice(), ["download", "-q", "-d", "unpinned", "acme-app"].as_slice()]
    {
        let output = run(arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let folder = dir.path().join(arguments[3]);
        let lib = std::fs::read(folder.join("acme_lib-1.5-py3-none-any.whl")).unwrap();
        assert_eq!(lib, upstream.read(|catalogue| catalogue.python("acme-lib", "1.5")[0].artifact().bytes().to_vec()));
    }
    assert!(upstream.requests("/pypi/files/*").iter().any(|access| access.status == 200 && access.header("authorization").is_some()));
}
