//! Which wheels an interpreter takes, and which it likes best.
//!
//! The order of PEP 425 with PEP 600 (manylinux by glibc) and PEP 656 (musllinux), as the `packaging` library gives
//! it: the interpreter's own ABI first, then the stable ABI, then pure Python; newer platforms before older ones.

use super::python::Python;
use std::collections::BTreeMap;

/// Ranks by `python-abi-platform`; lower is better.
#[derive(Debug, Default)]
pub(crate) struct Tags(BTreeMap<String, u32>);

/// A wheel has at most this many compressed tags in each part; more is an attack on the product of the three.
const MAX_PARTS: usize = 64;

impl Tags {
    /// The tags of an interpreter.
    pub(crate) fn of(python: &Python) -> Tags {
        let platforms = platforms(python);
        let (major, minor) = python.minor();
        let mut out = Tags::default();
        let own = if python.implementation == "pypy" { format!("pp{major}{minor}") } else { format!("cp{major}{minor}") };
        let cpython = python.implementation == "cpython";
        let abi = match (cpython, python.threaded) {
            (true, true) => format!("{own}t"),
            (true, false) => own.clone(),
            (false, _) => format!("pypy{major}{minor}_pp73"),
        };
        let on = |out: &mut Tags, tag: &str, abi: &str| {
            for platform in &platforms {
                out.push(format!("{tag}-{abi}-{platform}"));
            }
        };
        on(&mut out, &own, &abi);
        if cpython && !python.threaded {
            on(&mut out, &own, "abi3");
        }
        on(&mut out, &own, "none");
        if cpython && !python.threaded {
            for older in (2..minor).rev() {
                on(&mut out, &format!("cp{major}{older}"), "abi3");
            }
        }
        let versions: Vec<String> = std::iter::once(format!("py{major}{minor}"))
            .chain(std::iter::once(format!("py{major}")))
            .chain((0..minor).rev().map(|older| format!("py{major}{older}")))
            .collect();
        for version in &versions {
            on(&mut out, version, "none");
        }
        out.push(format!("{own}-none-any"));
        for version in &versions {
            out.push(format!("{version}-none-any"));
        }
        out
    }

    fn push(&mut self, tag: String) {
        let rank = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        self.0.entry(tag).or_insert(rank);
    }

    /// The best rank of a wheel by its file name; `None` when the interpreter cannot take it.
    pub(crate) fn rank(&self, filename: &str) -> Option<u32> {
        let stem = filename.strip_suffix(".whl")?;
        let mut parts = stem.rsplitn(4, '-');
        let (platforms, abis, pythons) = (parts.next()?, parts.next()?, parts.next()?);
        parts.next()?;
        let too_many = |part: &str| part.split('.').count() > MAX_PARTS;
        if too_many(platforms) || too_many(abis) || too_many(pythons) {
            return None;
        }
        let mut best = None;
        for python in pythons.split('.') {
            for abi in abis.split('.') {
                for platform in platforms.split('.') {
                    let rank = self.0.get(&format!("{python}-{abi}-{platform}").to_ascii_lowercase()).copied();
                    best = match (best, rank) {
                        (Some(held), Some(new)) => Some(new.min(held)),
                        (held, new) => held.or(new),
                    };
                }
            }
        }
        best
    }
}

/// The build number of a wheel, which breaks ties: `1_local` is (1, "_local").
pub(crate) fn build_number(filename: &str) -> (u64, String) {
    let parts: Vec<&str> = filename.trim_end_matches(".whl").split('-').collect();
    if parts.len() != 6 {
        return (0, String::new());
    }
    let digits = parts[2].bytes().take_while(u8::is_ascii_digit).count();
    (parts[2][..digits].parse().unwrap_or(0), parts[2][digits..].to_owned())
}

/// Platform tags, best first.
fn platforms(python: &Python) -> Vec<String> {
    let platform = python.platform.replace(['-', '.'], "_");
    if let Some(arch) = python.platform.strip_prefix("linux-").map(|arch| arch.replace(['-', '.'], "_")) {
        return linux(&arch, python.glibc);
    }
    match (python.platform.strip_prefix("macosx-"), python.mac) {
        (Some(rest), Some(version)) => mac(rest.rsplit('-').next().unwrap_or("arm64"), version),
        _ => vec![platform],
    }
}

