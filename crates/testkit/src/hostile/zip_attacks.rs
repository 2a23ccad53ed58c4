//! Attacks by zip.

use super::HostileArchive;
use super::zip::{Zip, ZipEntry, write};

const DATA: &[u8] = b"harmless";

fn attack(name: &'static str, refusal: &'static str, entries: &[ZipEntry]) -> HostileArchive {
    HostileArchive::new(name, refusal, write(entries))
}

fn honest() -> ZipEntry {
    ZipEntry::stored("p/a.txt", DATA)
}

pub(super) fn all() -> Vec<HostileArchive> {
    [paths(), links(), contents(), contradictions(), places(), ends(), bombs()].concat()
}

fn paths() -> Vec<HostileArchive> {
    let named = |name, refusal, path: &[u8]| attack(name, refusal, &[ZipEntry::raw(path, DATA)]);
    vec![
        named("zip-climbs", "path-traversal", b"../escaped.txt"),
        named("zip-climbs-by-backslash", "path-traversal", b"..\\..\\escaped.txt"),
        named("zip-absolute", "absolute-path", b"/tmp/escaped.txt"),
        named("zip-windows-drive", "absolute-path", b"c:escaped.txt"),
        named("zip-nul-in-name", "nul-in-path", b"setup.txt\0.py"),
        named("zip-control-in-name", "control-in-path", b"p/a\x08b"),
        named("zip-no-name", "empty-path", b""),
        named("zip-long-path", "path-too-long", &[b'a'; 5000]),
        named("zip-deep-path", "path-too-deep", "d/".repeat(70).as_bytes()),
        attack("zip-twice-with-other-bytes", "duplicate-entry", &[honest(), ZipEntry::stored("p/a.txt", b"other")]),
        attack("zip-case-collision", "case-collision", &[honest(), ZipEntry::stored("P/A.txt", b"other")]).strict(),
        attack(
            "zip-folder-case-collision",
            "case-collision",
            &[ZipEntry::stored("META-INF/LICENSE", DATA), ZipEntry::stored("META-INF/license/a", DATA)],
        )
        .strict(),
        attack("zip-file-is-a-folder", "file-as-folder", &[ZipEntry::stored("p", DATA), ZipEntry::stored("p/b", DATA)]),
        attack("zip-folder-with-data", "bad-header", &[ZipEntry::stored("p/", DATA)]),
    ]
}

fn links() -> Vec<HostileArchive> {
    let link = |name: &str, target: &[u8]| ZipEntry::stored(name, target).mode(0o120_777);
    vec![
        attack("zip-symlink-absolute", "symlink-out-of-root", &[link("p/link", b"/etc/passwd")]),
        attack("zip-symlink-climbs", "symlink-out-of-root", &[link("p/link", b"../../secret")]),
        attack("zip-symlink-loop", "link-loop", &[link("p/link", b"link")]),
        attack("zip-writes-through-symlink", "through-link", &[link("p/lib", b"src"), ZipEntry::stored("p/lib/a", DATA)]),
        attack("zip-symlink-that-is-a-script", "control-in-path", &[link("setup.py", b"import os\nprint(os)\n")]),
        attack("zip-symlink-that-is-a-long-script", "path-too-long", &[link("setup.py", &b"import os;".repeat(200))]),
        attack("zip-device", "special-file", &[honest().mode(0o020_644)]),
        attack("zip-pipe", "special-file", &[honest().mode(0o010_644)]),
        attack("zip-socket", "special-file", &[honest().mode(0o140_644)]),
    ]
}

fn contents() -> Vec<HostileArchive> {
    let deflated = || ZipEntry::deflated("p/a.txt", &DATA.repeat(40));
    let method = |method| honest().both(move |fields| fields.method = method);
    vec![
        attack("zip-encrypted", "encrypted", &[honest().both(|fields| fields.flags |= 1)]),
        attack("zip-encrypted-in-one-header", "encrypted", &[honest().local(|fields| fields.flags |= 1)]),
        attack("zip-strongly-encrypted", "encrypted", &[honest().both(|fields| fields.flags |= 1 << 6)]),
        attack("zip-deflate64", "unsupported-method", &[method(9)]),
        attack("zip-lzma", "unsupported-method", &[method(14)]),
        attack("zip-wrong-checksum", "crc-mismatch", &[honest().both(|fields| fields.crc ^= 1)]),
        attack("zip-content-longer-than-declared", "size-mismatch", &[deflated().both(|fields| fields.size -= 1)]),
        attack("zip-content-shorter-than-declared", "size-mismatch", &[deflated().both(|fields| fields.size += 1)]),
        attack("zip-stored-sizes-differ", "size-mismatch", &[honest().both(|fields| fields.size = 4)]),
        attack(
            "zip-data-behind-deflate",
            "size-mismatch",
            &[{
                let mut entry = deflated();
                entry.data.extend_from_slice(b"hidden");
                entry.both(|fields| fields.compressed += 6)
            }],
        ),
        attack(
            "zip-deflate-cut",
            "truncated",
            &[{
                let mut entry = deflated();
                entry.data.pop();
                entry.both(|fields| fields.compressed -= 1)
            }],
        ),
        attack(
            "zip-deflate-corrupt",
            "bad-stream",
            &[{
                let mut entry = deflated();
                entry.data[0] = 0xff;
                entry
            }],
        ),
    ]
}

