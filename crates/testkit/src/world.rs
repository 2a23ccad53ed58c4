//! A synthetic world: many packages of plausible names, code, dates, owners and dependencies, all from one seed.
//!
//! Nothing is built until it is asked for, so that a world of 100,000 names costs nothing by itself. Dependencies point
//! to packages of lower number only, always at their newest version: every selection resolves, with one version a name.

use crate::catalogue::Catalogue;
use crate::package::crates::CratePackage;
use crate::package::golang::GoModule;
use crate::package::maven::MavenPackage;
use crate::package::npm::NpmPackage;
use crate::package::python::PythonPackage;
use crate::random::Random;
use crate::upstream::http::percent_decode;
use bifocal_core::{Ecosystem, PackageName, Release};
use std::collections::BTreeSet;

const FIRST: [&str; 40] = [
    "amber", "brisk", "calm", "clever", "cobalt", "coral", "crisp", "daring", "deep", "eager", "early", "fair", "fluent", "gentle",
    "golden", "grand", "hidden", "humble", "ivory", "jolly", "keen", "lively", "lunar", "mellow", "modern", "noble", "olive", "plain",
    "quiet", "rapid", "rustic", "silent", "solid", "spare", "steady", "sturdy", "tidy", "urban", "vivid", "warm",
];
const SECOND: [&str; 50] = [
    "anchor", "arrow", "badger", "beacon", "bridge", "canyon", "cedar", "cliff", "comet", "copper", "delta", "ember", "falcon", "fern",
    "forest", "garden", "glacier", "harbor", "heron", "island", "jasper", "kettle", "lantern", "ledger", "maple", "meadow", "mirror",
    "monsoon", "needle", "orchard", "otter", "pebble", "pilot", "prairie", "quartz", "raven", "river", "saddle", "signal", "sparrow",
    "spruce", "summit", "thicket", "timber", "tunnel", "valley", "violet", "walnut", "willow", "zephyr",
];
const THIRD: [&str; 50] = [
    "adapter",
    "bench",
    "buffer",
    "builder",
    "cache",
    "calendar",
    "charts",
    "client",
    "codec",
    "colors",
    "compiler",
    "config",
    "convert",
    "cursor",
    "dates",
    "diff",
    "editor",
    "events",
    "filters",
    "format",
    "forms",
    "geometry",
    "graph",
    "grid",
    "images",
    "index",
    "layout",
    "locale",
    "logger",
    "math",
    "matrix",
    "merge",
    "metrics",
    "money",
    "names",
    "paging",
    "palette",
    "parser",
    "queue",
    "ranges",
    "router",
    "schema",
    "search",
    "slots",
    "sorter",
    "strings",
    "table",
    "tokens",
    "units",
    "validator",
];
/// Names that one world can have in each ecosystem.
const CAPACITY: usize = FIRST.len() * SECOND.len() * THIRD.len();

const OWNERS: [&str; 24] = [
    "adele", "bruno", "chioma", "daria", "emeka", "farah", "gustav", "hana", "imran", "jolanta", "kofi", "leila", "marek", "nadia",
    "oskar", "priya", "quentin", "rosa", "selim", "tove", "umar", "vera", "wanda", "yusuf",
];

/// A description of many packages; see the module.
#[derive(Debug, Clone)]
pub struct World {
    seed: u64,
    size: usize,
}

/// One package of a world, in no ecosystem's terms.
struct Plan {
    /// Version, date, owner; oldest first.
    versions: Vec<(String, String, &'static str)>,
    /// Numbers of the packages that it needs.
    needs: Vec<usize>,
    random: Random,
}

impl World {
    /// A world of `size` names in each ecosystem.
    ///
    /// # Panics
    /// When `size` is above 100,000.
    pub fn new(seed: u64, size: usize) -> Self {
        assert!(size <= CAPACITY, "a world has at most {CAPACITY} names in each ecosystem");
        World { seed, size }
    }

    /// Names in each ecosystem.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The name with this number.
    ///
    /// # Panics
    /// When there are fewer.
    pub fn package(&self, ecosystem: Ecosystem, number: usize) -> PackageName {
        assert!(number < self.size, "this world has {} names", self.size);
        let (first, second, third) = words(number);
        let name = match ecosystem {
            Ecosystem::Npm | Ecosystem::Pypi | Ecosystem::Cargo => format!("{first}-{second}-{third}"),
            Ecosystem::Maven => format!("org.example.{first}:{second}-{third}"),
            Ecosystem::Golang => format!("example.com/{first}/{second}-{third}"),
        };
        PackageName::new(ecosystem, &name).expect("a plain name")
    }

