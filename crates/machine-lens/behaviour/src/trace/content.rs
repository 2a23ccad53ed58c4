//! What reading a file of the artifact gives, where [`Contents`](crate::contents::Contents) has it.

use super::Tracer;
use super::call::Site;
use super::method::{Args, decode_text};
use super::value::Value;
use crate::api::Codec;
use crate::facts::{Language, Taint};
use crate::peel;
use std::rc::Rc;

/// Most paths noted as read.
const MAX_READS: usize = 256;

impl Tracer<'_, '_> {
    /// Notes that `place` is read, and gives its content where that is known.
    pub(super) fn content(&mut self, path: &str, place: &str, callee: &Value, args: &Args) -> Value {
        let held = callee.held.as_deref();
        let opened = |at: usize| held.and_then(|held| held.get(at)).and_then(Value::as_text).unwrap_or_default();
        let (mode, opener) = (opened(0), opened(1));
        // `archive.read("name")`.
        let inside =
            (opener.starts_with("zipfile") || opener.starts_with("tarfile")).then(|| args.get(0).map(|name| name.render(256))).flatten();
        let place: Rc<str> = match inside {
            Some(inside) => Rc::from(format!("{place}{}{inside}", crate::nested::MARK)),
            None => Rc::from(place),
        };
        if self.out.reads.len() < MAX_READS {
            self.out.reads.insert(place.clone());
        }
        let Some(bytes) = self.budget.contents.as_ref().and_then(|contents| contents.get(&place)).cloned() else { return Value::default() };
        self.charge(bytes.len() as u64 / 256);
        let codec = [("gzip", Codec::Gzip), ("bz2", Codec::Bzip2), ("lzma", Codec::Lzma)];
        let bytes = match codec.into_iter().find(|(name, _)| opener.starts_with(name)) {
            Some((_, codec)) => match peel::decode(codec, &bytes, &mut self.budget.peel) {
                Some(bytes) => Rc::from(bytes),
                None => return Value::default(),
            },
            None => bytes,
        };
        let encoding = args.get(1).and_then(Value::as_text).filter(|_| self.language == Language::JavaScript);
        let as_text = match self.language {
            Language::JavaScript => encoding.is_some(),
            Language::Python => {
                !(mode.contains('b') || path.ends_with("read_bytes") || path.ends_with("get_data") || opener.starts_with("zipfile"))
            }
            _ => false,
        };
        let made = if as_text {
            Value::text(decode_text(&bytes, &encoding.unwrap_or_default().to_ascii_lowercase()))
        } else {
            Value { data: super::value::Data::Bytes(bytes), ..Value::default() }
        };
        made.chained(&Value::default(), Some(peel::FILE))
    }

    /// Code of unknown text that comes from a file: what stands behind the end of an image is the likeliest to be meant.
    pub(super) fn read_appended(&mut self, code: &Value, site: Site) {
        if !code.taint.has(Taint::FILE) {
            return;
        }
        let Some(contents) = self.budget.contents.clone() else { return };
        for tail in contents.all().filter_map(|bytes| peel::tail::appended(bytes)).take(4) {
            let carrier = Value::unknown(code.taint).chained(code, Some(peel::APPENDED));
            let plain = std::str::from_utf8(tail).ok();
            let text = match plain.filter(|text| text.trim_end().trim_end_matches('=').contains(['(', '=', ' '])) {
                Some(text) => Some(text.to_owned()),
                None => self.packed(tail).or_else(|| plain.map(str::to_owned)),
            };
            if let Some(text) = text {
                self.read_virtual(&text, self.language, &carrier, None, site);
            }
        }
    }

    /// Text behind base64, with or without zlib.
    fn packed(&mut self, bytes: &[u8]) -> Option<String> {
        let packed = peel::decode(Codec::Base64, bytes.trim_ascii(), &mut self.budget.peel)?;
        let unpacked = peel::decode(Codec::Zlib, &packed, &mut self.budget.peel).unwrap_or(packed);
        String::from_utf8(unpacked).ok()
    }
}