fn contradictions() -> Vec<HostileArchive> {
    let unicode = |name: &[u8]| {
        let mut field = vec![0x75, 0x70, (name.len() + 5) as u8, 0, 1, 0, 0, 0, 0];
        field.extend_from_slice(name);
        field
    };
    let other_name = unicode(b"p/b.txt");
    let lying = |mut entry: ZipEntry| {
        entry.descriptor[8] ^= 1;
        entry
    };
    vec![
        attack("zip-other-name-in-front", "header-disagreement", &[honest().local(|fields| fields.name = b"p/b.txt".to_vec())]),
        attack("zip-other-method-in-front", "header-disagreement", &[honest().local(|fields| fields.method = 8)]),
        attack("zip-other-checksum-in-front", "header-disagreement", &[honest().local(|fields| fields.crc ^= 1)]),
        attack("zip-other-size-in-front", "header-disagreement", &[honest().local(|fields| fields.size += 1)]),
        attack("zip-other-compressed-size-in-front", "header-disagreement", &[honest().local(|fields| fields.compressed -= 1)]),
        attack("zip-other-name-by-unicode-field", "header-disagreement", &[honest().both(|fields| fields.extra = other_name.clone())]),
        attack("zip-lying-descriptor", "header-disagreement", &[lying(ZipEntry::deflated("p/a.txt", DATA).streamed())]),
        attack(
            "zip-two-zip64-fields",
            "header-disagreement",
            &[honest().zip64().both(|fields| fields.extra = [fields.extra.clone(), fields.extra.clone()].concat())],
        ),
        attack("zip-zip64-field-missing", "bad-header", &[honest().both(|fields| fields.size = u32::MAX)]),
    ]
}

fn places() -> Vec<HostileArchive> {
    let hidden = || ZipEntry::stored("setup.py", b"hidden").unlisted();
    let first = honest();
    let second = ZipEntry::stored("p/b.txt", DATA);
    vec![
        attack("zip-hidden-entry-between", "hidden-entry", &[first.clone(), hidden(), second.clone()]),
        attack("zip-hidden-entry-first", "hidden-entry", &[hidden(), first.clone()]),
        attack("zip-hidden-entry-last", "hidden-entry", &[first.clone(), hidden()]),
        attack("zip-entries-share-a-place", "overlapping-entries", &[first.clone(), honest().at(0)]),
        attack("zip-entry-inside-another", "overlapping-entries", &{
            // The outer entry's data is itself a header and data that the directory lists too.
            let inner = Zip::of(&[second.clone().unlisted()]).bytes();
            let inner = &inner[..inner.len() - 22];
            let outer = ZipEntry::stored("p/outer", inner);
            [outer, second.clone().at(30 + 7)]
        }),
        attack("zip-place-is-no-entry", "bad-header", &[first.clone(), second.clone().at(5)]),
        attack("zip-place-is-outside", "truncated", &[first.clone(), second.clone().at(1 << 30)]),
        attack("zip-data-reaches-outside", "truncated", &[honest().both(|fields| (fields.size, fields.compressed) = (1 << 20, 1 << 20))]),
    ]
}

fn ends() -> Vec<HostileArchive> {
    let honest_zip = || Zip::of(&[honest()]);
    let whole = honest_zip().bytes();
    let other = write(&[ZipEntry::stored("setup.py", b"other")]);
    vec![
        HostileArchive::new("zip-cut", "truncated", whole[..whole.len() - 30].to_vec()),
        HostileArchive::new("zip-cut-in-end-record", "truncated", whole[..whole.len() - 1].to_vec()),
        HostileArchive::new("zip-then-rubbish", "trailing-data", [whole.clone(), b"rubbish".to_vec()].concat()),
        HostileArchive::new("zip-two-zips", "hidden-entry", [whole.clone(), other.clone()].concat()),
        HostileArchive::new("zip-in-the-comment", "ambiguous-directory", honest_zip().comment(&other).bytes()),
        HostileArchive::new("zip-two-end-records", "ambiguous-directory", {
            let end = whole[whole.len() - 22..].to_vec();
            honest_zip().comment(&end).bytes()
        }),
        HostileArchive::new("zip-count-too-low", "ambiguous-directory", Zip::of(&[honest(), ZipEntry::stored("b", DATA)]).count(1).bytes()),
        HostileArchive::new("zip-count-too-high", "truncated", honest_zip().count(2).bytes()),
        HostileArchive::new("zip-count-told-twice", "ambiguous-directory", honest_zip().zip64_end_with(2).bytes()),
        HostileArchive::new("zip-several-volumes", "unsupported-entry", honest_zip().second_volume().bytes()),
        HostileArchive::new("zip-unlisted-before-directory", "hidden-entry", honest_zip().before_directory(b"..PK\x03\x04rest").bytes()),
    ]
}

fn bombs() -> Vec<HostileArchive> {
    let zeros = vec![0; 4 << 20];
    let many: Vec<ZipEntry> = (0..50).map(|index| ZipEntry::stored(&format!("p/{index}"), b"")).collect();
    let huge = || honest().both(|fields| fields.size = u32::MAX - 1);
    vec![
        attack("zip-bomb", "ratio-too-high", &[ZipEntry::deflated("p/zeros", &zeros)]).limits(|limits| limits.ratio = 500),
        attack("zip-bzip2-bomb", "ratio-too-high", &[ZipEntry::bzip2("p/zeros", &zeros)]),
        attack("zip-bomb-that-declares-little", "size-mismatch", &[ZipEntry::bzip2("p/zeros", &zeros).both(|fields| fields.size = 100)]),
        attack("zip-declares-a-large-entry", "entry-too-large", &[huge()]),
        attack(
            "zip-declares-much",
            "total-too-large",
            &[
                ZipEntry::stored("a", DATA).both(|fields| fields.size = 200 << 20),
                ZipEntry::stored("b", DATA).both(|fields| fields.size = 200 << 20),
            ],
        )
        .limits(|limits| limits.total_bytes = 300 << 20),
        attack("zip-of-many-entries", "too-many-entries", &many).limits(|limits| limits.entries = 49),
    ]
}