    /// The number of a name; `None` when it is not of this world.
    pub fn number(&self, package: &PackageName) -> Option<usize> {
        let name = package.as_str();
        let plain = match package.ecosystem() {
            Ecosystem::Npm | Ecosystem::Pypi | Ecosystem::Cargo => name.to_owned(),
            Ecosystem::Maven => name.strip_prefix("org.example.")?.replace(':', "-"),
            Ecosystem::Golang => name.strip_prefix("example.com/")?.replace('/', "-"),
        };
        let mut parts = plain.split('-');
        let first = FIRST.iter().position(|word| Some(*word) == parts.clone().next())?;
        let second = SECOND.iter().position(|word| Some(*word) == parts.clone().nth(1))?;
        let third = THIRD.iter().position(|word| Some(*word) == parts.clone().nth(2))?;
        if parts.nth(3).is_some() {
            return None;
        }
        let number = first + FIRST.len() * (second + SECOND.len() * third);
        // The same words in other places are another name.
        (number < self.size && self.package(package.ecosystem(), number) == *package).then_some(number)
    }

    /// The newest release of the name with this number.
    pub fn newest(&self, ecosystem: Ecosystem, number: usize) -> Release {
        let plan = self.plan(ecosystem, number);
        let (version, _, _) = plan.versions.last().expect("at least one version");
        Release::of(self.package(ecosystem, number), version).expect("a plain version")
    }

    /// Every release of the name with this number, oldest first.
    pub fn releases(&self, ecosystem: Ecosystem, number: usize) -> Vec<Release> {
        let package = self.package(ecosystem, number);
        let plan = self.plan(ecosystem, number);
        plan.versions.iter().map(|(version, _, _)| Release::of(package.clone(), version).expect("a plain version")).collect()
    }

    /// The newest releases of these names and of all that they need, in order of name.
    pub fn closure(&self, ecosystem: Ecosystem, numbers: impl IntoIterator<Item = usize>) -> Vec<Release> {
        let mut seen = BTreeSet::new();
        let mut open: Vec<usize> = numbers.into_iter().collect();
        while let Some(number) = open.pop() {
            if seen.insert(number) {
                open.extend(self.plan(ecosystem, number).needs);
            }
        }
        let mut out: Vec<Release> = seen.into_iter().map(|number| self.newest(ecosystem, number)).collect();
        out.sort();
        out
    }

    /// Publishes all versions of the names with these numbers now.
    pub fn publish(&self, catalogue: &mut Catalogue, ecosystem: Ecosystem, numbers: impl IntoIterator<Item = usize>) {
        for number in numbers {
            self.publish_number(catalogue, ecosystem, number);
        }
    }

    pub(crate) fn publish_named(&self, catalogue: &mut Catalogue, ecosystem: Ecosystem, name: &str) {
        let number = PackageName::new(ecosystem, name).ok().and_then(|package| self.number(&package));
        if let Some(number) = number {
            self.publish_number(catalogue, ecosystem, number);
        }
    }

    /// The package of this world that a request path is about.
    pub(crate) fn named_in(&self, ecosystem: Ecosystem, path: &str) -> Option<String> {
        let segments: Vec<String> = path.split('/').skip(2).map(percent_decode).collect();
        let at = |index: usize| segments.get(index).map(String::as_str);
        let name = match ecosystem {
            Ecosystem::Npm => match at(0)? {
                "-" => segments.last()?.split('@').next()?.to_owned(),
                name => name.to_owned(),
            },
            Ecosystem::Pypi => match at(0)? {
                "files" => at(2)?.split('-').next()?.replace('_', "-"),
                _ => at(1)?.to_owned(),
            },
            Ecosystem::Cargo => match at(0)? {
                "dl" => at(1)?.to_owned(),
                "api" => at(3)?.to_owned(),
                _ => segments.last()?.clone(),
            },
            Ecosystem::Maven => format!("{}.{}.{}:{}", at(0)?, at(1)?, at(2)?, at(3)?),
            Ecosystem::Golang => match at(0)? {
                "sumdb" => return None,
                host => format!("{host}/{}/{}", at(1)?, at(2)?),
            },
        };
        let package = PackageName::new(ecosystem, &name).ok()?;
        self.number(&package).map(|_| package.as_str().to_owned())
    }

