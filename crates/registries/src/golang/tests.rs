use crate::test_server::{Reply, TestServer};
use crate::{Environment, Options, Registries, RegistryError, ResolveContext};
use bifocal_core::{Ecosystem, HttpLimits, Known, PackageName, Release};
use std::time::Duration;

const H1: &str = "h1:NIvaJDMOsjHA8n1jAhLSgzrAzy1Hgr+hNrb57e+94F0=";
const MODULE: &str = "example.com/Demo/lib";
const AT: &str = "/example.com/!demo/lib/@v";

async fn upstream() -> TestServer {
    let server = TestServer::start().await;
    server.serve(&format!("{AT}/list"), Reply::ok("v1.1.0\nv1.0.0\nv1.2.0\nv1.3.0-rc.1\nv0.0.0-20200101000000-0123456789ab\n\n"));
    for (version, time) in [("v1.0.0", "2023-01-01"), ("v1.1.0", "2023-06-01"), ("v1.2.0", "2024-01-01")] {
        let info = format!(
            "{{\"Version\":\"{version}\",\"Time\":\"{time}T00:00:00Z\",\"Origin\":{{\"VCS\":\"git\",\"URL\":\"https://git.example/demo\"}}}}"
        );
        server.serve(&format!("{AT}/{version}.info"), Reply::ok(info));
    }
    server.serve(
        &format!("{AT}/main.info"),
        Reply::ok("{\"Version\":\"v1.2.1-0.20240501000000-0123456789ab\",\"Time\":\"2024-05-01T00:00:00Z\"}"),
    );
    server.serve(&format!("{AT}/v1.2.0.mod"), Reply::ok("// Deprecated: use v2\nmodule example.com/Demo/lib\nretract v1.1.0 // leaks\n"));
    server.serve(&format!("{AT}/v1.2.0.zip"), Reply::ok("zip bytes"));
    server.serve("/sumdb/sum.example/supported", Reply::ok(""));
    server.serve(
        "/sumdb/sum.example/lookup/example.com/!demo/lib@v1.2.0",
        Reply::ok(format!("7\n{MODULE} v1.2.0 {H1}\n{MODULE} v1.2.0/go.mod {H1}\n\na tree\n")),
    );
    server
}

fn registries(proxies: &str, more: &[(&str, &str)]) -> Registries {
    let limits = HttpLimits { tries: 1, first_backoff: Duration::from_millis(1), ..HttpLimits::default() };
    let options = Options { limits, ..Options::default() };
    let mut vars = vec![("GOPROXY", proxies), ("GOSUMDB", "sum.example")];
    vars.extend(more);
    let vars = vars.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    Registries::new(Environment { vars, home: None, cwd: "/nonexistent".into() }, options).unwrap()
}

fn release(version: &str) -> Release {
    Release::new(Ecosystem::Golang, MODULE, version).unwrap()
}

#[tokio::test]
async fn a_record_joins_info_list_sums_and_the_newest_go_mod() {
    let server = upstream().await;
    let registries = registries(&server.address, &[]);
    let record = registries.record(&release("v1.2.0")).await.unwrap();
    assert_eq!(record.files[0].filename, "lib@v1.2.0.zip");
    assert_eq!(record.files[0].digests.iter().map(ToString::to_string).collect::<Vec<_>>(), [H1]);
    assert_eq!(record.published_at, Known::Given("2024-01-01T00:00:00Z".parse().unwrap()));
    assert_eq!(record.repository.given().unwrap(), "https://git.example/demo");
    assert_eq!(record.deprecated.as_deref(), Some("use v2"));
    assert_eq!(
        (record.history.version_count, record.history.next_lower.as_deref(), record.history.latest.as_deref()),
        (4, Some("v1.1.0"), Some("v1.2.0"))
    );
    assert_eq!(record.history.first_published_at, Known::Given("2023-01-01T00:00:00Z".parse().unwrap()));
    assert_eq!(record.yanked, None);
    let old = registries.record(&release("v1.1.0")).await.unwrap();
    assert_eq!(old.yanked.as_deref(), Some("leaks"));
    assert!(old.files[0].digests.is_empty(), "a lookup that fails is no digest");
    assert_eq!(&registries.download(&record.release, &record.files[0]).await.unwrap().bytes[..], b"zip bytes");
}

