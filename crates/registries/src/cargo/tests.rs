use crate::test_server::{Reply, TestServer};
use crate::{Environment, Options, Registries, RegistryError, ResolveContext};
use bifocal_core::{Digest, Ecosystem, HttpLimits, Known, PackageName, Release, Sha256};
use std::time::Duration;

const BYTES: &[u8] = b"the crate's bytes";

fn line(version: &str, extra: &str) -> String {
    format!("{{\"name\":\"demo\",\"vers\":\"{version}\",\"deps\":[],\"features\":{{}},\"cksum\":\"{}\"{extra}}}\n", Sha256::of(BYTES).hex())
}

async fn upstream() -> TestServer {
    let server = TestServer::start().await;
    server.serve(
        "/i/config.json",
        Reply::ok(format!(
            "{{\"dl\":\"{}/dl/{{lowerprefix}}/{{crate}}/{{version}}.crate\",\"api\":\"{}\"}}",
            server.address, server.address
        )),
    );
    let index = [
        line("1.0.0", ",\"yanked\":false,\"pubtime\":\"2023-01-01T00:00:00Z\""),
        line("1.1.0", ",\"yanked\":false,\"rust_version\":\"1.80\",\"pubtime\":\"2024-01-01T00:00:00Z\""),
        line("1.2.0", ",\"yanked\":true,\"pubtime\":\"2024-02-01T00:00:00Z\""),
        line("1.0.1", ",\"yanked\":false,\"pubtime\":\"2024-03-01T00:00:00Z\""),
    ];
    server.serve("/i/de/mo/demo", Reply::ok(index.concat()));
    server.serve("/dl/de/mo/demo/1.1.0.crate", Reply::ok(BYTES));
    server.serve("/dl/de/mo/demo/1.0.0.crate", Reply::ok("other bytes"));
    server
}

fn registries(server: &TestServer) -> Registries {
    let limits = HttpLimits { tries: 1, first_backoff: Duration::from_millis(1), ..HttpLimits::default() };
    let mut options = Options { limits, ..Options::default() };
    options.upstreams.insert(Ecosystem::Cargo, vec![format!("sparse+{}/i/", server.address)]);
    Registries::new(Environment { cwd: "/nonexistent".into(), ..Environment::default() }, options).unwrap()
}

fn release(version: &str) -> Release {
    Release::new(Ecosystem::Cargo, "demo", version).unwrap()
}

#[tokio::test]
async fn a_record_holds_what_the_index_says() {
    let server = upstream().await;
    let registries = registries(&server);
    let record = registries.record(&release("1.0.1")).await.unwrap();
    assert_eq!(record.files[0].digests, [Digest::from(Sha256::of(BYTES))]);
    assert_eq!(record.files[0].filename, "demo-1.0.1.crate");
    assert_eq!(record.published_at, Known::Given("2024-03-01T00:00:00Z".parse().unwrap()));
    assert_eq!(record.history.first_published_at, Known::Given("2023-01-01T00:00:00Z".parse().unwrap()));
    assert_eq!(record.history.previous.as_ref().unwrap().version, "1.2.0");
    assert_eq!(record.history.next_lower.as_deref(), Some("1.0.0"));
    assert_eq!(record.history.latest.as_deref(), Some("1.1.0"));
    assert_eq!(record.yanked, None);
    assert_eq!(registries.record(&release("1.2.0")).await.unwrap().yanked.as_deref(), Some(""));
    // One index and one config for all, and no web API where the index has times.
    assert_eq!(server.asked().len(), 2, "{:?}", server.asked());
}

#[tokio::test]
async fn downloads_are_compared_with_the_index() {
    let server = upstream().await;
    let registries = registries(&server);
    let good = registries.record(&release("1.1.0")).await.unwrap();
    assert_eq!(&registries.download(&good.release, &good.files[0]).await.unwrap().bytes[..], BYTES);
    let bad = registries.record(&release("1.0.0")).await.unwrap();
    let error = registries.download(&bad.release, &bad.files[0]).await.unwrap_err();
    assert!(matches!(error, RegistryError::DigestMismatch { .. }), "{error}");
}