    fn plan(&self, ecosystem: Ecosystem, number: usize) -> Plan {
        let mut random = Random::for_item(self.seed, ecosystem.as_str(), number as u64);
        let count = 1 + random.below(6);
        let (mut major, mut minor, mut patch) = (1, 0, 0);
        // Days since 2015-01-01; the last version stays before 2024.
        let mut day = random.below(1500);
        let mut owner = *random.pick(&OWNERS);
        let prefix = if ecosystem == Ecosystem::Golang { "v" } else { "" };
        let mut versions = Vec::new();
        for _ in 0..count {
            versions.push((format!("{prefix}{major}.{minor}.{patch}"), date(day, random.below(86_400)), owner));
            day += 20 + random.below(220);
            match random.below(10) {
                // A Go module's path changes with its major version, so that it stays.
                0 if ecosystem != Ecosystem::Golang => (major, minor, patch) = (major + 1, 0, 0),
                0..=4 => (minor, patch) = (minor + 1, 0),
                _ => patch += 1,
            }
            if random.below(20) == 0 {
                owner = *random.pick(&OWNERS);
            }
        }
        let wanted = if number == 0 { 0 } else { random.below(4) };
        let needs: BTreeSet<usize> = (0..wanted).map(|_| random.below(number)).collect();
        Plan { versions, needs: needs.into_iter().collect(), random }
    }

