//! Signed notes (<https://c2sp.org/signed-note>): a text, a blank line, and lines of signatures over the text.
//!
//! In: a note from the network and the one key that counts. Out: the text, if that key signed it.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine as _;
use sha2::{Digest as _, Sha256};

/// The largest note that is read.
const MAX_NOTE: usize = 64 << 10;
/// Signatures of one note that are looked at.
const MAX_SIGNATURES: usize = 100;
/// What marks an Ed25519 key.
const ED25519_KEY: u8 = 1;

/// A verifier key: `name+hash+key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) name: String,
    hash: [u8; 4],
    public: [u8; 32],
}

impl Key {
    /// Reads the text form. The error says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Key, &'static str> {
        let (name, rest) = text.split_once('+').ok_or("has no key")?;
        let (digits, encoded) = rest.split_once('+').ok_or("has no key")?;
        let mut hash = [0; 4];
        hex::decode_to_slice(digits, &mut hash).map_err(|_| "has a key without its hash")?;
        let bytes = base64::engine::general_purpose::STANDARD.decode(encoded).map_err(|_| "has a key that is not base64")?;
        let (kind, public) = bytes.split_first().ok_or("has an empty key")?;
        if *kind != ED25519_KEY {
            return Err("has a key that is not Ed25519");
        }
        let public = public.try_into().map_err(|_| "has a key of the wrong length")?;
        let key = Key { name: name.to_owned(), hash, public };
        if Self::hash_of(name, &bytes) == hash { Ok(key) } else { Err("has a key that its hash does not fit") }
    }

    fn hash_of(name: &str, key: &[u8]) -> [u8; 4] {
        let digest = Sha256::new().chain_update(name).chain_update("\n").chain_update(key).finalize();
        [digest[0], digest[1], digest[2], digest[3]]
    }
}

/// The text of a note that the key signed, with its last line feed. The error says why it is not believed.
pub(super) fn open<'n>(note: &'n str, key: &Key) -> Result<&'n str, &'static str> {
    if note.len() > MAX_NOTE || note.chars().any(|c| c < ' ' && c != '\n') {
        return Err("its tree is no signed note");
    }
    let end = note.rfind("\n\n").ok_or("its tree is not signed")?;
    let (text, signatures) = (&note[..=end], &note[end + 2..]);
    let mut signed = false;
    for line in signatures.lines().take(MAX_SIGNATURES) {
        let (name, encoded) =
            line.strip_prefix("\u{2014} ").and_then(|line| line.split_once(' ')).ok_or("its tree has a malformed signature")?;
        let bytes = base64::engine::general_purpose::STANDARD.decode(encoded).map_err(|_| "its tree has a signature that is not base64")?;
        let (hash, signature) = bytes.split_at_checked(4).ok_or("its tree has a signature that is too short")?;
        // Others may have signed too: their signatures are nothing that can be judged here.
        if name != key.name || hash != key.hash {
            continue;
        }
        if UnparsedPublicKey::new(&ED25519, key.public).verify(text.as_bytes(), signature).is_err() {
            return Err("the signature of its tree is wrong");
        }
        signed = true;
    }
    if signed { Ok(text) } else { Err("its tree is not signed with the key of that database") }
}

/// A database's other half, for tests.
#[cfg(test)]
pub(crate) mod signing {
    use super::*;
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};

    fn pair() -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap()
    }

    fn key_bytes() -> Vec<u8> {
        [&[ED25519_KEY], pair().public_key().as_ref()].concat()
    }

    /// The verifier key of `name`.
    pub(crate) fn key_text(name: &str) -> String {
        let bytes = key_bytes();
        format!("{name}+{}+{}", hex::encode(Key::hash_of(name, &bytes)), base64::engine::general_purpose::STANDARD.encode(bytes))
    }

    /// A note over `text`, which ends in a line feed.
    pub(crate) fn sign(name: &str, text: &str) -> String {
        let signature = [Key::hash_of(name, &key_bytes()).as_slice(), pair().sign(text.as_bytes()).as_ref()].concat();
        format!("{text}\n\u{2014} {name} {}\n", base64::engine::general_purpose::STANDARD.encode(signature))
    }
}

#[cfg(test)]
mod tests {
    use super::signing::{key_text, sign};
    use super::*;

    const NAME: &str = "sum.example";

    #[test]
    fn a_note_is_opened_by_its_key() {
        let key = Key::parse(&key_text(NAME)).unwrap();
        let note = sign(NAME, "one\n\ntwo\n");
        assert_eq!(open(&note, &key).unwrap(), "one\n\ntwo\n");
        let other = format!("{note}\u{2014} other.example q83vEg==\n");
        assert_eq!(open(&other, &key).unwrap(), "one\n\ntwo\n", "signatures of others are passed over");
    }

    #[test]
    fn what_the_key_did_not_sign_is_not_believed() {
        let key = Key::parse(&key_text(NAME)).unwrap();
        let note = sign(NAME, "some text\n");
        for (note, why) in [
            (note.replace("some", "same"), "is wrong"),
            (sign("sum.other.example", "some text\n"), "not signed with the key"),
            (sign("sum.other.example", "some text\n").replace("sum.other.example", NAME), "not signed with the key"),
            (note.replace("\u{2014} sum", "- sum"), "malformed"),
            (note.replace("\n\n", "\n"), "not signed"),
            (note.replace('x', "\u{1}"), "no signed note"),
            (format!("{note}\u{2014} x \n"), "too short"),
            (format!("{note}\u{2014} x !\n"), "not base64"),
            (String::new(), "not signed"),
        ] {
            let error = open(&note, &key).unwrap_err();
            assert!(error.contains(why), "{note:?}: {error}");
        }
    }

    #[test]
    fn keys_that_do_not_fit_their_hash_are_refused() {
        let good = key_text(NAME);
        for text in
            ["", "name", "name+00000000", &good.replace("sum", "som"), &good[..good.len() - 4], "n+00000000+!", "n+00000000+", "n+x+AQ=="]
        {
            assert!(Key::parse(text).is_err(), "{text}");
        }
    }
}