#[tokio::test]
async fn requirements_are_resolved_as_cargo_does() {
    let server = upstream().await;
    let registries = registries(&server);
    let package = PackageName::new(Ecosystem::Cargo, "demo").unwrap();
    for (requirement, context, expected) in [
        ("1", ResolveContext::default(), "1.1.0"),
        ("1", ResolveContext { rust: Some("1.75".to_owned()), ..ResolveContext::default() }, "1.0.1"),
        ("=1.1.0", ResolveContext { rust: Some("1.75".to_owned()), ..ResolveContext::default() }, "1.1.0"),
        ("1", ResolveContext { before: "2023-06-01T00:00:00Z".parse().ok(), ..ResolveContext::default() }, "1.0.0"),
    ] {
        assert_eq!(registries.resolve(&package, requirement, &context).await.unwrap().version, expected, "{requirement} {context:?}");
    }
    assert!(matches!(registries.resolve(&package, "1.2", &ResolveContext::default()).await, Err(RegistryError::NothingSatisfies { .. })));
    assert!(matches!(registries.resolve(&package, "latest", &ResolveContext::default()).await, Err(RegistryError::BadRequirement { .. })));
    assert_eq!(registries.versions(&package).await.unwrap().withdrawn.into_iter().collect::<Vec<_>>(), ["1.2.0"]);
}

#[tokio::test]
async fn absence_and_damage_are_told_apart() {
    let server = upstream().await;
    server.serve("/i/br/ok/broken", Reply::ok("<html>"));
    server.serve("/i/re/fu/refused", Reply::status(403));
    server.serve("/i/do/wn/down", Reply::status(500));
    let registries = registries(&server);
    let ask =
        async |name: &str, version: &str| registries.record(&Release::new(Ecosystem::Cargo, name, version).unwrap()).await.unwrap_err();
    assert!(matches!(ask("absent", "1.0.0").await, RegistryError::PackageNotFound { .. }));
    assert!(matches!(ask("demo", "9.9.9").await, RegistryError::VersionNotFound { .. }));
    assert!(matches!(ask("broken", "1.0.0").await, RegistryError::Malformed { .. }));
    assert!(matches!(ask("refused", "1.0.0").await, RegistryError::Refused { status: 403, .. }));
    assert!(matches!(ask("down", "1.0.0").await, RegistryError::Status { status: 500, .. }));
}

#[tokio::test]
async fn the_web_api_is_asked_only_where_the_index_has_no_times() {
    let server = upstream().await;
    server
        .serve("/i/ol/d-/old-one", Reply::ok(line("1.0.0", "").replace("demo", "old-one") + &line("1.1.0", "").replace("demo", "old-one")));
    server.serve("/i/ol/d-/old-two", Reply::ok(line("1.0.0", "").replace("demo", "old-two")));
    server.serve(
        "/api/v1/crates/old-one",
        Reply::ok(
            "{\"crate\":{\"repository\":\"https://git.example/r\"},\"versions\":[{\"num\":\"1.1.0\",\"created_at\":\"2024-01-01T00:00:00Z\",\"published_by\":{\"login\":\"ann\"}}]}",
        ),
    );
    let registries = registries(&server);
    let one = registries.record(&Release::new(Ecosystem::Cargo, "old-one", "1.1.0").unwrap()).await.unwrap();
    assert_eq!(one.publisher.given().unwrap().name, "ann");
    assert_eq!(one.repository.given().unwrap(), "https://git.example/r");
    assert!(one.published_at.given().is_some());
    let two = registries.record(&Release::new(Ecosystem::Cargo, "old-two", "1.0.0").unwrap()).await.unwrap();
    assert_eq!((two.published_at, two.publisher), (Known::Stripped, Known::NotOffered));
}

#[tokio::test]
async fn a_crate_of_a_git_index_is_an_error_that_says_what_to_do() {
    let server = upstream().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("config.toml"),
        format!(
            "[source.crates-io]\nreplace-with = 'm'\n[source.m]\nregistry = 'sparse+{}/i/'\n[registries.corp]\nindex = 'https://git.example/index.git'\n",
            server.address
        ),
    )
    .unwrap();
    let vars = [("CARGO_HOME".to_owned(), folder.path().display().to_string())].into();
    let registries = Registries::new(Environment { vars, home: None, cwd: "/nonexistent".into() }, Options::default()).unwrap();
    assert!(registries.record(&release("1.0.1")).await.is_ok());
    let error = registries.record(&Release::new(Ecosystem::Cargo, "inner", "1.0.0").unwrap()).await.unwrap_err().to_string();
    assert!(error.contains("`corp`") && error.contains("sparse+https://") && error.contains("upstream.cargo"), "{error}");
}
