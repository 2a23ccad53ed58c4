//! Every attack meets its own refusal, every honest archive comes through, and the bounds hold while unpacking.

use bifocal_archive::{
    ArchiveError, Budget, EntryKind, Format, KEPT_HEAD, Note, Tolerance, go_h1, go_mod_h1, sniff, unpack, unpack_keeping, unpack_within,
    visit,
};
use bifocal_core::ArchiveLimits;
use bifocal_testkit::hostile::compress::{bzip2, deflate, gzip, xz, zstd};
use bifocal_testkit::hostile::tar::{TarBuilder, TarHeader};
use bifocal_testkit::hostile::zip::{ZipEntry, write};
use bifocal_testkit::hostile::{friendly_archives, hostile_archives};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::io::Read as _;
use std::rc::Rc;
use std::time::Duration;

fn limits() -> ArchiveLimits {
    ArchiveLimits::default()
}

#[test]
fn every_attack_is_refused_by_its_own_error() {
    let attacks = hostile_archives();
    let names: BTreeSet<&str> = attacks.iter().map(|attack| attack.name).collect();
    assert_eq!(names.len(), attacks.len(), "names are unique");
    assert!(attacks.len() >= 100, "{}", attacks.len());
    let mut wrong = Vec::new();
    for attack in &attacks {
        let tolerance = if attack.only_when_strict { Tolerance::STRICT } else { Tolerance::LENIENT };
        // Conflicting duplicates are an error only without leniency.
        let tolerance = if attack.refusal == "duplicate-entry" { Tolerance::default() } else { tolerance };
        match unpack_within(&attack.bytes, &Budget::new(&attack.limits), tolerance) {
            Ok(unpacked) => wrong.push(format!("{}: not refused, {} entries", attack.name, unpacked.entries.len())),
            Err(error) if error.id() != attack.refusal => wrong.push(format!("{}: {} ({error})", attack.name, error.id())),
            Err(error) => println!("{}: {error}", attack.name),
        }
        if attack.only_when_strict {
            assert!(unpack(&attack.bytes, &attack.limits).is_ok(), "{} occurs in benign packages", attack.name);
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn a_name_that_is_too_long_is_shown_by_its_own_start() {
    for kind in [b'L', b'K'] {
        let name = [b"package/very-".as_slice(), &[b'x'; 5000]].concat();
        let error = unpack(&TarBuilder::new().long(kind, &name).file("p/a", b"x").finish(), &limits()).unwrap_err();
        assert_eq!(error.id(), "path-too-long");
        assert!(error.to_string().starts_with("path `package/very-xxxxxxxx"), "{error}");
    }
}

#[test]
fn every_refusal_that_bytes_can_provoke_is_provoked() {
    let provoked: BTreeSet<&str> = hostile_archives().iter().map(|attack| attack.refusal).collect();
    // Those that need a second archive, a clock or a visitor have tests of their own here.
    let all = [
        "absolute-path",
        "ambiguous-directory",
        "archive-too-large",
        "bad-header",
        "bad-stream",
        "case-collision",
        "control-in-path",
        "crc-mismatch",
        "duplicate-entry",
        "empty-path",
        "encrypted",
        "entry-too-large",
        "file-as-folder",
        "hard-link-out-of-root",
        "header-checksum",
        "header-disagreement",
        "header-too-large",
        "hidden-entry",
        "link-loop",
        "nul-in-path",
        "overlapping-entries",
        "path-too-deep",
        "path-too-long",
        "path-traversal",
        "polyglot",
        "ratio-too-high",
        "size-mismatch",
        "special-file",
        "symlink-out-of-root",
        "through-link",
        "too-many-entries",
        "total-too-large",
        "trailing-data",
        "truncated",
        "unknown-format",
        "unsupported-entry",
        "unsupported-format",
        "unsupported-method",
        "window-too-large",
    ];
    assert_eq!(provoked.into_iter().collect::<Vec<_>>(), all);
}

#[test]
fn every_honest_archive_comes_through_whole() {
    for archive in friendly_archives() {
        let unpacked = unpack(&archive.bytes, &limits()).unwrap_or_else(|error| panic!("{}: {error}", archive.name));
        assert_eq!(unpacked.format.as_str(), archive.format, "{}", archive.name);
        let files: Vec<(&str, Vec<u8>)> = unpacked.entries.iter().map(|entry| (entry.path.as_str(), entry.data.clone())).collect();
        assert_eq!(files, archive.files, "{}", archive.name);
        assert!(unpacked.entries.iter().all(|entry| entry.size == entry.data.len() as u64), "{}", archive.name);
        assert_eq!(unpack(&archive.bytes, &limits()).unwrap(), unpacked, "{} twice the same", archive.name);
    }
}

#[test]
fn every_prefix_of_an_archive_is_refused_or_complete() {
    for archive in friendly_archives() {
        for length in 0..archive.bytes.len() {
            let Ok(unpacked) = unpack(&archive.bytes[..length], &limits()) else { continue };
            // A tar without its end marker, or the first stream of two, is all that a cut may leave.
            let whole = unpacked.entries.iter().zip(&archive.files).all(|(entry, (path, data))| entry.path == *path && entry.data == *data);
            assert!(whole, "{} cut to {length}", archive.name);
        }
    }
}

#[test]
fn every_flipped_bit_is_refused_or_harmless() {
    for archive in friendly_archives() {
        for at in 0..archive.bytes.len() {
            let mut bytes = archive.bytes.clone();
            bytes[at] ^= 1 << (at % 8);
            let _ = unpack(&bytes, &limits());
        }
    }
}

#[test]
fn oddities_of_benign_packages_are_noted_not_refused() {
    let tar = TarBuilder::new()
        .file("./p/a.txt", b"same")
        .file("p/a.txt", b"same")
        .file("p\\b.txt", b"b")
        .symlink("p/dangling", "nowhere")
        .symlink("p/link", "a.txt")
        .file("p/README", b"1")
        .file("p/readme", b"2")
        .pax(b'g', &[("comment", b"0123")])
        .entry(TarHeader::new(b"p/latin-\xe9", b'0', 0), b"");
    let unpacked = unpack(&gzip(&tar.unfinished()), &limits()).unwrap();
    let owned = str::to_owned;
    assert_eq!(
        unpacked.notes,
        [
            Note::Backslash { path: owned("p/b.txt") },
            Note::CaseCollision { path: owned("p/readme"), other: owned("p/README") },
            Note::NameNotUtf8 { path: owned("p/latin-\u{fffd}e9") },
            Note::NoEndMarker,
            Note::DanglingLink { path: owned("p/dangling"), target: owned("nowhere") },
            Note::DuplicateEntry { path: owned("p/a.txt") },
        ]
    );
    let link = unpacked.entries.iter().find(|entry| entry.path == "p/link").unwrap();
    assert_eq!(link.kind, EntryKind::Link { target: owned("a.txt"), hard: false });
    assert_eq!(unpacked.resolve(link).unwrap().data, b"same");
    assert_eq!(unpacked.resolve(unpacked.entries.iter().find(|entry| entry.path == "p/dangling").unwrap()), None);
}

#[test]
fn a_lenient_caller_gets_both_of_two_conflicting_files() {
    let zip = write(&[ZipEntry::stored("META-INF/NOTICE", b"one"), ZipEntry::stored("META-INF/NOTICE", b"two")]);
    let unpacked = unpack_within(&zip, &Budget::new(&limits()), Tolerance::LENIENT).unwrap();
    assert_eq!(unpacked.notes, [Note::ConflictingDuplicate { path: "META-INF/NOTICE".to_owned() }]);
    assert_eq!(unpacked.entries.iter().map(|entry| entry.data.as_slice()).collect::<Vec<_>>(), [b"one", b"two"]);
    assert_eq!(unpacked.links().get("META-INF/NOTICE").unwrap().data, b"two");
}

#[test]
fn modes_and_links_are_data() {
    let mut setuid = TarHeader::new(b"p/tool", b'0', 0);
    setuid.put(100, b"0004755\0");
    let tar = TarBuilder::new().entry(setuid, b"").hard_link("p/same", "./p/tool").finish();
    let unpacked = unpack(&tar, &limits()).unwrap();
    assert!(unpacked.entries[0].is_executable());
    assert_eq!(unpacked.notes, [Note::SetId { path: "p/tool".to_owned() }]);
    assert_eq!(unpacked.entries[1].kind, EntryKind::Link { target: "p/tool".to_owned(), hard: true });
    let zip = write(&[ZipEntry::stored("link", b"there").mode(0o120_777), ZipEntry::stored("there", b"x").mode(0o100_755)]);
    let unpacked = unpack(&zip, &limits()).unwrap();
    assert_eq!(unpacked.entries[0].kind, EntryKind::Link { target: "there".to_owned(), hard: false });
    assert_eq!(unpacked.entries[0].data, b"there", "installers without links write the target text to a file");
    assert!(unpacked.entries[1].is_executable());
}

#[test]
fn formats_are_told_by_bytes_alone() {
    for archive in friendly_archives() {
        assert_eq!(sniff(&archive.bytes).map(Format::as_str), Some(archive.format), "{}", archive.name);
    }
    for (bytes, what) in [(&b"#!/bin/sh\n"[..], "a script"), (b"", "nothing"), (&[0; 2048], "zeros"), (b"BZh9 is text", "text")] {
        assert_eq!(sniff(bytes), None, "{what}");
    }
}

#[test]
fn an_empty_tar_is_an_archive_without_entries() {
    for bytes in [gzip(&[0; 1024]), xz(&[0; 10240])] {
        assert_eq!(unpack(&bytes, &limits()).unwrap().entries, []);
    }
    assert_eq!(unpack(&write(&[]), &limits()).unwrap().entries, []);
}

#[test]
fn nested_archives_share_one_budget_and_end_at_the_bound() {
    let inner = gzip(&TarBuilder::new().file("deep", b"bottom").finish());
    let middle = write(&[ZipEntry::stored("inner.tgz", &inner)]);
    let outer = gzip(&TarBuilder::new().file("middle.zip", &middle).file("text", b"no archive").finish());
    let budget = Budget::new(&limits());
    let unpacked = unpack_within(&outer, &budget, Tolerance::default()).unwrap();
    assert!(unpacked.nested(&unpacked.entries[1], &budget, Tolerance::default()).is_none());
    let middle = unpacked.nested(&unpacked.entries[0], &budget, Tolerance::default()).unwrap().unwrap();
    let inner = middle.nested(&middle.entries[0], &budget, Tolerance::default()).unwrap().unwrap();
    assert_eq!((inner.depth, inner.entries[0].data.as_slice()), (2, &b"bottom"[..]));
    assert_eq!(budget.spent_bytes(), unpacked.total_bytes + middle.total_bytes + inner.total_bytes);

    let shallow = Budget::new(&ArchiveLimits { nesting: 1, ..limits() });
    let middle = unpacked.nested(&unpacked.entries[0], &shallow, Tolerance::default()).unwrap().unwrap();
    let refused = middle.nested(&middle.entries[0], &shallow, Tolerance::default()).unwrap();
    assert_eq!(refused, Err(ArchiveError::NestedTooDeep { limit: 1 }));

    let poor = Budget::new(&ArchiveLimits { total_bytes: unpacked.total_bytes + 10, ..limits() });
    let unpacked = unpack_within(&outer, &poor, Tolerance::default()).unwrap();
    let refused = unpacked.nested(&unpacked.entries[0], &poor, Tolerance::default()).unwrap();
    assert_eq!(refused.unwrap_err().id(), "total-too-large");
}

/// A budget whose clock moves one millisecond at each look, and the number of looks so far.
fn ticking(limit_millis: u64) -> (Budget, Rc<Cell<u64>>) {
    let looks = Rc::new(Cell::new(0));
    let counter = Rc::clone(&looks);
    let limits = ArchiveLimits { time: Duration::from_millis(limit_millis), ratio: u32::MAX, ..limits() };
    let elapsed = move || {
        counter.set(counter.get() + 1);
        Duration::from_millis(counter.get())
    };
    (Budget::with_elapsed(&limits, Box::new(elapsed)), looks)
}

#[test]
fn the_clock_is_looked_at_inside_every_loop() {
    let many = (0..500).fold(TarBuilder::new(), |tar, index| tar.file(&format!("p/{index}"), b""));
    let large = TarBuilder::new().file("zeros", &vec![0; 32 << 20]).finish();
    let entries: Vec<ZipEntry> = (0..500).map(|index| ZipEntry::stored(&format!("p/{index}"), b"x")).collect();
    let chain = (0..300).fold(TarBuilder::new(), |tar, index| tar.symlink(&format!("l{index}"), "x"));
    let work = [
        ("entries of a tar", many.finish()),
        ("bytes in gzip", gzip(&large)),
        ("bytes in bzip2", bzip2(&large)),
        ("bytes in xz", xz(&large)),
        ("bytes in zstd", zstd(&large)),
        ("bytes of one file", gzip(&vec![0; 32 << 20])),
        ("bytes after the end", gzip(&TarBuilder::new().file("a", b"").raw(&vec![0; 32 << 20]).finish())),
        ("entries of a zip", write(&entries)),
        ("bytes in a zip", write(&[ZipEntry::deflated("zeros", &vec![0; 32 << 20])])),
        ("links", chain.finish()),
    ];
    for (what, bytes) in work {
        let (budget, looks) = ticking(100);
        let refused = unpack_within(&bytes, &budget, Tolerance::default()).unwrap_err();
        assert_eq!(refused, ArchiveError::TimedOut { limit_millis: 100 }, "{what}");
        assert_eq!(looks.get(), 101, "{what}: it stops at the first look that is too late");
    }
}

#[test]
fn a_visitor_sees_entries_one_by_one_and_may_stop() {
    let bytes = gzip(&TarBuilder::new().file("a", &[1; 1000]).file("b", &[2; 1000]).finish());
    let budget = Budget::new(&limits());
    let mut seen = Vec::new();
    let summary = visit(&bytes, &budget, Tolerance::default(), &mut |info, content| {
        let mut two = [0; 2];
        content.read_exact(&mut two)?;
        seen.push((info.path.clone(), two));
        Ok(())
    })
    .unwrap();
    assert_eq!(seen, [("a".to_owned(), [1, 1]), ("b".to_owned(), [2, 2])], "content that is left is skipped");
    assert_eq!((summary.entries, summary.format.as_str()), (2, "tar.gz"));
    let refused = visit(&bytes, &budget, Tolerance::default(), &mut |_, _| Err(std::io::Error::other("enough"))).unwrap_err();
    assert_eq!(refused, ArchiveError::Stopped("enough".to_owned()));
}

#[test]
fn what_a_visitor_leaves_unread_is_still_checked() {
    let zip = write(&[ZipEntry::deflated("a", &[7; 5000]).both(|fields| fields.crc ^= 1)]);
    let refused = visit(&zip, &Budget::new(&limits()), Tolerance::default(), &mut |_, _| Ok(())).unwrap_err();
    assert_eq!(refused.id(), "crc-mismatch");
}

#[test]
fn go_digests_are_those_of_the_go_command() {
    // Computed with golang.org/x/mod/sumdb/dirhash over the same two files.
    let zip = write(&[
        ZipEntry::deflated("example.com/hello@v1.0.0/hello.go", b"package hello\n"),
        ZipEntry::deflated("example.com/hello@v1.0.0/go.mod", b"module example.com/hello\n"),
    ]);
    let unpacked = unpack_within(&zip, &Budget::new(&limits()), Tolerance::STRICT).unwrap();
    assert_eq!(go_h1(&unpacked.entries).unwrap().to_string(), GO_H1);
    assert_eq!(go_mod_h1(b"module example.com/hello\n").unwrap().to_string(), GO_MOD_H1);
}

const GO_H1: &str = "h1:v/u/g2S1hZaWZImyAVXAGG42N1pWX/UTgAYidytBT84=";
const GO_MOD_H1: &str = "h1:fpu2YBs8Cn+uPELS7pdczZmF9hlK1PibTkwahffYMfo=";

#[test]
fn deflate_that_ends_early_is_not_taken_for_its_end() {
    let stream = deflate(&b"0123456789abcdef".repeat(100));
    let mut entry = ZipEntry::deflated("a", b"");
    entry.data = stream[..stream.len() - 2].to_vec();
    let length = entry.data.len() as u32;
    let zip = write(&[entry.both(|fields| (fields.compressed, fields.size) = (length, 1600))]);
    assert_eq!(unpack(&zip, &limits()).unwrap_err().id(), "truncated");
}

/// The seeds of the fuzz targets: every attack and every honest archive that is small.
fn fuzz_seeds() -> Vec<(String, Vec<u8>)> {
    const MAX_SEED: usize = 4096;
    let mut seeds = Vec::new();
    let attacks = hostile_archives().into_iter().map(|attack| (attack.name, attack.bytes));
    let honest = friendly_archives().into_iter().map(|archive| (archive.name, archive.bytes));
    for (name, bytes) in attacks.chain(honest) {
        match sniff(&bytes) {
            Some(Format::Zip) => seeds.push((format!("archive_zip/{name}"), bytes.clone())),
            Some(Format::Tar(Some(bifocal_archive::Codec::Gzip))) => {
                let mut tar = Vec::new();
                if flate2::read::MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut tar).is_ok() {
                    seeds.push((format!("archive_tar/{name}"), tar));
                }
            }
            _ => {}
        }
        seeds.push((format!("archive_unpack/{name}"), bytes));
    }
    seeds.retain(|(_, bytes)| bytes.len() <= MAX_SEED);
    seeds
}

fn seeds_folder() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../fuzz/seeds")
}

#[test]
fn the_fuzz_seeds_are_the_attacks() {
    for (name, _) in fuzz_seeds() {
        assert!(
            seeds_folder().join(&name).is_file(),
            "{name} is missing: run `cargo test -p bifocal-archive --test archive -- --ignored write_the_fuzz_seeds`"
        );
    }
}

#[test]
#[ignore = "writes fuzz/seeds/archive_*; run it by name after adding an attack"]
fn write_the_fuzz_seeds() {
    for (name, bytes) in fuzz_seeds() {
        let path = seeds_folder().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

#[test]
fn a_caller_may_want_only_the_heads_of_large_files_and_the_rest_is_checked_all_the_same() {
    let large: Vec<u8> = (0..KEPT_HEAD * 3 + 7).map(|at| (at % 251) as u8).collect();
    let tar = TarBuilder::new().file("a/large", &large).file("a/other", &large).file("a/small", b"x").finish();
    let mut asked = Vec::new();
    let mut keeps = |info: &bifocal_archive::EntryInfo, head: &[u8]| {
        asked.push((info.path.clone(), head.len()));
        info.path == "a/other"
    };
    let unpacked = unpack_keeping(&gzip(&tar), &Budget::new(&limits()), Tolerance::default(), &mut keeps).unwrap();
    assert_eq!(asked, [("a/large".to_owned(), KEPT_HEAD), ("a/other".to_owned(), KEPT_HEAD)]);
    let of = |path: &str| unpacked.entries.iter().find(|entry| entry.path == path).unwrap();
    assert_eq!((of("a/large").data.as_slice(), of("a/large").size), (&large[..KEPT_HEAD], large.len() as u64));
    assert!(!of("a/large").is_whole() && of("a/other").is_whole() && of("a/small").is_whole());
    assert_eq!(of("a/other").data, large);

    // The checksum of what is not kept still counts.
    let mut zip = write(&[ZipEntry::stored("a/large", &large)]);
    let last = zip.windows(large.len()).position(|window| window == large).unwrap() + large.len() - 1;
    zip[last] ^= 1;
    let refused = unpack_keeping(&zip, &Budget::new(&limits()), Tolerance::default(), &mut |_, _| false).unwrap_err();
    assert_eq!(refused.id(), "crc-mismatch");
}

#[test]
fn a_large_file_that_carries_a_zip_behind_itself_is_kept_whole_and_one_that_only_seems_to_is_not() {
    let code: Vec<u8> = (0..KEPT_HEAD * 2 + 7).map(|at| (at % 251) as u8).collect();
    let inner = write(&[ZipEntry::stored("a.py", b"pass\n")]);
    let carrier = [code.as_slice(), &inner].concat();
    // Lists many entries, so that its directory begins before the bytes in which its end record is looked for.
    let many: Vec<ZipEntry> = (0..1_500).map(|at| ZipEntry::stored(&format!("{at:080}"), b"x")).collect();
    let long = [code.as_slice(), &write(&many)].concat();
    let feint = [code.as_slice(), b"PK\x05\x06\0\0\0\0\xff\x7f\xff\x7f\xff\xff\xff\x7f\xff\xff\xff\x7f\0\0"].concat();
    let cut = [code.as_slice(), b"PK\x05\x06\0\0"].concat();
    let files = [("feint", &feint), ("carrier", &carrier), ("plain", &code), ("long", &long), ("cut", &cut)];
    let tar = files.iter().fold(TarBuilder::new(), |tar, (name, data)| tar.file(name, data)).finish();
    let zip = write(&files.map(|(name, data)| ZipEntry::stored(name, data)));
    for archive in [gzip(&tar), zip] {
        // No more room than for one look: the second one is not paid for twice.
        let once = unpack(&archive, &limits()).unwrap().total_bytes;
        let budget = Budget::new(&ArchiveLimits { total_bytes: once, ..limits() });
        let unpacked = unpack_keeping(&archive, &budget, Tolerance::default(), &mut |_, _| false).unwrap();
        let kept: Vec<(&str, bool)> = unpacked.entries.iter().map(|entry| (entry.path.as_str(), entry.is_whole())).collect();
        assert_eq!(kept, [("feint", false), ("carrier", true), ("plain", false), ("long", true), ("cut", false)]);
        for (entry, (_, data)) in unpacked.entries.iter().zip(&files) {
            assert_eq!(entry.data, data[..if entry.is_whole() { data.len() } else { KEPT_HEAD }], "{}", entry.path);
        }
        assert_eq!(budget.spent_bytes(), once);
    }
}
