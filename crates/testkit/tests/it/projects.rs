use crate::wire::get;
use bifocal_core::{Ecosystem, Release};
use bifocal_testkit::{Mutation, NpmPackage, Upstream, World, client_or_notice, tempfile};

#[test]
fn a_world_is_made_when_it_is_asked_for_and_whole_for_every_client() {
    let upstream = Upstream::start();
    let world = World::new(11, 100_000);
    upstream.edit(|catalogue| catalogue.serve_world(world.clone()));
    for ecosystem in Ecosystem::ALL {
        assert!(upstream.read(|catalogue| catalogue.releases(ecosystem)).is_empty());
    }
    let name = world.package(Ecosystem::Npm, 99_999);
    let packument = get(&format!("{}{}", upstream.npm_url(), name.as_str())).json();
    assert_eq!(packument["dist-tags"]["latest"], world.newest(Ecosystem::Npm, 99_999).version);
    let name = world.package(Ecosystem::Golang, 5);
    assert_eq!(get(&format!("{}/{}/@latest", upstream.go_url(), name.as_str())).status, 200);
    let name = world.package(Ecosystem::Maven, 77).as_str().replace(['.', ':'], "/");
    assert_eq!(get(&format!("{}{name}/maven-metadata.xml", upstream.maven_url())).status, 200);
    let name = world.package(Ecosystem::Pypi, 6);
    assert_eq!(get(&format!("{}{}/", upstream.pypi_url(), name.as_str())).status, 200);
    let name = world.package(Ecosystem::Cargo, 4);
    assert_eq!(
        get(&format!("{}{}/{}/{}", upstream.cargo_index_url(), &name.as_str()[..2], &name.as_str()[2..4], name.as_str())).status,
        200
    );
    assert_eq!(get(&format!("{}left-pad", upstream.npm_url())).status, 404);
}

#[test]
fn the_real_npm_installs_a_world_from_its_lockfile() {
    let Some(npm) = client_or_notice("npm", "the_real_npm_installs_a_world_from_its_lockfile") else { return };
    let upstream = Upstream::start();
    let world = World::new(5, 2_000);
    let chosen = world.closure(Ecosystem::Npm, 1_990..2_000);
    upstream.edit(|catalogue| {
        let numbers: Vec<usize> = chosen.iter().map(|one| world.number(&one.package).unwrap()).collect();
        world.publish(catalogue, Ecosystem::Npm, numbers);
    });
    let dir = tempfile::tempdir().unwrap();
    let environment = upstream.environment(dir.path());
    let project = dir.path().join("project");
    upstream.write_project(&project, &chosen);
    let output = environment.command(npm).args(["ci", "--no-progress"]).current_dir(&project).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(upstream.requests("/npm/*.tgz").len(), chosen.len());
}

#[test]
fn two_versions_of_one_name_are_nested() {
    let upstream = Upstream::start();
    upstream
        .publish(NpmPackage::new("a", "1.0.0"))
        .publish(NpmPackage::new("a", "2.0.0"))
        .publish(NpmPackage::new("b", "1.0.0").dependency("a", "^2.0.0"));
    let chosen = upstream.read(|catalogue| catalogue.releases(Ecosystem::Npm));
    let lock: serde_json::Value = serde_json::from_str(&upstream.package_lock(&chosen)).unwrap();
    assert_eq!(lock["packages"]["node_modules/a"]["version"], "1.0.0");
    assert_eq!(lock["packages"]["node_modules/b/node_modules/a"]["version"], "2.0.0");
}

#[test]
fn a_mutation_changes_one_release_and_says_which() {
    let world = World::new(2, 50);
    for ecosystem in Ecosystem::ALL {
        for (mutation, seed) in Mutation::ALL.into_iter().zip(1..) {
            let upstream = Upstream::start();
            upstream.edit(|catalogue| world.publish(catalogue, ecosystem, 0..50));
            let releases = world.closure(ecosystem, 0..50);
            let look = |one: &Release| {
                upstream.read(|catalogue| {
                    let served: Vec<_> = catalogue.artifacts(one).iter().map(|file| file.served().to_vec()).collect();
                    let digests: Vec<_> = catalogue.artifacts(one).iter().map(|file| file.sha256()).collect();
                    (served, digests, catalogue.published_at(one))
                })
            };
            let before: Vec<_> = releases.iter().map(look).collect();
            let altered = upstream.mutate(seed, mutation, &releases);
            let changed: Vec<&Release> =
                releases.iter().zip(&before).filter(|(one, before)| look(one) != **before).map(|(one, _)| one).collect();
            assert_eq!(changed, [&altered.release], "{ecosystem} {mutation:?} {}", altered.detail);
        }
    }
}

#[test]
fn every_writer_names_every_release() {
    let world = World::new(9, 300);
    let upstream = Upstream::start();
    let dir = tempfile::tempdir().unwrap();
    let mut chosen = Vec::new();
    for ecosystem in Ecosystem::ALL {
        let closure = world.closure(ecosystem, 290..300);
        upstream.edit(|catalogue| world.publish(catalogue, ecosystem, closure.iter().map(|one| world.number(&one.package).unwrap())));
        assert_eq!(upstream.closure(&closure), closure);
        chosen.extend(closure);
    }
    let files = upstream.write_project(dir.path(), &chosen);
    assert_eq!(files.len(), 6);
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let name = file.file_name().unwrap().to_str().unwrap();
        let ecosystem = match name {
            "package-lock.json" => Ecosystem::Npm,
            "Cargo.lock" => Ecosystem::Cargo,
            "pom.xml" => Ecosystem::Maven,
            "go.sum" => Ecosystem::Golang,
            _ => Ecosystem::Pypi,
        };
        for release in chosen.iter().filter(|one| one.ecosystem() == ecosystem) {
            assert!(text.contains(release.package.base_name()) && text.contains(&release.version), "{release} is not in {name}");
        }
    }
}
