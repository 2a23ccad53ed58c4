//! Attacks by tar, and by the compression around it.

use super::HostileArchive;
use super::compress::{bzip2, crc32, gzip, xz, zstd};
use super::tar::{TarBuilder, TarHeader};
use super::zip::{self, ZipEntry};

const DATA: &[u8] = b"harmless";

fn tar() -> TarBuilder {
    TarBuilder::new()
}

fn honest() -> TarBuilder {
    tar().file("p/a.txt", DATA)
}

pub(super) fn all() -> Vec<HostileArchive> {
    [paths(), links(), kinds(), headers(), bombs(), streams()].concat()
}

fn attack(name: &'static str, refusal: &'static str, tar: TarBuilder) -> HostileArchive {
    HostileArchive::new(name, refusal, gzip(&tar.finish()))
}

fn paths() -> Vec<HostileArchive> {
    let named = |name, refusal, path: &str| attack(name, refusal, tar().file(path, DATA));
    vec![
        named("tar-climbs", "path-traversal", "../escaped.txt"),
        named("tar-climbs-midway", "path-traversal", "p/../../escaped.txt"),
        named("tar-climbs-by-backslash", "path-traversal", "p\\..\\..\\escaped.txt"),
        named("tar-climbs-by-dots-and-blank", "path-traversal", ".. /escaped.txt"),
        attack("tar-climbs-by-pax-path", "path-traversal", tar().pax(b'x', &[("path", b"../escaped.txt")]).file("p/a", DATA)),
        attack("tar-climbs-by-gnu-long-name", "path-traversal", tar().long(b'L', b"../escaped.txt").file("p/a", DATA)),
        attack("tar-climbs-by-ustar-prefix", "path-traversal", {
            let mut header = TarHeader::new(b"escaped.txt", b'0', 8);
            header.put(345, b"..");
            tar().entry(header, DATA)
        }),
        named("tar-absolute", "absolute-path", "/tmp/escaped.txt"),
        named("tar-windows-drive", "absolute-path", "C:\\escaped.txt"),
        named("tar-windows-share", "absolute-path", "\\\\198.51.100.1\\share\\escaped.txt"),
        named("tar-newline-in-name", "control-in-path", "p/a\nb"),
        named("tar-terminal-escape-in-name", "control-in-path", "p/\u{1b}[2J"),
        attack("tar-nul-in-pax-path", "nul-in-path", tar().pax(b'x', &[("path", b"p/a.txt\0.py")]).file("p/a", DATA)),
        attack("tar-nul-in-gnu-long-name", "nul-in-path", tar().long(b'L', b"p/a.txt\0.py").file("p/a", DATA)),
        named("tar-no-name", "empty-path", ""),
        attack("tar-long-path", "path-too-long", tar().pax(b'x', &[("path", &[b'a'; 2000])]).file("p/a", DATA)),
        attack("tar-deep-path", "path-too-deep", tar().pax(b'x', &[("path", "d/".repeat(70).as_bytes())]).file("p/a", DATA)),
        attack("tar-twice-with-other-bytes", "duplicate-entry", honest().file("p/a.txt", b"other!!!")),
        attack("tar-twice-by-dotted-path", "duplicate-entry", honest().file("./p//a.txt", b"other!!!")),
        attack("tar-case-collision", "case-collision", honest().file("p/A.TXT", b"other!!!")).strict(),
        attack("tar-unicode-collision", "case-collision", tar().file("p/caf\u{e9}", DATA).file("p/cafe\u{301}", DATA)).strict(),
        attack("tar-file-is-a-folder", "file-as-folder", tar().file("p/a", DATA).file("p/a/b", DATA)),
    ]
}

