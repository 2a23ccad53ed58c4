use crate::wire::get;
use bifocal_testkit::{MavenDependency, MavenPackage, Upstream, client_or_notice, tempfile};

fn repository() -> Upstream {
    let upstream = Upstream::start();
    upstream
        .publish(
            MavenPackage::new("org.example:parent", "7").packaging("pom").manage("org.example:lib", "2.1").property("java.version", "17"),
        )
        .publish(
            MavenPackage::new("org.example:demo", "1.0.0")
                .parent("org.example:parent", "7")
                .dependency_with(MavenDependency::managed("org.example:lib").exclude("*:*"))
                .dependency_with(MavenDependency::new("org.example:junit", "5").scope("test"))
                .classified("sources", "jar", "not a real archive")
                .published("2024-03-04T05:06:07Z"),
        )
        .publish(MavenPackage::new("org.example:demo", "1.10.0"))
        .publish(MavenPackage::new("org.example:demo", "1.9.0"))
        .publish(MavenPackage::new("org.example:demo", "2.0-SNAPSHOT").snapshot("20240101.010203", 1))
        .publish(MavenPackage::new("org.example:demo", "2.0-SNAPSHOT").snapshot("20240102.010203", 2));
    upstream
}

#[test]
fn metadata_lists_versions_in_order_and_the_newest_release() {
    let upstream = repository();
    let metadata = get(&format!("{}org/example/demo/maven-metadata.xml", upstream.maven_url())).text();
    assert!(metadata.contains("<latest>2.0-SNAPSHOT</latest>") && metadata.contains("<release>1.10.0</release>"), "{metadata}");
    let order: Vec<usize> =
        ["1.0.0<", "1.9.0<", "1.10.0</version>", "2.0-SNAPSHOT</version>"].iter().map(|one| metadata.find(one).unwrap()).collect();
    assert!(order.is_sorted(), "{metadata}");
}

#[test]
fn every_file_has_its_checksums_and_its_date() {
    let upstream = repository();
    let base = format!("{}org/example/demo/1.0.0/demo-1.0.0", upstream.maven_url());
    for suffix in [".jar", ".pom", "-sources.jar"] {
        let file = get(&format!("{base}{suffix}"));
        assert_eq!(file.header("last-modified"), Some("Mon, 04 Mar 2024 05:06:07 GMT"));
        let artifact = bifocal_testkit::Artifact::new("x", file.body);
        for (kind, digest) in [
            ("md5", artifact.md5_hex()),
            ("sha1", artifact.sha1_hex()),
            ("sha256", artifact.sha256_hex()),
            ("sha512", artifact.sha512_hex()),
        ] {
            assert_eq!(get(&format!("{base}{suffix}.{kind}")).text(), digest);
        }
    }
    let pom = get(&format!("{base}.pom")).text();
    assert!(pom.contains("<parent><groupId>org.example</groupId><artifactId>parent</artifactId>"));
    assert!(pom.contains("<exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion>"));
    assert_eq!(get(&format!("{}org/example/parent/7/parent-7.jar", upstream.maven_url())).status, 404);
    upstream.configure(|serving| serving.maven_strong_digests = false);
    assert_eq!(get(&format!("{base}.jar.sha256")).status, 404);
    assert_eq!(get(&format!("{base}.jar.sha1")).status, 200);
}

#[test]
fn a_snapshot_names_its_newest_build_and_keeps_the_old_one() {
    let upstream = repository();
    let folder = format!("{}org/example/demo/2.0-SNAPSHOT", upstream.maven_url());
    let metadata = get(&format!("{folder}/maven-metadata.xml")).text();
    assert!(metadata.contains("<buildNumber>2</buildNumber>") && metadata.contains("<value>2.0-20240102.010203-2</value>"), "{metadata}");
    for build in ["20240101.010203-1", "20240102.010203-2"] {
        assert_eq!(get(&format!("{folder}/demo-2.0-{build}.jar")).status, 200);
    }
}

#[test]
fn settings_send_everything_to_the_mirror() {
    let upstream = repository();
    upstream.require_auth(bifocal_core::Ecosystem::Maven, bifocal_testkit::Auth::basic("reader", "secret"));
    let dir = tempfile::tempdir().unwrap();
    let environment = upstream.environment(dir.path());
    let settings = std::fs::read_to_string(environment.home().join(".m2/settings.xml")).unwrap();
    assert!(settings.contains(&format!("<mirrorOf>*</mirrorOf><url>{}</url>", upstream.maven_url())));
    assert!(settings.contains("<username>reader</username><password>secret</password>"));
    assert_eq!(get(&format!("{}org/example/demo/maven-metadata.xml", upstream.maven_url())).status, 401);
}

/// Plugins are left out: a POM with a parent and an imported bill of materials needs the repository and no plugin.
#[test]
fn the_real_maven_reads_poms_from_it_with_credentials() {
    let Some(mvn) = client_or_notice("mvn", "the_real_maven_reads_poms_from_it_with_credentials") else { return };
    let upstream = repository();
    upstream.publish(MavenPackage::new("org.example:bom", "3").packaging("pom").manage("org.example:demo", "1.0.0"));
    upstream.require_auth(bifocal_core::Ecosystem::Maven, bifocal_testkit::Auth::basic("reader", "secret"));
    let dir = tempfile::tempdir().unwrap();
    let environment = upstream.environment(dir.path());
    let pom =
        MavenPackage::new("org.example:project", "1").packaging("pom").parent("org.example:parent", "7").import("org.example:bom", "3");
    environment.write("project/pom.xml", &pom.pom_text());
    let output = environment.command(mvn).args(["-B", "-q", "validate"]).current_dir(dir.path().join("project")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    for file in ["parent/7/parent-7.pom", "bom/3/bom-3.pom"] {
        for suffix in ["", ".sha1"] {
            let seen = upstream.requests(&format!("/maven/org/example/{file}{suffix}"));
            assert!(seen.iter().any(|access| access.status == 200), "{file}{suffix} in {:?}", upstream.log());
        }
    }
}
