use crate::test_server::{Reply, TestServer};
use crate::{Environment, Options, Registries, RegistryError, ResolveContext};
use bifocal_core::{Algorithm, ArtifactKind, Digest, Ecosystem, HttpLimits, Known, PackageName, Release, Sha256};
use std::time::Duration;

const JAR: &[u8] = b"the jar's bytes";
const DATE: &str = "Wed, 31 Jan 2024 12:00:00 GMT";

async fn upstream() -> TestServer {
    let server = TestServer::start().await;
    let versions: String = ["1.0", "1.1", "1.2-SNAPSHOT", "2.0-M1"].iter().map(|version| format!("<version>{version}</version>")).collect();
    server.serve(
        "/m2/org/demo/lib/maven-metadata.xml",
        Reply::ok(format!("<metadata><versioning><release>1.1</release><versions>{versions}</versions></versioning></metadata>")),
    );
    server.serve(
        "/m2/org/demo/lib/1.1/lib-1.1.pom",
        Reply::ok(
            "<project><parent><groupId>org.demo</groupId><artifactId>parent</artifactId><version>3</version></parent><artifactId>lib</artifactId><version>1.1</version><packaging>bundle</packaging><description>A  demo</description></project>",
        )
        .header("Last-Modified", DATE),
    );
    server.serve("/m2/org/demo/lib/1.0/lib-1.0.pom", Reply::ok("<project/>").header("Last-Modified", "Sun, 01 Jan 2023 00:00:00 GMT"));
    server.serve(
        "/m2/org/demo/parent/3/parent-3.pom",
        Reply::ok("<project><packaging>pom</packaging><scm><url>https://git.example/demo</url></scm><licenses><license><name>MIT</name></license></licenses></project>"),
    );
    server.serve("/m2/org/demo/lib/1.1/lib-1.1.jar", Reply::ok(JAR));
    server.serve("/m2/org/demo/lib/1.1/lib-1.1.jar.sha1", Reply::ok("B0DCAF0E  lib-1.1.jar"));
    server.serve("/m2/org/demo/lib/1.1/lib-1.1.jar.sha256", Reply::ok(Sha256::of(JAR).hex()));
    server
}

fn registries(server: &TestServer) -> Registries {
    let limits = HttpLimits { tries: 1, first_backoff: Duration::from_millis(1), ..HttpLimits::default() };
    let mut options = Options { limits, ..Options::default() };
    options.upstreams.insert(Ecosystem::Maven, vec![format!("{}/empty", server.address), format!("{}/m2", server.address)]);
    Registries::new(Environment { cwd: "/nonexistent".into(), ..Environment::default() }, options).unwrap()
}

fn release(version: &str) -> Release {
    Release::new(Ecosystem::Maven, "org.demo:lib", version).unwrap()
}

