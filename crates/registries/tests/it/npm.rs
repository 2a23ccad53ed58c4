//! npm end to end: configuration, packuments, tarballs.

use crate::server::{Request, Server, not_found, ok, unannounced};
use bifocal_core::{Ecosystem, Known, PackageName, Release};
use bifocal_registries::{Environment, Options, Registries, RegistryError, ResolveContext};
use std::time::Duration;

const SHA1_ABC: &str = "a9993e364706816aba3e25717850c26c9cd0d89d";
const SRI_ABC: &str = "sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw==";

pub(crate) fn registries(vars: &[(&str, &str)]) -> Registries {
    let mut options = Options::default();
    options.limits.first_backoff = Duration::from_millis(1);
    options.limits.tries = 2;
    let vars = vars.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Registries::new(Environment { vars, home: None, cwd: "/nonexistent".into() }, options).unwrap()
}

fn release(purl: &str) -> Release {
    purl.parse().unwrap()
}

fn packument(origin: &str, full: bool) -> String {
    let people =
        if full { r#","_npmUser":{"name":"ann","email":"ann@example.com"},"maintainers":[{"name":"ann"},{"name":"bob"}]"# } else { "" };
    let signatures = if full { r#","signatures":[{"keyid":"k","sig":"s"}],"attestations":{"url":"a"}"# } else { "" };
    let created = if full { r#""created":"2020-01-01T00:00:00.000Z","modified":"2020-01-01T00:00:00.000Z","# } else { "" };
    format!(
        r#"{{"name":"lib","dist-tags":{{"latest":"1.1.0"}},"versions":{{
          "1.0.0":{{"name":"lib","version":"1.0.0","dist":{{"tarball":"{origin}/npm/lib/-/lib-1.0.0.tgz","shasum":"{SHA1_ABC}"}}{people}}},
          "1.1.0":{{"name":"lib","version":"1.1.0","description":"a lib","license":"MIT","repository":{{"type":"git","url":"git+https://forge.example/lib.git"}},
             "scripts":{{"postinstall":"node setup.js"}},"dist":{{"tarball":"{origin}/npm/lib/-/lib-1.1.0.tgz","shasum":"{SHA1_ABC}","integrity":"{SRI_ABC}"{signatures}}}{people}}}}},
          "time":{{{created}"1.0.0":"2020-01-01T00:00:00.000Z","1.1.0":"2021-02-03T04:05:06.000Z"}}}}"#
    )
}

#[tokio::test]
async fn a_release_is_recorded_and_its_tarball_verified() {
    let server = Server::start(|request: &Request| match request.path.as_str() {
        "/npm/lib" => ok(packument(&request.origin, true)),
        "/npm/lib/-/lib-1.1.0.tgz" => ok("abc"),
        "/npm/lib/-/lib-1.0.0.tgz" => ok("abd"),
        _ => not_found(),
    })
    .await;
    let registries = registries(&[("npm_config_registry", &format!("{}/npm/", server.origin))]);
    let wanted = release("pkg:npm/lib@1.1.0");
    let record = registries.record(&wanted).await.unwrap();
    assert_eq!(record.upstream, "default");
    assert_eq!(record.published_at, Known::Given("2021-02-03T04:05:06Z".parse().unwrap()));
    assert_eq!(record.publisher.given().unwrap().email.as_deref(), Some("ann@example.com"));
    assert_eq!(record.maintainers.given().unwrap().len(), 2);
    assert_eq!(record.repository, Known::Given("git+https://forge.example/lib.git".to_owned()));
    assert_eq!(record.install_scripts["postinstall"], "node setup.js");
    assert!(record.signatures.given().unwrap().contains("keyid"));
    assert_eq!(record.history.previous.as_ref().unwrap().version, "1.0.0");
    assert_eq!(record.history.version_count, 2);
    let files = registries.client_files(&record);
    assert_eq!(files[0].filename, "lib-1.1.0.tgz");
    let download = registries.download(&wanted, files[0]).await.unwrap();
    assert_eq!(&download.bytes[..], b"abc");
    let older = registries.record(&release("pkg:npm/lib@1.0.0")).await.unwrap();
    assert_eq!(older.signatures, Known::NotGiven);
    assert!(matches!(
        registries.download(&older.release, &older.files[0]).await,
        Err(RegistryError::DigestMismatch { algorithm: "sha1", .. })
    ));
    assert_eq!(server.paths().iter().filter(|path| *path == "/npm/lib").count(), 1, "one document answers for both versions");
}

