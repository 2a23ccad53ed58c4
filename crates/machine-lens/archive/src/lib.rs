//! Bounded unpacking of hostile archives, in memory.
//!
//! What comes in: the bytes of an artifact and its [`bifocal_core::ArchiveLimits`]. What goes out: its entries
//! ([`Unpacked`], or one by one through [`visit`]), the oddities that benign packages have too ([`Note`]), or the one
//! reason why it is refused ([`ArchiveError`]). Formats are told by their bytes ([`sniff`]): tar, plain or in gzip,
//! bzip2, xz or zstd; zip in all its names (wheel, jar, egg, Go module); single compressed files.
//!
//! Nothing is written to disk, links are data and never followed, and every size, count, depth, ratio and the time is
//! bounded while unpacking, not afterwards. Where two common installers would see different contents in the same bytes
//! (a zip entry missing from the directory, a tar size told twice, a tar that is also a zip), the archive is refused:
//! a scanner that guesses sees the harmless half.

mod budget;
mod codec;
mod dirhash;
mod driver;
mod error;
mod format;
mod names;
mod note;
mod path;
mod tar;
mod unpacked;
mod zip;

pub use budget::Budget;
pub use dirhash::{go_h1, go_h1_of, go_mod_h1};
pub use driver::{Entry, EntryInfo, EntryKind, Summary, Tolerance, visit};
pub use error::ArchiveError;
pub use format::{Codec, Format, sniff, unread_format};
pub use note::Note;
pub use unpacked::{KEPT_HEAD, Links, Unpacked, unpack, unpack_keeping, unpack_within};