fn linux(arch: &str, glibc: Option<(u32, u32)>) -> Vec<String> {
    let mut out = Vec::new();
    match glibc {
        Some((2, minor)) => {
            // manylinux1 and 2010 exist for x86 alone; other machines begin at 2014's glibc 2.17.
            let oldest = if matches!(arch, "x86_64" | "i686") { 5 } else { 17 };
            for version in (oldest..=minor.min(99)).rev() {
                out.push(format!("manylinux_2_{version}_{arch}"));
                match version {
                    17 => out.push(format!("manylinux2014_{arch}")),
                    12 => out.push(format!("manylinux2010_{arch}")),
                    5 => out.push(format!("manylinux1_{arch}")),
                    _ => {}
                }
            }
        }
        Some(_) => {}
        // musl does not tell its version to Python; 1.2 is what every maintained distribution has.
        None => out.extend((0..=2).rev().map(|minor| format!("musllinux_1_{minor}_{arch}"))),
    }
    out.push(format!("linux_{arch}"));
    out
}

fn mac(arch: &str, (major, minor): (u32, u32)) -> Vec<String> {
    let kinds: &[&str] =
        if arch == "arm64" { &["arm64", "universal2"] } else { &["x86_64", "intel", "fat64", "fat32", "universal2", "universal"] };
    let mut out = Vec::new();
    let add = |major: u32, minor: u32, kinds: &[&str], out: &mut Vec<String>| {
        for kind in kinds {
            out.push(format!("macosx_{major}_{minor}_{kind}"));
        }
    };
    if major >= 11 {
        for version in (11..=major.min(99)).rev() {
            add(version, 0, kinds, &mut out);
        }
    }
    let newest_ten = if major == 10 { minor.min(16) } else { 16 };
    for version in (4..=newest_ten).rev() {
        add(10, version, if arch == "arm64" { &["universal2"] } else { kinds }, &mut out);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn python(platform: &str, glibc: Option<(u32, u32)>) -> Python {
        Python {
            implementation: "cpython".to_owned(),
            version: "3.11.7".to_owned(),
            platform: platform.to_owned(),
            glibc,
            threaded: false,
            mac: Some((14, 2)),
            index: None,
            missing: None,
        }
    }

    fn ordered(python: &Python, best_first: &[&str], never: &[&str]) {
        let tags = Tags::of(python);
        let ranks: Vec<u32> =
            best_first.iter().map(|tag| tags.rank(&format!("x-1.0-{tag}.whl")).unwrap_or_else(|| panic!("{tag}"))).collect();
        assert!(ranks.is_sorted_by(|a, b| a < b), "{ranks:?}");
        for tag in never {
            assert_eq!(tags.rank(&format!("x-1.0-{tag}.whl")), None, "{tag}");
        }
    }

    #[test]
    fn linux_likes_its_own_abi_and_the_newest_glibc() {
        ordered(
            &python("linux-x86_64", Some((2, 36))),
            &[
                "cp311-cp311-manylinux_2_28_x86_64",
                "cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64",
                "cp311-cp311-linux_x86_64",
                "cp311-abi3-manylinux2014_x86_64",
                "cp37-abi3-manylinux2014_x86_64",
                "py3-none-manylinux1_x86_64",
                "py2.py3-none-any",
            ],
            &[
                "cp312-cp312-manylinux_2_28_x86_64",
                "cp311-cp311-manylinux_2_37_x86_64",
                "cp311-cp311-musllinux_1_2_x86_64",
                "cp311-cp311-win_amd64",
                "py2-none-any",
                "cp311-cp311-manylinux_2_28_aarch64",
            ],
        );
    }

    #[test]
    fn other_platforms_have_their_own() {
        ordered(
            &python("macosx-11.0-arm64", None),
            &["cp311-cp311-macosx_11_0_arm64", "cp311-cp311-macosx_10_9_universal2", "py3-none-any"],
            &["cp311-cp311-macosx_10_9_x86_64", "cp311-cp311-macosx_15_0_arm64"],
        );
        ordered(&python("win-amd64", None), &["cp311-cp311-win_amd64", "py3-none-any"], &["cp311-cp311-win32"]);
        ordered(
            &python("linux-x86_64", None),
            &["cp311-cp311-musllinux_1_2_x86_64", "cp311-cp311-musllinux_1_1_x86_64"],
            &["cp311-cp311-manylinux2014_x86_64"],
        );
    }

    #[test]
    fn hostile_names_have_no_rank() {
        let tags = Tags::of(&python("linux-x86_64", Some((2, 36))));
        let many = vec!["py3"; 1000].join(".");
        for name in
            ["x.whl", "x-1.whl", "py3-none-any.whl", "x-1.0-py3-none-any.zip", "é-é-é-é-é.whl", &format!("x-1-{many}-{many}-{many}.whl")]
        {
            assert_eq!(tags.rank(name), None, "{name}");
        }
        assert_eq!(build_number("x-1.0-2b-py3-none-any.whl"), (2, "b".to_owned()));
        assert_eq!(build_number("x-1.0-py3-none-any.whl"), (0, String::new()));
    }
}
