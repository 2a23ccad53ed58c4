use bifocal_core::Ecosystem;
use bifocal_testkit::{Auth, Mutation, NpmPackage, Upstream, World, client_or_notice, tempfile};

#[test]
fn real_clients_reach_a_named_upstream_through_its_proxy() {
    let upstream = Upstream::start_named("registry.example");
    let world = World::new(4, 200);
    upstream.edit(|catalogue| catalogue.serve_world(world.clone()));
    let dir = tempfile::tempdir().unwrap();
    let environment = upstream.environment(dir.path());
    for (ecosystem, program, arguments) in [
        (Ecosystem::Npm, "npm", ["ci", "--no-progress"].as_slice()),
        (Ecosystem::Pypi, "pip", &["download", "-q", "-d", "out", "-r", "requirements.txt"]),
        (Ecosystem::Cargo, "cargo", &["fetch", "--locked"]),
        (Ecosystem::Golang, "go", &["mod", "download"]),
    ] {
        let Some(client) = client_or_notice(program, "real_clients_reach_a_named_upstream_through_its_proxy") else { continue };
        let chosen = world.closure(ecosystem, [30]);
        let numbers: Vec<usize> = chosen.iter().map(|one| world.number(&one.package).unwrap()).collect();
        upstream.edit(|catalogue| world.publish(catalogue, ecosystem, numbers));
        let project = dir.path().join(program);
        upstream.write_project(&project, &chosen);
        let output = environment.command(client).args(arguments).current_dir(&project).output().unwrap();
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let log = upstream.log();
    assert!(log.iter().all(|access| access.status == 200 && access.header("host") == Some("registry.example")), "{log:?}");
}

#[test]
fn the_real_npm_sends_its_token_and_refuses_an_altered_byte() {
    let Some(npm) = client_or_notice("npm", "the_real_npm_sends_its_token_and_refuses_an_altered_byte") else { return };
    let upstream = Upstream::start();
    upstream.publish(NpmPackage::new("pad", "1.0.0")).require_auth(Ecosystem::Npm, Auth::bearer("t0ken"));
    let releases = upstream.read(|catalogue| catalogue.releases(Ecosystem::Npm));
    let install = || {
        let dir = tempfile::tempdir().unwrap();
        let environment = upstream.environment(dir.path());
        let project = dir.path().join("project");
        upstream.write_project(&project, &releases);
        environment.command(&npm).args(["ci", "--no-progress"]).current_dir(&project).output().unwrap()
    };
    let output = install();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(upstream.log().iter().all(|access| access.header("authorization") == Some("Bearer t0ken")));
    upstream.mutate(3, Mutation::Byte, &releases);
    let output = install();
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("EINTEGRITY"));
}
