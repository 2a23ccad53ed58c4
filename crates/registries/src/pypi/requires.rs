//! What a METADATA or PKG-INFO file says that its distribution needs (`Requires-Dist`).
//!
//! In: the file's text, from an index or from the distribution itself. Out: the requirements as written, or why they are
//! not known. The publisher wrote the text. The attacks: needs that one client sees and another does not (a line broken in
//! two, a bare carriage return, more lines than are read), and a page that is no metadata and so seems to ask for nothing.

use bifocal_core::{Ecosystem, PackageName, Release, printable};
use bifocal_versions::ParsedVersion;
use std::cmp::Ordering;

/// Header lines that are read.
const MAX_LINES: usize = 20_000;

/// The `Requires-Dist` lines of a file of metadata.
///
/// Those of a source distribution count from metadata 2.2 on, and where it does not declare them as dynamic: before that,
/// and then, only building it tells. Of a wheel they always count.
///
/// # Errors
/// A clause that says why the needs are not known, to be put behind the name of the file.
pub fn python_requires(text: &str, release: &Release, sdist: bool) -> Result<Vec<String>, String> {
    let read = Headers::of(text)?;
    let named = |name: &str| PackageName::new(Ecosystem::Pypi, name).is_ok_and(|package| package == release.package);
    let version = |version: &str| match (parsed(version), parsed(&release.version)) {
        (Some(one), Some(other)) => one.order(&other) == Ordering::Equal,
        _ => version == release.version,
    };
    if !named(one(&read.name)?) || !version(one(&read.version)?) {
        let (name, version) = (printable(&read.name.join(", ")), printable(&read.version.join(", ")));
        return Err(format!("has metadata of another release ({name} {version})"));
    }
    let stated = one(&read.metadata_version)?;
    if sdist {
        let mut numbers = stated.split('.').map_while(|part| part.parse::<u32>().ok());
        if (numbers.next(), numbers.next()) < (Some(2), Some(2)) {
            return Err(format!("is a source distribution whose metadata ({}) leaves to the build what it needs", printable(stated)));
        }
        if read.dynamic.iter().any(|field| field.eq_ignore_ascii_case("requires-dist")) {
            return Err("is a source distribution that declares what it needs as known only when it is built".to_owned());
        }
    }
    Ok(read.requires)
}

fn parsed(version: &str) -> Option<ParsedVersion> {
    ParsedVersion::parse(Ecosystem::Pypi, version)
}

/// The one value of a field that no metadata is without.
fn one(values: &[String]) -> Result<&str, String> {
    match values {
        [value] => Ok(value),
        _ => Err("has no metadata that names one release".to_owned()),
    }
}

/// The fields that matter here, each with all its values.
#[derive(Default)]
struct Headers {
    metadata_version: Vec<String>,
    name: Vec<String>,
    version: Vec<String>,
    dynamic: Vec<String>,
    requires: Vec<String>,
}

impl Headers {
    /// Reads up to the first empty line. A line that begins with white space goes on with the one before it.
    fn of(text: &str) -> Result<Headers, String> {
        let mut out = Headers::default();
        let mut open: Option<&mut Vec<String>> = None;
        for (at, line) in text.split('\n').enumerate() {
            let line = line.strip_suffix('\r').unwrap_or(line);
            if line.is_empty() {
                break;
            }
            if at >= MAX_LINES {
                return Err(format!("has metadata of more than {MAX_LINES} lines"));
            }
            if line.contains('\r') {
                return Err("has metadata with a carriage return inside a line, which clients read differently".to_owned());
            }
            if line.starts_with([' ', '\t']) {
                if let Some(last) = open.as_mut().and_then(|values| values.last_mut()) {
                    last.push(' ');
                    last.push_str(line.trim());
                }
                continue;
            }
            // A line without a colon ends the fields for some clients. What follows it is needed by the others.
            let Some((key, value)) = line.split_once(':') else {
                open = None;
                continue;
            };
            open = match key.trim().to_ascii_lowercase().as_str() {
                "metadata-version" => Some(&mut out.metadata_version),
                "name" => Some(&mut out.name),
                "version" => Some(&mut out.version),
                "dynamic" => Some(&mut out.dynamic),
                "requires-dist" => Some(&mut out.requires),
                _ => None,
            };
            if let Some(values) = &mut open {
                values.push(value.trim().to_owned());
            }
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, sdist: bool) -> Result<Vec<String>, String> {
        python_requires(text, &Release::new(Ecosystem::Pypi, "x-y", "1.0").unwrap(), sdist)
    }

    #[test]
    fn requirements_are_told_by_wheels_and_by_source_distributions_that_do_not_leave_them_to_the_build() {
        let text = "Metadata-Version: 2.1\nName: X_Y\nVersion: 1.0.0\nRequires-Dist: a>=1\r\nRequires-Dist: b; extra == 'c'\n\nRequires-Dist: body\n";
        let found = vec!["a>=1".to_owned(), "b; extra == 'c'".to_owned()];
        assert_eq!(read(text, false), Ok(found.clone()));
        assert!(read(text, true).unwrap_err().contains("2.1"));
        assert_eq!(read(&text.replace("2.1", "2.2"), true), Ok(found));
        assert!(read(&text.replace("2.1", "2.4\nDynamic: Requires-Dist"), true).unwrap_err().contains("only when it is built"));
        assert!(read(&text.replace("2.1", "2"), true).is_err());
    }

    #[test]
    fn what_is_no_metadata_of_the_release_asks_for_an_unknown_number_of_things_not_for_nothing() {
        for text in [
            "",
            "<html>\nNot here: sorry\n</html>\n",
            "Metadata-Version: 2.1\nName: other\nVersion: 1.0\n",
            "Metadata-Version: 2.1\nName: x-y\nVersion: 1.1\n",
            "Metadata-Version: 2.1\nName: x-y\nName: other\nVersion: 1.0\n",
            "Name: x-y\nVersion: 1.0\n",
        ] {
            assert!(read(text, false).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_requirement_cannot_hide_behind_the_way_that_lines_are_broken() {
        let head = "Metadata-Version: 2.1\nName: x-y\nVersion: 1.0\n";
        assert_eq!(read(&format!("{head}Requires-Dist: a\n  >=2\n"), false), Ok(vec!["a >=2".to_owned()]));
        assert_eq!(read(&format!("{head}Requires-Dist:\n b\n"), false), Ok(vec![" b".to_owned()]));
        assert_eq!(read(&format!("{head}no field\nrequires-dist: c\n"), false), Ok(vec!["c".to_owned()]));
        assert!(read(&format!("{head}Summary: s\rRequires-Dist: hidden\n"), false).is_err());
        assert!(read(&format!("{head}{}Requires-Dist: late\n", "Keywords: k\n".repeat(MAX_LINES)), false).is_err());
    }
}