fn links() -> Vec<HostileArchive> {
    vec![
        attack("tar-symlink-absolute", "symlink-out-of-root", tar().symlink("p/link", "/etc/passwd")),
        attack("tar-symlink-climbs", "symlink-out-of-root", tar().symlink("p/link", "../../secret")),
        attack("tar-symlink-to-drive", "symlink-out-of-root", tar().symlink("p/link", "C:\\secret")),
        attack("tar-symlink-climbs-by-backslash", "symlink-out-of-root", tar().symlink("p/link", "..\\..\\secret")),
        attack("tar-symlink-by-pax", "symlink-out-of-root", tar().pax(b'x', &[("linkpath", b"../../secret")]).symlink("p/link", "a")),
        attack("tar-symlink-by-gnu-long-link", "symlink-out-of-root", tar().long(b'K', b"../../secret").symlink("p/link", "a")),
        attack("tar-symlinks-out-in-steps", "symlink-out-of-root", tar().symlink("p/x/up", "../..").symlink("out", "p/x/up/../secret")),
        attack("tar-symlink-loop", "link-loop", tar().symlink("p/a", "b").symlink("p/b", "a")),
        attack("tar-writes-through-symlink", "through-link", tar().symlink("p/lib", "src").file("p/lib/a.txt", DATA)),
        attack("tar-writes-through-symlink-by-case", "through-link", tar().symlink("p/LIB", "src").file("p/lib/a.txt", DATA)),
        attack("tar-symlink-then-file", "duplicate-entry", tar().symlink("p/a", "b").file("p/a", DATA)),
        attack("tar-hard-link-climbs", "hard-link-out-of-root", tar().hard_link("p/link", "../secret")),
        attack("tar-hard-link-absolute", "hard-link-out-of-root", tar().hard_link("p/link", "/etc/passwd")),
        attack("tar-symlink-without-target", "empty-path", tar().symlink("p/link", "")),
        attack("tar-symlink-with-data", "bad-header", tar().entry(TarHeader::new(b"p/link", b'2', 8).target(b"a"), DATA)),
    ]
}

fn kinds() -> Vec<HostileArchive> {
    let kind = |name, refusal, kind| attack(name, refusal, tar().entry(TarHeader::new(b"p/x", kind, 0), b""));
    vec![
        kind("tar-character-device", "special-file", b'3'),
        kind("tar-block-device", "special-file", b'4'),
        kind("tar-pipe", "special-file", b'6'),
        kind("tar-gnu-sparse", "unsupported-entry", b'S'),
        kind("tar-other-volume", "unsupported-entry", b'M'),
        kind("tar-vendor-entry", "unsupported-entry", b'Q'),
        attack("tar-pax-sparse", "unsupported-entry", tar().pax(b'x', &[("GNU.sparse.realsize", b"99999999999")]).file("p/a", DATA)),
        attack("tar-folder-with-data", "bad-header", tar().entry(TarHeader::new(b"p/d", b'5', 512), &[0; 512])),
    ]
}