    fn publish_number(&self, catalogue: &mut Catalogue, ecosystem: Ecosystem, number: usize) {
        let mut plan = self.plan(ecosystem, number);
        let name = self.package(ecosystem, number);
        let name = name.as_str();
        let (first, second, third) = words(number);
        let link = format!("https://git.example/{first}/{second}-{third}");
        let needs: Vec<Release> = plan.needs.iter().map(|need| self.newest(ecosystem, *need)).collect();
        let numbers: Vec<usize> = (0..4).map(|_| 2 + plan.random.below(90)).collect();
        for (version, at, owner) in &plan.versions {
            let code = code(ecosystem, third, version, &numbers);
            match ecosystem {
                Ecosystem::Npm => {
                    let mut package = NpmPackage::new(name, version).file("index.js", code).publisher(owner).published(at);
                    package = package.repository(&format!("git+{link}.git")).field("description", format!("A {second} {third}"));
                    for need in &needs {
                        package = package.dependency(need.package.as_str(), &format!("^{}", need.version));
                    }
                    catalogue.publish(package.file("README.md", format!("# {name}\n\nA {second} {third}.\n")));
                }
                Ecosystem::Pypi => {
                    let module = format!("{}/__init__.py", name.replace('-', "_"));
                    for mut package in [PythonPackage::wheel(name, version), PythonPackage::sdist(name, version)] {
                        package = package.file(&module, &code).owners(&[owner]).author(owner).published(at).repository(&link);
                        package = package.requires_python(">=3.8").summary(&format!("A {second} {third}"));
                        for need in &needs {
                            package = package.requires(&format!("{}>={}", need.package.as_str(), need.version));
                        }
                        catalogue.publish(package);
                    }
                }
                Ecosystem::Maven => {
                    let mut package = MavenPackage::new(name, version).publisher(owner).published(at).repository(&link);
                    package = package.file(&format!("org/example/{first}/{third}.properties"), code);
                    for need in &needs {
                        package = package.dependency(need.package.as_str(), &need.version);
                    }
                    catalogue.publish(package);
                }
                Ecosystem::Cargo => {
                    let mut package = CratePackage::new(name, version).file("src/lib.rs", code).publisher(owner).owners(&[owner]);
                    package = package.published(at).repository(&link).description(&format!("A {second} {third}"));
                    for need in &needs {
                        package = package.dependency(need.package.as_str(), &format!("^{}", need.version));
                    }
                    catalogue.publish(package);
                }
                Ecosystem::Golang => {
                    let mut package = GoModule::new(name, version).file("doc.go", code).published(at);
                    package = package.origin(&link, &format!("{:040x}", plan.random.bits()));
                    for need in &needs {
                        package = package.require(need.package.as_str(), &need.version);
                    }
                    catalogue.publish(package);
                }
            }
        }
    }
}

fn words(number: usize) -> (&'static str, &'static str, &'static str) {
    let rest = number / FIRST.len();
    (FIRST[number % FIRST.len()], SECOND[rest % SECOND.len()], THIRD[(rest / SECOND.len()) % THIRD.len()])
}

/// A time of this day after 2015-01-01.
fn date(day: usize, second: usize) -> String {
    const START: i64 = 1_420_070_400;
    let seconds = START + (day * 86_400 + second) as i64;
    jiff::Timestamp::from_second(seconds).expect("a time of this century").to_string()
}

/// Plain code that computes something and touches nothing.
fn code(ecosystem: Ecosystem, topic: &str, version: &str, numbers: &[usize]) -> String {
    let [a, b, c, d] = *numbers else { return String::new() };
    match ecosystem {
        Ecosystem::Npm => format!(
            "'use strict';\n\nconst LIMIT = {a};\n\nfunction {topic}(items) {{\n  return items.slice(0, LIMIT).map((item, at) => ({{ item, at: at * {b} }}));\n}}\n\nfunction total(values) {{\n  return values.reduce((sum, value) => sum + value * {c}, {d});\n}}\n\nmodule.exports = {{ {topic}, total, version: '{version}' }};\n"
        ),
        Ecosystem::Pypi => format!(
            "\"\"\"{topic}: small helpers.\"\"\"\n\n__version__ = \"{version}\"\nLIMIT = {a}\n\n\ndef {topic}(items):\n    return [(at * {b}, item) for at, item in enumerate(items[:LIMIT])]\n\n\ndef total(values):\n    return sum(value * {c} for value in values) + {d}\n"
        ),
        Ecosystem::Cargo => format!(
            "//! {topic}: small helpers.\n\n/// Items that are looked at.\npub const LIMIT: usize = {a};\n\n/// Weighs items by place.\npub fn {topic}(items: &[u64]) -> Vec<u64> {{\n    items.iter().take(LIMIT).enumerate().map(|(at, item)| item + at as u64 * {b}).collect()\n}}\n\n/// Sums up.\npub fn total(values: &[u64]) -> u64 {{\n    values.iter().map(|value| value * {c}).sum::<u64>() + {d}\n}}\n"
        ),
        Ecosystem::Golang => format!(
            "// Package {topic} has small helpers.\npackage {topic}\n\n// Limit is the number of items that are looked at.\nconst Limit = {a}\n\n// Total sums up.\nfunc Total(values []int) int {{\n\tsum := {d}\n\tfor at, value := range values {{\n\t\tif at < Limit {{\n\t\t\tsum += value*{c} + {b}\n\t\t}}\n\t}}\n\treturn sum\n}}\n"
        ),
        Ecosystem::Maven => format!("version={version}\nlimit={a}\nweight={b}\nfactor={c}\nstart={d}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_map_to_each_other_and_are_all_different() {
        let world = World::new(1, CAPACITY);
        let mut seen = BTreeSet::new();
        for number in 0..CAPACITY {
            assert!(seen.insert(words(number)));
        }
        for ecosystem in Ecosystem::ALL {
            for number in [0, 1, 39, 40, 1999, 2000, 99_999] {
                assert_eq!(world.number(&world.package(ecosystem, number)), Some(number));
            }
        }
        assert_eq!(world.number(&PackageName::new(Ecosystem::Npm, "left-pad").unwrap()), None);
        assert_eq!(World::new(1, 5).number(&world.package(Ecosystem::Npm, 5)), None);
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes_and_another_seed_other_ones() {
        let digest = |seed| {
            let world = World::new(seed, 100);
            let mut catalogue = Catalogue::default();
            world.publish(&mut catalogue, Ecosystem::Npm, 0..100);
            let releases = catalogue.releases(Ecosystem::Npm);
            releases.iter().map(|one| catalogue.artifacts(one)[0].sha256_hex()).collect::<Vec<_>>()
        };
        assert_eq!(digest(7), digest(7));
        assert_ne!(digest(7), digest(8));
    }

    #[test]
    fn every_closure_is_closed() {
        let world = World::new(3, 500);
        let all: BTreeSet<Release> = world.closure(Ecosystem::Cargo, 480..500).into_iter().collect();
        for release in &all {
            let number = world.number(&release.package).unwrap();
            assert!(world.plan(Ecosystem::Cargo, number).needs.iter().all(|need| all.contains(&world.newest(Ecosystem::Cargo, *need))));
        }
        assert!(all.len() > 20);
    }
}
