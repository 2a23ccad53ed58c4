//! Archives of the same bytes for the same files: fixed times, owners and modes, sorted entries, fixed gzip header.

use std::collections::BTreeMap;
use std::io::{Cursor, Write as _};

/// Files by path inside their archive.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// The one modification time of every tar entry, seconds since the epoch (1985-10-26, the one that npm pack writes).
const MTIME: u64 = 499_162_500;

/// A `.tar.gz` of `files`, each under `root/`; an empty root puts them at the top.
pub(crate) fn tar_gz(root: &str, files: &Files) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(MTIME);
        header.set_uid(0);
        header.set_gid(0);
        let full = if root.is_empty() { path.clone() } else { format!("{root}/{path}") };
        builder.append_data(&mut header, &full, content.as_slice()).expect("a tar entry with a plain relative path");
    }
    gzip(&builder.into_inner().expect("a tar in memory"))
}

/// gzip without a name or a time.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::GzBuilder::new().mtime(0).operating_system(255).write(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(bytes).expect("gzip in memory");
    encoder.finish().expect("gzip in memory")
}

/// A zip of `files`, deflated, dated 1980-01-01.
pub(crate) fn zip(files: &Files) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Deflated)
        .last_modified_time(zip::DateTime::default())
        .unix_permissions(0o644);
    for (path, content) in files {
        writer.start_file(path.as_str(), options).expect("a zip entry in memory");
        writer.write_all(content).expect("a zip entry in memory");
    }
    writer.finish().expect("a zip in memory").into_inner()
}