fn headers() -> Vec<HostileArchive> {
    let broken = |name, refusal, change: fn(&mut TarHeader)| {
        let mut header = TarHeader::new(b"p/a.txt", b'0', 8);
        change(&mut header);
        attack(name, refusal, tar().entry(header, DATA))
    };
    let mut wrong_sum = honest().finish();
    wrong_sum[0] ^= 1;
    wrong_sum.splice(0..0, honest().unfinished());
    let hidden = tar().file("hidden", DATA).unfinished();
    vec![
        HostileArchive::new("tar-wrong-checksum", "header-checksum", gzip(&wrong_sum)),
        broken("tar-size-is-no-number", "bad-header", |header| {
            header.put(124, b"0000000009z");
        }),
        broken("tar-size-is-negative", "bad-header", |header| {
            header.put(124, &[0xff; 12]);
        }),
        attack("tar-size-is-huge", "entry-too-large", tar().entry(TarHeader::new(b"p/a", b'0', 0).large_size(1 << 62), b"")),
        attack("tar-size-told-twice", "header-disagreement", tar().pax(b'x', &[("size", b"1024")]).file("p/a", DATA)),
        attack("tar-name-told-twice", "header-disagreement", tar().long(b'L', b"p/one").pax(b'x', &[("path", b"p/two")]).file("p/a", DATA)),
        attack(
            "tar-two-extended-headers",
            "bad-header",
            tar().pax(b'x', &[("path", b"p/1")]).pax(b'x', &[("path", b"p/2")]).file("p/a", DATA),
        ),
        attack("tar-extended-key-twice", "bad-header", tar().pax(b'x', &[("path", b"p/1"), ("path", b"p/2")]).file("p/a", DATA)),
        attack(
            "tar-extended-length-lies",
            "bad-header",
            tar().entry(TarHeader::new(b"x", b'x', 16), b"99 path=p/other\n").file("p/a", DATA),
        ),
        attack("tar-global-header-renames", "bad-header", tar().pax(b'g', &[("path", b"p/other")]).file("p/a", DATA)),
        attack(
            "tar-extended-header-of-gigabytes",
            "header-too-large",
            tar().entry(TarHeader::new(b"x", b'x', 4 << 30), b"").file("p/a", DATA),
        ),
        attack("tar-long-name-of-gigabytes", "path-too-long", tar().entry(TarHeader::new(b"x", b'L', 4 << 30), b"").file("p/a", DATA)),
        attack("tar-ends-after-extended-header", "truncated", tar().pax(b'x', &[("path", b"p/1")])),
        attack("tar-entry-after-the-end", "trailing-data", honest().raw(&[0; 1024]).raw(&hidden)),
        attack("tar-entry-after-one-zero-block", "trailing-data", honest().raw(&[0; 512]).raw(&hidden)),
        HostileArchive::new("tar-cut-in-data", "truncated", gzip(&tar().file("p/a", &[1; 2000]).unfinished()[..1000])),
        HostileArchive::new("tar-cut-in-header", "truncated", gzip(&honest().file("p/b", DATA).unfinished()[..1300])),
    ]
}

fn bombs() -> Vec<HostileArchive> {
    let zeros = |mib: usize| tar().file("p/zeros", &vec![0; mib << 20]).finish();
    let many = (0..50).fold(tar(), |tar, index| tar.file(&format!("p/{index}"), b""));
    vec![
        HostileArchive::new("tar-gz-bomb", "ratio-too-high", gzip(&zeros(4))).limits(|limits| limits.ratio = 500),
        HostileArchive::new("tar-bz2-bomb", "ratio-too-high", bzip2(&zeros(4))),
        HostileArchive::new("tar-xz-bomb", "ratio-too-high", xz(&zeros(8))),
        HostileArchive::new("tar-zst-bomb", "ratio-too-high", zstd(&zeros(8))),
        HostileArchive::new("gz-bomb", "ratio-too-high", gzip(&vec![0; 4 << 20])).limits(|limits| limits.ratio = 500),
        HostileArchive::new("gz-in-many-bytes", "entry-too-large", gzip(&vec![7; 2 << 20])).limits(|limits| limits.entry_bytes = 1 << 20),
        HostileArchive::new("bomb-behind-the-end", "ratio-too-high", bzip2(&honest().raw(&vec![0; 8 << 20]).finish())),
        HostileArchive::new("tar-in-many-bytes", "total-too-large", gzip(&zeros(2))).limits(|limits| limits.total_bytes = 1 << 20),
        HostileArchive::new("tar-with-a-large-entry", "entry-too-large", gzip(&zeros(2))).limits(|limits| limits.entry_bytes = 1 << 20),
        attack("tar-of-many-entries", "too-many-entries", many).limits(|limits| limits.entries = 49),
        HostileArchive::new("archive-of-many-bytes", "archive-too-large", honest().finish()).limits(|limits| limits.archive_bytes = 1000),
    ]
}