#[tokio::test]
async fn queries_are_resolved_as_the_go_command_does() {
    let server = upstream().await;
    let registries = registries(&server.address, &[]);
    let package = PackageName::new(Ecosystem::Golang, MODULE).unwrap();
    let before = ResolveContext { before: "2023-02-01T00:00:00Z".parse().ok(), ..ResolveContext::default() };
    for (requirement, context, expected) in [
        ("latest", ResolveContext::default(), "v1.2.0"),
        ("latest", before, "v1.0.0"),
        (">v1.0.0", ResolveContext::default(), "v1.1.0"),
        ("<v1.2.0", ResolveContext::default(), "v1.0.0"),
        ("v1.0.5", ResolveContext::default(), "v1.0.5"),
        ("main", ResolveContext::default(), "v1.2.1-0.20240501000000-0123456789ab"),
    ] {
        assert_eq!(registries.resolve(&package, requirement, &context).await.unwrap().version, expected, "{requirement}");
    }
    assert!(matches!(registries.resolve(&package, "../x", &ResolveContext::default()).await, Err(RegistryError::BadRequirement { .. })));
    assert!(matches!(registries.resolve(&package, ">v9", &ResolveContext::default()).await, Err(RegistryError::NothingSatisfies { .. })));
}

#[tokio::test]
async fn a_comma_falls_through_absence_alone_and_a_pipe_through_failure_too() {
    let (first, second) = (TestServer::start().await, upstream().await);
    let list = |separator: &str| format!("{}{separator}{}", first.address, second.address);
    let ask = async |list: &str| registries(list, &[("GOSUMDB", "off")]).record(&release("v1.2.0")).await;
    assert_eq!(ask(&list(",")).await.unwrap().upstream, "proxy-2");
    for path in ["list", "v1.2.0.info", "v1.2.0.mod"] {
        first.serve(&format!("{AT}/{path}"), Reply::status(403));
    }
    assert!(matches!(ask(&list(",")).await, Err(RegistryError::Refused { .. })));
    assert_eq!(ask(&list("|")).await.unwrap().upstream, "proxy-2");
}

#[tokio::test]
async fn private_modules_and_direct_are_errors_that_say_so_and_ask_nobody() {
    let server = upstream().await;
    let private = registries(&server.address, &[("GOPRIVATE", "example.com/Demo")]);
    let error = private.record(&release("v1.2.0")).await.unwrap_err();
    assert!(matches!(&error, RegistryError::NotServed { .. }) && error.to_string().contains("GOPRIVATE"), "{error}");
    assert_eq!(server.asked(), []);
    let error = private.admits(&release("v1.2.0").package).await.unwrap_err();
    assert!(matches!(error, RegistryError::NotServed { .. }), "{error}");
    let direct = registries(&format!("{},direct", server.address), &[]);
    assert!(direct.admits(&release("v1.2.0").package).await.is_ok());
    let absent = Release::new(Ecosystem::Golang, "example.com/absent", "v1.0.0").unwrap();
    let error = direct.record(&absent).await.unwrap_err();
    assert!(matches!(&error, RegistryError::NotServed { .. }) && error.to_string().contains("`direct`"), "{error}");
    let error = direct.record(&release("v7.0.0")).await.unwrap_err();
    assert!(matches!(error, RegistryError::VersionNotFound { .. }), "{error}");
    assert!(matches!(registries(&server.address, &[]).record(&absent).await, Err(RegistryError::PackageNotFound { .. })));
}

#[tokio::test]
async fn the_checksum_database_is_not_asked_for_what_is_kept_from_it() {
    let server = upstream().await;
    let kept = registries(&server.address, &[("GONOSUMDB", "example.com")]);
    assert!(kept.record(&release("v1.2.0")).await.unwrap().files[0].digests.is_empty());
    assert!(server.asked().iter().all(|(path, _)| !path.starts_with("/sumdb")));
}

#[tokio::test]
async fn a_proxy_that_answers_for_another_version_is_malformed() {
    let server = upstream().await;
    server.serve(&format!("{AT}/v1.0.1.info"), Reply::ok("{\"Version\":\"v1.0.0\"}"));
    server.serve(&format!("{AT}/v1.0.2.info"), Reply::ok("<html>"));
    let registries = registries(&server.address, &[]);
    for version in ["v1.0.1", "v1.0.2"] {
        let error = registries.record(&release(version)).await.unwrap_err();
        assert!(matches!(error, RegistryError::Malformed { .. }), "{error}");
    }
}