#[tokio::test]
async fn a_body_that_only_its_connection_ends_is_cut_off_rather_than_altered() {
    for (answers, whole) in
        [(["abc", "abc"], true), (["ab", "abc"], true), (["", "abc"], true), (["ab", "a"], false), (["abd", "abd"], false)]
    {
        let server = Server::start(move |request: &Request| match request.path.as_str() {
            "/npm/lib" => ok(packument(&request.origin, true)),
            "/npm/lib/-/lib-1.1.0.tgz" => unannounced(answers[request.earlier.min(1)].as_bytes()),
            _ => not_found(),
        })
        .await;
        let registries = registries(&[("npm_config_registry", &format!("{}/npm/", server.origin))]);
        let wanted = release("pkg:npm/lib@1.1.0");
        let record = registries.record(&wanted).await.unwrap();
        let outcome = registries.download(&wanted, &record.files[0]).await;
        let url = format!("{}/npm/lib/-/lib-1.1.0.tgz", server.origin);
        let got = answers[1].len() as u64;
        match outcome {
            Ok(download) => assert!(whole && &download.bytes[..] == b"abc" && !download.maybe_cut, "{answers:?}"),
            Err(error) => assert_eq!((whole, error), (false, RegistryError::Truncated { url, got, expected: None }), "{answers:?}"),
        }
    }
}

#[tokio::test]
async fn what_a_mirror_strips_is_not_what_a_publisher_never_gave() {
    let server = Server::start(|request: &Request| ok(packument(&request.origin, false))).await;
    let registries = registries(&[("npm_config_registry", &server.origin)]);
    let record = registries.record(&release("pkg:npm/lib@1.0.0")).await.unwrap();
    assert_eq!(record.publisher, Known::Stripped);
    assert_eq!(record.maintainers, Known::Stripped);
    assert_eq!(record.signatures, Known::Stripped);
    assert_eq!(record.files[0].provenance, Known::Stripped);
    assert_eq!(record.license, Known::NotGiven);
}

#[tokio::test]
async fn absence_of_package_and_version_are_told_apart() {
    let server =
        Server::start(|request: &Request| if request.path == "/lib" { ok(packument(&request.origin, true)) } else { not_found() }).await;
    let registries = registries(&[("npm_config_registry", &server.origin)]);
    let error = registries.record(&release("pkg:npm/lib@9.0.0")).await.unwrap_err();
    assert!(matches!(error, RegistryError::VersionNotFound { .. }) && error.is_not_found());
    let error = registries.record(&release("pkg:npm/gone@1.0.0")).await.unwrap_err();
    assert!(matches!(error, RegistryError::PackageNotFound { .. }) && error.is_not_found());
}

#[tokio::test]
async fn scopes_go_to_their_registry_and_tokens_stay_off_tarball_hosts() {
    let files = Server::start(|_: &Request| ok("abc")).await;
    let elsewhere = files.origin.clone();
    let private = Server::start(move |request: &Request| match request.path.as_str() {
        "/@acme%2flib" => ok(packument(&elsewhere, true)),
        _ => not_found(),
    })
    .await;
    let public = Server::start(|request: &Request| ok(packument(&request.origin, true))).await;
    let home = tempfile::tempdir().unwrap();
    let host = private.origin.trim_start_matches("http:");
    std::fs::write(
        home.path().join(".npmrc"),
        format!("registry={}\n@acme:registry={}\n{host}/:_authToken=s3cret\n", public.origin, private.origin),
    )
    .unwrap();
    let env = Environment { home: Some(home.path().to_owned()), cwd: "/nonexistent".into(), ..Environment::default() };
    let registries = Registries::new(env, Options::default()).unwrap();
    let wanted = release("pkg:npm/%40acme/lib@1.1.0");
    let record = registries.record(&wanted).await.unwrap();
    assert_eq!(record.upstream, "@acme");
    registries.download(&wanted, &record.files[0]).await.unwrap();
    assert_eq!(private.log()[0].header("authorization"), "Bearer s3cret");
    assert_eq!(files.log()[0].header("authorization"), "");
    assert_eq!(public.log().len(), 0, "the public registry does not learn the private name");
    assert_eq!(registries.elsewhere(&wanted.package).await.unwrap(), ["@acme", "default"]);
}

