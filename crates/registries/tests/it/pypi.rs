//! PyPI end to end: indexes, files, wheels.

use crate::npm::registries;
use crate::server::{Request, Server, answer, not_found, ok};
use bifocal_core::{Ecosystem, Known, PackageName, Release};
use bifocal_registries::{Environment, Options, Registries, RegistryError, ResolveContext};

const SHA_ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn release(purl: &str) -> Release {
    purl.parse().unwrap()
}

fn file(name: &str, more: &str) -> String {
    format!(r#"{{"filename":"{name}","url":"../../files/{name}","hashes":{{"sha256":"{SHA_ABC}"}},"size":3{more}}}"#)
}

fn page(files: &[String]) -> String {
    format!(r#"{{"meta":{{"api-version":"1.1"}},"name":"lib","files":[{}]}}"#, files.join(","))
}

fn lib() -> String {
    let date = |day: u32| format!(r#","upload-time":"2024-01-{day:02}T00:00:00Z""#);
    page(&[
        file("lib-1.0.tar.gz", &date(1)),
        file("lib-1.0-py3-none-any.whl", &date(2)),
        file("lib-1.0-cp399-cp399-win_amd64.whl", &date(2)),
        file("lib-1.1.tar.gz", &format!("{},\"yanked\":\"oops\"", date(3))),
        file("lib-1.2.tar.gz", &format!("{},\"requires-python\":\">=3.99\"", date(4))),
        file("lib-2.0rc1.tar.gz", &date(5)),
    ])
}

#[tokio::test]
async fn a_release_is_recorded_and_its_best_file_verified() {
    let server = Server::start(|request: &Request| match request.path.as_str() {
        "/simple/lib/" => ok(lib()),
        "/files/lib-1.0-py3-none-any.whl" => ok("abc"),
        "/files/lib-1.0.tar.gz" => ok("ab!"),
        "/pypi/lib/1.0/json" => ok(r#"{"info":{"version":"1.0","project_urls":{"Source":"https://forge.example/lib"},"license_expression":"MIT","summary":"a lib"}}"#),
        _ => not_found(),
    })
    .await;
    let registries = registries(&[("PIP_INDEX_URL", &format!("{}/simple/", server.origin))]);
    let wanted = release("pkg:pypi/lib@1.0.0");
    assert!(registries.record(&wanted).await.is_err_and(|error| matches!(error, RegistryError::VersionNotFound { .. })));
    let wanted = release("pkg:pypi/lib@1.0");
    let record = registries.record(&wanted).await.unwrap();
    assert_eq!(record.files.len(), 3);
    assert_eq!(record.published_at, Known::Given("2024-01-01T00:00:00Z".parse().unwrap()));
    assert_eq!(record.repository, Known::Given("https://forge.example/lib".to_owned()));
    assert_eq!(record.license, Known::Given("MIT".to_owned()));
    assert_eq!(record.publisher, Known::NotOffered);
    assert_eq!(record.files[0].provenance, Known::Stripped);
    assert_eq!(record.history.version_count, 4);
    assert_eq!(record.history.latest.as_deref(), Some("1.2"));
    let files = registries.client_files(&record);
    assert_eq!(files.iter().map(|file| file.filename.as_str()).collect::<Vec<_>>(), ["lib-1.0-py3-none-any.whl"]);
    assert_eq!(&registries.download(&wanted, files[0]).await.unwrap().bytes[..], b"abc");
    assert!(matches!(registries.download(&wanted, &record.files[0]).await, Err(RegistryError::DigestMismatch { algorithm: "sha256", .. })));
}

#[tokio::test]
async fn without_a_json_api_claims_are_stripped_and_it_is_asked_for_once() {
    let server = Server::start(|request: &Request| if request.path.starts_with("/simple/") { ok(lib()) } else { not_found() }).await;
    let registries = registries(&[("PIP_INDEX_URL", &format!("{}/simple/", server.origin))]);
    for version in ["1.0", "1.1", "1.2"] {
        let record = registries.record(&release(&format!("pkg:pypi/lib@{version}"))).await.unwrap();
        assert_eq!(record.repository, Known::Stripped);
        assert_eq!(record.yanked.as_deref(), (version == "1.1").then_some("oops"));
    }
    assert_eq!(server.paths().iter().filter(|path| path.starts_with("/pypi/")).count(), 1);
}

#[tokio::test]
async fn claims_come_from_the_metadata_beside_the_wheel() {
    let server = Server::start(|request: &Request| match request.path.as_str() {
        "/simple/lib/" => ok(page(&[file("lib-1.0-py3-none-any.whl", r#","core-metadata":true"#)])),
        "/files/lib-1.0-py3-none-any.whl.metadata" => {
            answer("200 OK", &[], b"Metadata-Version: 2.1\nSummary: s\nHome-page: https://forge.example/lib\n")
        }
        _ => not_found(),
    })
    .await;
    let registries = registries(&[("PIP_INDEX_URL", &format!("{}/simple/", server.origin))]);
    let record = registries.record(&release("pkg:pypi/lib@1.0")).await.unwrap();
    assert_eq!(record.repository, Known::Given("https://forge.example/lib".to_owned()));
    assert_eq!(record.license, Known::NotGiven);
    assert_eq!(record.published_at, Known::Stripped);
}

#[tokio::test]
async fn pip_takes_the_best_of_all_indexes_and_uv_the_first() {
    let private =
        Server::start(|request: &Request| if request.path == "/lib/" { ok(page(&[file("lib-1.0.tar.gz", "")])) } else { not_found() })
            .await;
    let public =
        Server::start(|request: &Request| if request.path == "/lib/" { ok(page(&[file("lib-99.99.tar.gz", "")])) } else { not_found() })
            .await;
    let package = PackageName::new(Ecosystem::Pypi, "Lib").unwrap();
    let context = ResolveContext::default();
    let pip = registries(&[("PIP_INDEX_URL", &private.origin), ("PIP_EXTRA_INDEX_URL", &public.origin)]);
    assert_eq!(pip.resolve(&package, ">=1", &context).await.unwrap().version, "99.99");
    assert_eq!(pip.elsewhere(&package).await.unwrap(), ["default", "extra-1"]);
    assert_eq!(pip.record(&release("pkg:pypi/lib@99.99")).await.unwrap().upstream, "extra-1");
    let uv = registries(&[("UV_INDEX", &format!("own={}", private.origin)), ("UV_DEFAULT_INDEX", &public.origin)]);
    assert_eq!(uv.resolve(&package, ">=1", &context).await.unwrap().version, "1.0");
    assert_eq!(uv.elsewhere(&package).await.unwrap(), ["own", "default"]);
}

#[tokio::test]
async fn an_index_that_uv_need_not_ask_still_has_to_say_whether_it_has_the_name() {
    let private =
        Server::start(|request: &Request| if request.path == "/lib/" { ok(page(&[file("lib-1.0.tar.gz", "")])) } else { not_found() })
            .await;
    let public = Server::start(|_: &Request| answer("401 Unauthorized", &[], b"")).await;
    let package = PackageName::new(Ecosystem::Pypi, "lib").unwrap();
    let uv = registries(&[("UV_INDEX", &format!("own={}", private.origin)), ("UV_DEFAULT_INDEX", &public.origin)]);
    assert_eq!(uv.record(&release("pkg:pypi/lib@1.0")).await.unwrap().upstream, "own");
    let error = uv.elsewhere(&package).await.unwrap_err();
    assert!(matches!(&error, RegistryError::AlsoOnUnknown { upstream, .. } if upstream == "default"), "{error}");
}

#[tokio::test]
async fn requirements_are_resolved_to_what_pip_takes() {
    let server = Server::start(|request: &Request| if request.path == "/lib/" { ok(lib()) } else { not_found() }).await;
    let registries = registries(&[("PIP_INDEX_URL", &server.origin)]);
    let package = PackageName::new(Ecosystem::Pypi, "lib").unwrap();
    let resolve = |text: &'static str, context: ResolveContext| {
        let (registries, package) = (&registries, &package);
        async move { registries.resolve(package, text, &context).await.map(|release| release.version) }
    };
    assert_eq!(resolve("", ResolveContext::default()).await.unwrap(), "1.0");
    assert_eq!(resolve("==1.1", ResolveContext::default()).await.unwrap(), "1.1");
    assert_eq!(resolve(">=2.0rc1", ResolveContext::default()).await.unwrap(), "2.0rc1");
    assert_eq!(resolve("", ResolveContext { python: Some("3.99".to_owned()), ..ResolveContext::default() }).await.unwrap(), "1.2");
    assert_eq!(resolve("", ResolveContext { prereleases: true, ..ResolveContext::default() }).await.unwrap(), "2.0rc1");
    assert!(matches!(resolve(">=3", ResolveContext::default()).await, Err(RegistryError::NothingSatisfies { .. })));
    assert!(matches!(resolve("^1", ResolveContext::default()).await, Err(RegistryError::BadRequirement { .. })));
}

#[tokio::test]
async fn the_installed_interpreter_chooses_the_wheel() {
    use std::os::unix::fs::PermissionsExt as _;
    let server = Server::start(|request: &Request| match request.path.as_str() {
        "/lib/" => ok(page(&[
            file("lib-1.0-cp39-abi3-manylinux_2_17_aarch64.manylinux2014_aarch64.whl", ""),
            file("lib-1.0-cp310-cp310-manylinux_2_28_aarch64.whl", ""),
            file("lib-1.0-cp310-cp310-manylinux_2_34_aarch64.whl", ""),
            file("lib-1.0-py3-none-any.whl", ""),
        ])),
        _ => not_found(),
    })
    .await;
    let bin = tempfile::tempdir().unwrap();
    let python = bin.path().join("python3");
    let facts = format!(
        r#"{{"implementation":"cpython","version":"3.10.4","platform":"linux-aarch64","libc":["glibc","2.31"],"threaded":false,"bits":64,"mac":"","index":"{}"}}"#,
        server.origin
    );
    std::fs::write(&python, format!("#!/bin/sh\necho '{facts}'\n")).unwrap();
    std::fs::set_permissions(&python, std::fs::Permissions::from_mode(0o755)).unwrap();
    let vars = [("PATH".to_owned(), bin.path().display().to_string()), ("PIP_CONFIG_FILE".to_owned(), "/dev/null".to_owned())];
    let registries =
        Registries::new(Environment { vars: vars.into(), home: None, cwd: "/nonexistent".into() }, Options::default()).unwrap();
    let record = registries.record(&release("pkg:pypi/lib@1.0")).await.unwrap();
    assert_eq!(registries.client_files(&record)[0].filename, "lib-1.0-cp310-cp310-manylinux_2_28_aarch64.whl");
    assert_eq!(registries.describe().await[1].upstreams.as_ref().unwrap()[0].source, "pip's built-in default");
}
