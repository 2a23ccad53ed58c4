//! The core metadata of a Python distribution, taken out of the file itself: `*.dist-info/METADATA` of a wheel, the top
//! `PKG-INFO` of a source distribution.
//!
//! In: the bytes of the file. Out: the header part of its metadata, of at most [`MAX_HEADERS`] bytes. Runs in the
//! analyser's child process, since an archive is hostile. The attacks: two such files, of which clients take different
//! ones; one that does not end; an archive of the kinds that the unpacker refuses.

use bifocal_archive::{Budget, EntryKind, Tolerance, visit};
use bifocal_core::{ArchiveLimits, ArtifactKind, printable};
use std::io::Read as _;

/// Bytes of the fields. The description that follows them may be larger; it is not read.
const MAX_HEADERS: u64 = 1 << 20;

/// Whether a file is a wheel by its name; any other is a source distribution.
pub(crate) fn is_wheel(filename: &str) -> bool {
    filename.to_ascii_lowercase().ends_with(".whl")
}

/// The header part of the metadata.
///
/// # Errors
/// A clause that says what is wrong, to be put behind the name of the file.
pub(crate) fn read(filename: &str, bytes: &[u8], limits: &ArchiveLimits) -> Result<String, String> {
    let wheel = is_wheel(filename);
    let kind = if wheel { ArtifactKind::Wheel } else { ArtifactKind::Sdist };
    let mut found: Option<(String, Vec<u8>)> = None;
    let mut others = Vec::new();
    let visited = visit(bytes, &Budget::new(limits), Tolerance::for_kind(kind), &mut |info, content| {
        if info.kind != EntryKind::File || !holds_metadata(&info.path, wheel) {
            return Ok(());
        }
        match &found {
            Some((path, _)) if *path != info.path => others.push(info.path.clone()),
            _ => {
                let mut head = Vec::new();
                content.take(MAX_HEADERS).read_to_end(&mut head)?;
                found = Some((info.path.clone(), head));
            }
        }
        Ok(())
    });
    visited.map_err(|error| format!("cannot be unpacked: {error}"))?;
    let name = if wheel { "METADATA in a dist-info folder" } else { "PKG-INFO at its top" };
    let Some((path, head)) = found else { return Err(format!("has no {name}")) };
    if let Some(other) = others.first() {
        return Err(format!("has more than one {name}: {} and {}", printable(&path), printable(other)));
    }
    let whole = (head.len() as u64) < MAX_HEADERS;
    match end_of_headers(&head) {
        Some(end) => Ok(String::from_utf8_lossy(head.get(..end).unwrap_or_default()).into_owned()),
        None if whole => Ok(String::from_utf8_lossy(&head).into_owned()),
        None => Err(format!("has metadata whose fields have more than {MAX_HEADERS} bytes")),
    }
}

fn holds_metadata(path: &str, wheel: bool) -> bool {
    match path.split_once('/') {
        Some((folder, "METADATA")) => wheel && folder.ends_with(".dist-info"),
        Some((_, "PKG-INFO")) => !wheel,
        _ => false,
    }
}

/// Where the first empty line begins.
fn end_of_headers(head: &[u8]) -> Option<usize> {
    let mut start = 0;
    for line in head.split_inclusive(|byte| *byte == b'\n') {
        if matches!(line, b"\n" | b"\r\n") {
            return Some(start);
        }
        start += line.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use bifocal_testkit::{Package as _, PythonPackage};

    fn of(package: PythonPackage) -> Result<String, String> {
        let artifact = package.artifacts().remove(0);
        read(&package.filename(), artifact.bytes(), &ArchiveLimits::default())
    }

    #[test]
    fn the_fields_come_without_the_description() {
        let text = "Metadata-Version: 2.1\nName: x\nVersion: 1\n\nRequires-Dist: of the description\n";
        let fields = "Metadata-Version: 2.1\nName: x\nVersion: 1\n";
        assert_eq!(of(PythonPackage::wheel("x", "1").metadata(text)), Ok(fields.to_owned()));
        assert_eq!(of(PythonPackage::sdist("x", "1").metadata(text)), Ok(fields.to_owned()));
        assert_eq!(of(PythonPackage::wheel("x", "1").metadata(fields.trim_end())), Ok(fields.trim_end().to_owned()));
    }

    #[test]
    fn metadata_that_is_missing_double_or_endless_is_refused() {
        let two = PythonPackage::wheel("x", "1").file("y-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: x\nVersion: 1\n");
        assert!(of(two).unwrap_err().contains("more than one METADATA"));
        let nested = PythonPackage::sdist("x", "1").file("x.egg-info/PKG-INFO", "Name: y\n");
        assert!(of(nested).unwrap().contains("Name: x"), "only the one at the top counts");
        let endless = format!("Metadata-Version: 2.1\nKeywords: {}\n", "k".repeat(2 << 20));
        assert!(of(PythonPackage::wheel("x", "1").metadata(&endless)).unwrap_err().contains("more than 1048576 bytes"));
        let sdist = PythonPackage::sdist("x", "1").artifacts().remove(0);
        assert!(read("x-1-py3-none-any.whl", sdist.bytes(), &ArchiveLimits::default()).unwrap_err().contains("no METADATA"));
        assert!(read("x-1.tar.gz", b"no archive", &ArchiveLimits::default()).unwrap_err().contains("cannot be unpacked"));
    }
}
