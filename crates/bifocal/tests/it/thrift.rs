//! What a cold check asks of its upstream: each document and file once, over few connections.

use crate::lab::{AT, Lab};
use bifocal_core::{Ecosystem, Release};
use bifocal_testkit::World;
use std::collections::BTreeMap;

/// Twice the requests that are under way to one host at most: with HTTP/1.1 a request that finds no idle connection opens
/// one, and may be served by another that falls idle first.
const CONNECTIONS: u64 = 64;

fn locked(ecosystem: Ecosystem, names: usize) -> (Lab, Vec<Release>) {
    let lab = Lab::new();
    let world = World::new(21, names);
    let releases = world.closure(ecosystem, 0..names);
    lab.upstream.edit(|catalogue| world.publish(catalogue, ecosystem, 0..names));
    lab.lock(&releases);
    (lab, releases)
}

#[test]
fn nothing_is_asked_for_twice() {
    for (ecosystem, most) in [
        // A document and a file.
        (Ecosystem::Npm, 2.0),
        // A page, its JSON or metadata, and the files for this platform.
        (Ecosystem::Pypi, 4.0),
        // An index and a file; config.json once for all.
        (Ecosystem::Cargo, 2.1),
        // POM, metadata, the first version's POM, jar, and checksums: three of the jar, one of the POM.
        (Ecosystem::Maven, 9.0),
        // Info, list, the newest go.mod, the first version's info, zip.
        (Ecosystem::Golang, 5.0),
    ] {
        let (lab, releases) = locked(ecosystem, 100);
        lab.check_json(0, &["--at", AT]);
        let mut asked: BTreeMap<String, usize> = BTreeMap::new();
        for access in lab.upstream.log() {
            *asked.entry(access.path.clone()).or_default() += 1;
        }
        let twice: Vec<_> = asked.iter().filter(|(_, times)| **times > 1).collect();
        assert!(twice.is_empty(), "{ecosystem}: {twice:?}");
        let each = asked.len() as f64 / releases.len() as f64;
        assert!(each <= most, "{ecosystem}: {each:.2} requests a release: {:?}", asked.keys().collect::<Vec<_>>());
        let connections = lab.upstream.connections();
        assert!(asked.len() as u64 >= 2 * CONNECTIONS || ecosystem == Ecosystem::Cargo, "too few requests to tell");
        assert!(connections <= CONNECTIONS, "{ecosystem}: {connections} connections for {} requests", asked.len());
    }
}