fn streams() -> Vec<HostileArchive> {
    let tar = honest().finish();
    let text = b"some text that does not compress to nothing, 0123456789".repeat(20);
    let flip = |mut bytes: Vec<u8>, from_end: usize| {
        let at = bytes.len() - from_end;
        bytes[at] ^= 0x55;
        bytes
    };
    let cut = |bytes: Vec<u8>, from_end: usize| bytes[..bytes.len() - from_end].to_vec();
    let listed = zip::write(&[ZipEntry::stored("setup.py", b"other")]);
    let mut tar_in_zip = TarHeader::new(b"PK\x03\x04", b'0', 0).block().to_vec();
    tar_in_zip.extend_from_slice(&zip::write(&[ZipEntry::stored("a", DATA)]));
    vec![
        HostileArchive::new("gz-cut", "truncated", cut(gzip(&text), 20)),
        HostileArchive::new("gz-cut-in-trailer", "truncated", cut(gzip(&tar), 3)),
        HostileArchive::new("gz-wrong-checksum", "crc-mismatch", flip(gzip(&tar), 6)),
        HostileArchive::new("gz-wrong-length", "crc-mismatch", flip(gzip(&tar), 2)),
        HostileArchive::new("gz-then-rubbish", "trailing-data", [gzip(&tar), b"rubbish".to_vec()].concat()),
        HostileArchive::new("gz-second-member-broken", "bad-header", [gzip(&tar), b"\x1f\x8b\x08\xff0000000".to_vec()].concat()),
        HostileArchive::new("gz-corrupt", "bad-stream", {
            let mut bytes = gzip(&text);
            bytes[10] = 0xff;
            bytes
        }),
        HostileArchive::new("bz2-cut", "truncated", cut(bzip2(&text), 20)),
        HostileArchive::new("bz2-wrong-checksum", "bad-stream", flip(bzip2(&text), 2)),
        HostileArchive::new("bz2-then-rubbish", "trailing-data", [bzip2(&tar), b"rubbish".to_vec()].concat()),
        HostileArchive::new("xz-cut", "truncated", cut(xz(&text), 20)),
        HostileArchive::new("xz-then-rubbish", "bad-stream", [xz(&tar), b"rubbish!".to_vec()].concat()),
        HostileArchive::new("xz-huge-window", "window-too-large", huge_xz_window()),
        HostileArchive::new("zst-cut", "truncated", cut(zstd(&text), 5)),
        HostileArchive::new("zst-huge-window", "window-too-large", b"\x28\xb5\x2f\xfd\x00\xf8\x19\x00\x00abc".to_vec()),
        HostileArchive::new("tar-gz-and-zip-at-once", "polyglot", [gzip(&tar), listed.clone()].concat()),
        HostileArchive::new("tar-and-zip-at-once", "polyglot", [tar.clone(), listed].concat()),
        HostileArchive::new("zip-and-tar-at-once", "polyglot", tar_in_zip),
        HostileArchive::new("seven-zip", "unsupported-format", b"7z\xbc\xaf\x27\x1c\0\x04".to_vec()),
        HostileArchive::new("no-archive", "unknown-format", b"import os\n".to_vec()),
        HostileArchive::new("nothing", "unknown-format", Vec::new()),
    ]
}

/// An honest xz whose block header asks for a dictionary of 3 GiB.
fn huge_xz_window() -> Vec<u8> {
    let mut bytes = xz(b"text");
    // Stream header of 12 bytes, then the block header: its length, flags, filter id 0x21, one property byte.
    let length = (usize::from(bytes[12]) + 1) * 4;
    if let Some(at) = bytes[12..12 + length].windows(2).position(|pair| pair == [0x21, 1]) {
        bytes[12 + at + 2] = 39;
    }
    let crc = crc32(&bytes[12..12 + length - 4]);
    bytes[12 + length - 4..12 + length].copy_from_slice(&crc.to_le_bytes());
    bytes
}