#[tokio::test]
async fn ranges_are_resolved_to_what_npm_takes() {
    let server = Server::start(|request: &Request| ok(packument(&request.origin, true))).await;
    let registries = registries(&[("npm_config_registry", &server.origin)]);
    let package = PackageName::new(Ecosystem::Npm, "lib").unwrap();
    let resolve = |range: &'static str| {
        let (registries, package) = (&registries, &package);
        async move { registries.resolve(package, range, &ResolveContext::default()).await.map(|release| release.version) }
    };
    assert_eq!(resolve("^1.0.0").await.unwrap(), "1.1.0");
    assert_eq!(resolve("1.0.x").await.unwrap(), "1.0.0");
    assert!(matches!(resolve("^2").await, Err(RegistryError::NothingSatisfies { .. })));
    assert!(matches!(resolve("a b c ///").await, Err(RegistryError::BadRequirement { .. })));
    let document = registries.versions(&package).await.unwrap();
    assert_eq!(document.versions.iter().map(|point| point.version.as_str()).collect::<Vec<_>>(), ["1.0.0", "1.1.0"]);
    assert_eq!(document.latest.as_deref(), Some("1.1.0"));
}

#[tokio::test]
async fn a_broken_ecosystem_does_not_break_the_others() {
    let server = Server::start(|request: &Request| ok(packument(&request.origin, true))).await;
    let registries = registries(&[("npm_config_registry", &server.origin), ("PIP_INDEX_URL", "nonsense")]);
    registries.record(&release("pkg:npm/lib@1.0.0")).await.unwrap();
    assert!(registries.record(&release("pkg:pypi/lib@1.0.0")).await.unwrap_err().is_configuration());
    let found = registries.describe().await;
    assert_eq!(found[0].upstreams.as_ref().unwrap()[0].source, "registry in npm_config_* variables");
    assert!(found[1].upstreams.is_err());
}

#[tokio::test]
async fn a_kept_record_is_taken_as_long_as_its_document_is_fresh() {
    let server = Server::start(|request: &Request| ok(packument(&request.origin, request.earlier == 0))).await;
    let folder = tempfile::tempdir().unwrap();
    let clock = std::sync::Arc::new(bifocal_core::ManualClock::new("2026-01-01T00:00:00Z".parse().unwrap()));
    let open = |offline: bool, origin: &str| {
        let mut options = Options::default();
        options.cache_dir = Some(folder.path().to_owned());
        options.clock = std::sync::Arc::<bifocal_core::ManualClock>::clone(&clock);
        options.offline = offline;
        options.limits.tries = 1;
        let vars = [("npm_config_registry".to_owned(), origin.to_owned())].into();
        Registries::new(Environment { vars, home: None, cwd: "/nonexistent".into() }, options).unwrap()
    };
    let wanted = release("pkg:npm/lib@1.1.0");
    let first = open(false, &server.origin).record(&wanted).await.unwrap();
    std::fs::remove_dir_all(folder.path().join("http-1")).unwrap();
    clock.advance(jiff::SignedDuration::from_mins(59));
    assert_eq!(open(false, &server.origin).record(&wanted).await.unwrap(), first);
    assert_eq!(server.paths().len(), 1, "the record alone was read");
    clock.advance(jiff::SignedDuration::from_mins(2));
    assert_eq!(open(true, &server.origin).record(&wanted).await.unwrap(), first, "offline takes any age");
    assert!(open(true, "http://127.0.0.1:9/").record(&wanted).await.is_err(), "another upstream's record is not taken");
    assert_eq!(open(false, &server.origin).record(&wanted).await.unwrap().publisher, Known::Stripped);
    assert_eq!(server.paths().len(), 2);
}
