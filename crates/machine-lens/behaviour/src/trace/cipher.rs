//! Decryption whose key the code itself carries.
//!
//! The constructor's arguments travel with the object; where key, nonce and data fold to bytes, the plain text takes the
//! place of what nobody can know. Where they do not, what comes out stays marked as such.

use super::Tracer;
use super::method::Args;
use super::value::{Data, Value};
use crate::facts::{Language, Taint};
use crate::peel;
use crate::peel::cipher::{self, Mode};

/// Whether calling `path` makes a cipher.
pub(super) fn keeps_its_arguments(path: &str) -> bool {
    path.ends_with("Fernet")
        || path.ends_with(".AES.new")
        || path.ends_with(".ARC4.new")
        || path.starts_with("pyaes.")
        || path.starts_with("crypto.createDecipher")
}

impl Tracer<'_, '_> {
    pub(super) fn decipher(&mut self, path: &str, callee: &Value, args: &Args) -> Value {
        let taint = args.taint().with(callee.taint).with(Taint::DECODED);
        let carrier = args.get(0).cloned().unwrap_or_default();
        let room = peel::PeelBudget::LAYER.min(self.budget.peel.bytes);
        let data = args.get(0).map(|data| data_of(data, args)).filter(|data| data.len() <= room);
        self.charge(data.as_ref().map_or(0, |data| data.len() as u64 / 8));
        match data.and_then(|data| plain(path, callee, &data, args)) {
            Some(plain) => {
                self.budget.peel.bytes = self.budget.peel.bytes.saturating_sub(plain.len());
                let made = match (self.language, String::from_utf8(plain)) {
                    (Language::JavaScript, Ok(text)) => Value::text(text),
                    (_, Ok(text)) => Value::bytes(text.into_bytes()),
                    (_, Err(error)) => Value::bytes(error.into_bytes()),
                };
                made.tainted(taint).chained(&carrier, Some(peel::CIPHER))
            }
            // `final()` after everything came out of `update()`.
            None if path.ends_with(".final") && args.plain.is_empty() => Value::unknown(callee.taint),
            None => Value::unknown(taint.with(Taint::CIPHER)).chained(&carrier, None),
        }
    }
}

/// The bytes that are decrypted; Node names their encoding beside them.
fn data_of(data: &Value, args: &Args) -> Vec<u8> {
    let raw = data.as_bytes().unwrap_or_default();
    let named = args.get(1).and_then(Value::as_text).and_then(|name| peel::codec_named(&name));
    let mut room = peel::PeelBudget::new();
    named.and_then(|codec| peel::decode(codec, raw, &mut room)).unwrap_or_else(|| raw.to_vec())
}

fn plain(path: &str, callee: &Value, data: &[u8], args: &Args) -> Option<Vec<u8>> {
    if data.is_empty() {
        return None;
    }
    if path == "crypto-js.AES.decrypt" {
        let password = args.get(1)?.as_bytes()?;
        let mut room = peel::PeelBudget::new();
        let data = peel::decode(crate::api::Codec::Base64, data, &mut room)?;
        return cipher::salted(password, &data);
    }
    let held = callee.held.as_deref()?;
    let name = |value: &Value| match &value.data {
        Data::Api(path) => Mode::named(path),
        Data::Text(text) => Mode::named(text),
        _ => None,
    };
    if path.contains("Fernet") {
        return cipher::fernet(held.get(0)?.as_bytes()?, data);
    }
    if path.contains("ARC4") {
        return cipher::rc4(held.get(0)?.as_bytes()?, data);
    }
    if path.starts_with("crypto.") {
        let mode = name(held.get(0)?)?;
        return cipher::aes_guessed(Some(mode), held.get(1)?.as_bytes()?, held.get(2).and_then(Value::as_bytes).unwrap_or_default(), data);
    }
    let key = held.get(0)?.as_bytes()?;
    let nonce = ["iv", "IV", "nonce"].iter().find_map(|name| held.named(name)).or_else(|| held.get(2));
    let mode = if path.starts_with("pyaes.") { Mode::named(path) } else { held.get(1).or_else(|| held.named("mode")).and_then(name) };
    let nonce = nonce.or_else(|| held.get(1).filter(|_| path.starts_with("pyaes."))).and_then(Value::as_bytes).unwrap_or_default();
    // Without a counter of the caller's, pyaes counts from one.
    let from_one = u128::to_be_bytes(1);
    let nonce = if nonce.is_empty() && path.starts_with("pyaes.") && mode == Some(Mode::Ctr) { &from_one } else { nonce };
    cipher::aes_guessed(mode, key, nonce, data)
}
