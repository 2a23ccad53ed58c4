//! Taking off layers of encoding, with a bound on the bytes that come out.
//!
//! In: bytes and the codec that the code itself names. Out: the bytes below it, or nothing when they do not decode.
//! The attack: a payload behind five layers of base64 and zlib, or a small text that inflates to gigabytes.

pub(crate) mod cipher;
mod compressed;
pub(crate) mod html;
pub(crate) mod pyc;
pub(crate) mod script;
pub(crate) mod tail;
mod text;

pub(crate) use text::rot13;

use crate::api::Codec;

/// Chain entry: text that a shell command holds.
pub(crate) const SHELL: &str = "shell";
/// Chain entry: text that the code writes into a source file.
pub(crate) const WRITTEN: &str = "written-file";
/// Chain entry: text that is run as it stands in the source.
pub(crate) const LITERAL: &str = "literal";
/// Chain entry: text built from character codes.
pub(crate) const CODES: &str = "char-codes";
/// Chain entry: a file of the artifact whose content is run.
pub(crate) const FILE: &str = "file";
/// Chain entry: a script in markup.
pub(crate) const HTML: &str = "html";
/// Chain entry: what follows the end of an image.
pub(crate) const APPENDED: &str = "appended-data";
/// Chain entry: a cipher whose key stands in the code.
pub(crate) const CIPHER: &str = "cipher";
/// Chain entry: text turned around.
pub(crate) const REVERSED: &str = "reversed";

/// How deep virtual sources may be nested in each other.
pub(crate) const MAX_DEPTH: u32 = 64;
/// How many layers one value may have been through.
pub(crate) const MAX_LAYERS: usize = 64;

/// How many decoded bytes one artifact may still produce.
#[derive(Debug)]
pub(crate) struct PeelBudget {
    pub(crate) bytes: usize,
}

impl PeelBudget {
    /// Most bytes out of one layer.
    pub(crate) const LAYER: usize = 16 << 20;

    pub(crate) fn new() -> Self {
        PeelBudget { bytes: 64 << 20 }
    }

    fn room(&self) -> usize {
        self.bytes.min(Self::LAYER)
    }
}

/// The name of a layer in an evidence chain.
pub(crate) fn layer_name(codec: Codec) -> &'static str {
    match codec {
        Codec::Base64 | Codec::Buffer | Codec::Named => "base64",
        Codec::Base32 => "base32",
        Codec::Base85 => "base85",
        Codec::Hex => "hex",
        Codec::Zlib => "zlib",
        Codec::Gzip => "gzip",
        Codec::Bzip2 => "bzip2",
        Codec::Lzma => "lzma",
        Codec::Rot13 => "rot13",
        Codec::Percent => "percent",
        Codec::Marshal => "marshal",
    }
}

/// The codec that a text names (`Buffer.from(x, "hex")`, `codecs.decode(x, "rot_13")`).
pub(crate) fn codec_named(name: &str) -> Option<Codec> {
    Some(match name.to_ascii_lowercase().replace(['-', '_'], "").as_str() {
        "base64" | "base64url" => Codec::Base64,
        "hex" => Codec::Hex,
        "zlib" | "zip" => Codec::Zlib,
        "rot13" => Codec::Rot13,
        "bz2" => Codec::Bzip2,
        _ => return None,
    })
}

/// Undoes one layer. `None`: it does not decode, or there is no room for it.
pub(crate) fn decode(codec: Codec, input: &[u8], budget: &mut PeelBudget) -> Option<Vec<u8>> {
    let room = budget.room();
    if input.len() > 2 * PeelBudget::LAYER || room == 0 {
        return None;
    }
    let out = match codec {
        Codec::Base64 | Codec::Buffer => text::base64(input),
        Codec::Base32 => text::base32(input),
        Codec::Base85 => text::base85(input),
        Codec::Hex => text::hex(input),
        Codec::Rot13 => Some(text::rot13(input)),
        Codec::Percent => Some(text::percent(input)),
        Codec::Zlib => compressed::zlib(input, room),
        Codec::Gzip => compressed::gzip(input, room),
        Codec::Bzip2 => compressed::bzip2(input, room),
        Codec::Lzma => compressed::lzma(input, room),
        Codec::Marshal | Codec::Named => None,
    }?;
    if out.len() > room {
        return None;
    }
    budget.bytes -= out.len();
    Some(out)
}

/// Base64 with padding, of bytes that code encodes.
pub(crate) fn to_base64(bytes: &[u8], for_urls: bool) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    if for_urls { URL_SAFE.encode(bytes) } else { STANDARD.encode(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_come_off_and_rubbish_does_not() {
        let mut budget = PeelBudget::new();
        assert_eq!(decode(Codec::Base64, b"aGVs\nbG8", &mut budget).unwrap(), b"hello");
        assert_eq!(decode(Codec::Hex, b"68 65 6c", &mut budget).unwrap(), b"hel");
        assert_eq!(decode(Codec::Rot13, b"uryyb", &mut budget).unwrap(), b"hello");
        assert_eq!(decode(Codec::Percent, b"%68%65llo%", &mut budget).unwrap(), b"hello%");
        assert_eq!(decode(Codec::Base32, b"NBSWY3DP", &mut budget).unwrap(), b"hello");
        assert!(decode(Codec::Base64, b"****", &mut budget).is_none());
        assert!(decode(Codec::Zlib, b"not zlib", &mut budget).is_none());
    }

    #[test]
    fn a_bomb_stops_at_the_bound() {
        use std::io::Write;
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        for _ in 0..64 {
            encoder.write_all(&vec![0u8; 1 << 20]).unwrap();
        }
        let bomb = encoder.finish().unwrap();
        let mut budget = PeelBudget::new();
        assert!(decode(Codec::Zlib, &bomb, &mut budget).is_none());
        assert!(decode(Codec::Zlib, &bomb, &mut PeelBudget { bytes: 0 }).is_none());
    }
}