#[tokio::test]
async fn a_record_joins_pom_parent_metadata_and_checksums() {
    let server = upstream().await;
    let registries = registries(&server);
    let record = registries.record(&release("1.1")).await.unwrap();
    assert_eq!(record.upstream, "upstream-2");
    assert_eq!(
        record.files.iter().map(|file| (file.filename.as_str(), file.kind)).collect::<Vec<_>>(),
        [("lib-1.1.jar", ArtifactKind::Jar), ("lib-1.1.pom", ArtifactKind::Pom)]
    );
    assert_eq!(record.files[0].digests, [Digest::from(Sha256::of(JAR))]);
    assert_eq!(record.published_at, Known::Given("2024-01-31T12:00:00Z".parse().unwrap()));
    assert_eq!(record.repository.given().unwrap(), "https://git.example/demo");
    assert_eq!(record.license.given().unwrap(), "MIT");
    assert_eq!(record.history.version_count, 4);
    assert_eq!(record.history.next_lower.as_deref(), Some("1.0"));
    assert_eq!(record.history.latest.as_deref(), Some("1.1"));
    assert_eq!(record.history.first_published_at, Known::Given("2023-01-01T00:00:00Z".parse().unwrap()));
    let download = registries.download(&record.release, registries.client_files(&record)[0]).await.unwrap();
    assert_eq!(&download.bytes[..], JAR);
    assert_eq!(registries.elsewhere(&record.release.package).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn a_jar_that_is_not_its_checksum_is_refused() {
    let server = upstream().await;
    server.serve("/m2/org/demo/lib/1.1/lib-1.1.jar", Reply::ok("bent"));
    let registries = registries(&server);
    let record = registries.record(&release("1.1")).await.unwrap();
    let error = registries.download(&record.release, &record.files[0]).await.unwrap_err();
    assert!(matches!(error, RegistryError::DigestMismatch { algorithm: "sha256", .. }), "{error}");
}

#[tokio::test]
async fn a_pom_alone_is_the_file_of_a_pom_packaging() {
    let server = upstream().await;
    server.serve("/m2/org/demo/parent/3/parent-3.pom.md5", Reply::ok("900150983cd24fb0d6963f7d28e17f72"));
    let registries = registries(&server);
    let record = registries.record(&Release::new(Ecosystem::Maven, "org.demo:parent", "3").unwrap()).await.unwrap();
    assert_eq!(registries.client_files(&record).iter().map(|file| file.filename.as_str()).collect::<Vec<_>>(), ["parent-3.pom"]);
    assert_eq!(record.files[0].digests[0].algorithm(), Algorithm::Md5);
    assert_eq!((record.published_at, record.history.first_published_at), (Known::Stripped, Known::Stripped));
}

#[tokio::test]
async fn a_release_that_moved_is_its_pom_and_says_where_to() {
    let server = upstream().await;
    let pom = "<project><groupId>org.demo</groupId><artifactId>old</artifactId><version>2</version><distributionManagement><relocation><artifactId>lib</artifactId></relocation></distributionManagement></project>";
    server.serve("/m2/org/demo/old/2/old-2.pom", Reply::ok(pom));
    let record = registries(&server).record(&Release::new(Ecosystem::Maven, "org.demo:old", "2").unwrap()).await.unwrap();
    assert_eq!(record.deprecated.as_deref(), Some("relocated to org.demo:lib:2"));
    assert_eq!(record.files.iter().map(|file| file.filename.as_str()).collect::<Vec<_>>(), ["old-2.pom"]);
}

#[tokio::test]
async fn snapshots_and_classifiers_name_their_files() {
    let server = upstream().await;
    server.serve(
        "/m2/org/demo/lib/1.2-SNAPSHOT/maven-metadata.xml",
        Reply::ok("<metadata><versioning><snapshot><timestamp>20240201.000000</timestamp><buildNumber>7</buildNumber></snapshot><lastUpdated>20240201000000</lastUpdated></versioning></metadata>"),
    );
    server.serve(
        "/m2/org/demo/lib/1.2-SNAPSHOT/lib-1.2-20240201.000000-7.pom",
        Reply::ok("<project><version>1.2-SNAPSHOT</version></project>"),
    );
    let registries = registries(&server);
    let record = registries.record(&release("1.2-SNAPSHOT")).await.unwrap();
    assert_eq!(record.files[0].filename, "lib-1.2-20240201.000000-7.jar");
    assert!(record.files[0].url.ends_with("/m2/org/demo/lib/1.2-SNAPSHOT/lib-1.2-20240201.000000-7.jar"));
    assert_eq!(record.published_at, Known::Given("2024-02-01T00:00:00Z".parse().unwrap()));
    let native = registries.maven_file(&release("1.1"), "linux-x86_64", "jar").await.unwrap();
    assert_eq!(native.filename, "lib-1.1-linux-x86_64.jar");
    assert!(registries.maven_file(&release("1.1"), "../../x", "jar").await.is_err());
}

#[tokio::test]
async fn ranges_take_the_highest_and_soft_versions_themselves() {
    let server = upstream().await;
    let registries = registries(&server);
    let package = PackageName::new(Ecosystem::Maven, "org.demo:lib").unwrap();
    let before = ResolveContext { before: "2023-06-01T00:00:00Z".parse().ok(), ..ResolveContext::default() };
    for (requirement, context, expected) in [
        ("[1.0,1.2)", ResolveContext::default(), "1.2-SNAPSHOT"),
        ("[1.0,1.1]", ResolveContext::default(), "1.1"),
        ("[1.0,1.1]", before, "1.0"),
        ("1.0.7", ResolveContext::default(), "1.0.7"),
        ("RELEASE", ResolveContext::default(), "2.0-M1"),
    ] {
        assert_eq!(registries.resolve(&package, requirement, &context).await.unwrap().version, expected, "{requirement}");
    }
    for requirement in ["[", "${x}", "a/b", ""] {
        assert!(
            matches!(
                registries.resolve(&package, requirement, &ResolveContext::default()).await,
                Err(RegistryError::BadRequirement { .. })
            ),
            "{requirement}"
        );
    }
    assert!(matches!(registries.resolve(&package, "[3,)", &ResolveContext::default()).await, Err(RegistryError::NothingSatisfies { .. })));
}

#[tokio::test]
async fn absence_and_failure_are_told_apart_and_a_failing_repository_hides_no_other() {
    let server = upstream().await;
    let registries = registries(&server);
    assert!(matches!(registries.record(&release("9")).await, Err(RegistryError::VersionNotFound { .. })));
    let absent = Release::new(Ecosystem::Maven, "org.demo:absent", "1").unwrap();
    assert!(matches!(registries.record(&absent).await, Err(RegistryError::PackageNotFound { .. })));
    server.serve("/empty/org/demo/lib/1.1/lib-1.1.pom", Reply::status(500));
    server.serve("/empty/org/demo/absent/2/absent-2.pom", Reply::status(403));
    assert_eq!(registries.record(&release("1.1")).await.unwrap().upstream, "upstream-2");
    let refused = Release::new(Ecosystem::Maven, "org.demo:absent", "2").unwrap();
    assert!(matches!(registries.record(&refused).await, Err(RegistryError::Refused { .. })));
}

#[tokio::test]
async fn checksums_that_cannot_be_had_are_an_error_not_silence() {
    let server = upstream().await;
    for kind in ["sha1", "sha256", "sha512"] {
        server.serve(&format!("/m2/org/demo/lib/1.1/lib-1.1.jar.{kind}"), Reply::status(500));
    }
    assert!(matches!(registries(&server).record(&release("1.1")).await, Err(RegistryError::Status { status: 500, .. })));
}

#[tokio::test]
async fn poms_are_handed_out_for_their_readers() {
    let server = upstream().await;
    let registries = registries(&server);
    let package = PackageName::new(Ecosystem::Maven, "org.demo:parent").unwrap();
    assert!(registries.pom(&package, "3").await.unwrap().starts_with(b"<project>"));
    assert!(registries.pom(&package, "../../3").await.is_err());
}
