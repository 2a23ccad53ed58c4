//! Ciphers whose key stands in the source.
//!
//! In: key, nonce or password, and data, all as the code itself gives them. Out: the plain bytes. Where the code does
//! not say the mode in a way that folding sees, every mode is tried and the one that gives text is taken.

use aes::cipher::{Block, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Aes192, Aes256};
use hmac::{Hmac, Mac};
use md5::{Digest as _, Md5};
use sha2::Sha256;

const BLOCK: usize = 16;

/// How blocks are chained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Cbc,
    Ctr,
    Ecb,
    Gcm,
    Eax,
}

impl Mode {
    /// The mode that a name (`MODE_CBC`, `aes-256-gcm`) says.
    pub(crate) fn named(name: &str) -> Option<Mode> {
        let name = name.to_ascii_lowercase();
        [("cbc", Mode::Cbc), ("ctr", Mode::Ctr), ("ecb", Mode::Ecb), ("gcm", Mode::Gcm), ("eax", Mode::Eax)]
            .into_iter()
            .find(|(word, _)| name.contains(word))
            .map(|(_, mode)| mode)
    }
}

/// A Fernet token (version 0x80) under its key, if the signature fits.
pub(crate) fn fernet(key: &[u8], token: &[u8]) -> Option<Vec<u8>> {
    let key = super::text::base64(key).filter(|key| key.len() == 32)?;
    let token = super::text::base64(token)?;
    let (signed, tag) = token.split_at_checked(token.len().checked_sub(32)?)?;
    let mut mac = Hmac::<Sha256>::new_from_slice(key.get(..16)?).ok()?;
    mac.update(signed);
    mac.verify_slice(tag).ok()?;
    // Version, time, nonce, blocks.
    let (nonce, data) = (signed.get(9..25)?, signed.get(25..)?);
    if signed.first() != Some(&0x80) {
        return None;
    }
    unpadded(aes(Mode::Cbc, key.get(16..)?, nonce, data)?)
}

/// AES under any of its key sizes. Padding stays.
pub(crate) fn aes(mode: Mode, key: &[u8], nonce: &[u8], data: &[u8]) -> Option<Vec<u8>> {
    match key.len() {
        16 => with::<Aes128>(mode, key, nonce, data),
        24 => with::<Aes192>(mode, key, nonce, data),
        32 => with::<Aes256>(mode, key, nonce, data),
        _ => None,
    }
}

/// As [`aes`], for code that does not say its mode: the first that gives readable text. Padding goes.
pub(crate) fn aes_guessed(mode: Option<Mode>, key: &[u8], nonce: &[u8], data: &[u8]) -> Option<Vec<u8>> {
    let modes: &[Mode] = if nonce.is_empty() { &[Mode::Ecb] } else { &[Mode::Cbc, Mode::Ctr, Mode::Gcm, Mode::Eax] };
    let modes: Vec<Mode> = match mode {
        Some(mode) => vec![mode],
        None => modes.to_vec(),
    };
    modes.into_iter().find_map(|candidate| {
        let plain = aes(candidate, key, nonce, data)?;
        let plain = unpadded(plain.clone()).unwrap_or(plain);
        (mode.is_some() || is_readable(&plain)).then_some(plain)
    })
}

fn is_readable(bytes: &[u8]) -> bool {
    let head = bytes.get(..bytes.len().min(256)).unwrap_or_default();
    // The head may end inside a character.
    let is_text = std::str::from_utf8(head).map_or_else(|error| error.error_len().is_none(), |_| true);
    is_text && head.len() >= 8 && head.iter().all(|byte| !byte.is_ascii_control() || byte.is_ascii_whitespace())
}

fn with<C>(mode: Mode, key: &[u8], nonce: &[u8], data: &[u8]) -> Option<Vec<u8>>
where
    C: KeyInit + BlockCipherEncrypt + BlockCipherDecrypt + aes::cipher::BlockSizeUser<BlockSize = aes::cipher::consts::U16>,
{
    let cipher = C::new_from_slice(key).ok()?;
    match mode {
        Mode::Ecb | Mode::Cbc => {
            if data.is_empty() || !data.len().is_multiple_of(BLOCK) {
                return None;
            }
            let mut out = Vec::with_capacity(data.len());
            let mut before: [u8; BLOCK] = if mode == Mode::Cbc { nonce.try_into().ok()? } else { [0; BLOCK] };
            for chunk in data.chunks_exact(BLOCK) {
                let mut block = Block::<C>::try_from(chunk).ok()?;
                cipher.decrypt_block(&mut block);
                if mode == Mode::Cbc {
                    out.extend(block.iter().zip(before).map(|(byte, mask)| byte ^ mask));
                    before = chunk.try_into().ok()?;
                } else {
                    out.extend_from_slice(&block);
                }
            }
            Some(out)
        }
        Mode::Ctr | Mode::Gcm | Mode::Eax => {
            let mut counter = [0u8; BLOCK];
            let (mut width, mut data) = (BLOCK, data);
            match mode {
                Mode::Eax => counter = omac(&cipher, nonce)?,
                Mode::Gcm => {
                    counter.get_mut(..12)?.copy_from_slice(nonce.get(..12).filter(|_| nonce.len() == 12)?);
                    counter[15] = 2;
                    width = 4;
                }
                _ => counter.get_mut(..nonce.len())?.copy_from_slice(nonce),
            }
            let mut out = Vec::with_capacity(data.len());
            while !data.is_empty() {
                let mut pad = Block::<C>::from(counter);
                cipher.encrypt_block(&mut pad);
                let (chunk, rest) = data.split_at(data.len().min(BLOCK));
                out.extend(chunk.iter().zip(pad).map(|(byte, mask)| byte ^ mask));
                data = rest;
                for byte in counter.iter_mut().rev().take(width) {
                    *byte = byte.wrapping_add(1);
                    if *byte != 0 {
                        break;
                    }
                }
            }
            Some(out)
        }
    }
}

/// OMAC of a nonce with the prefix 0, as EAX starts its counter.
fn omac<C>(cipher: &C, nonce: &[u8]) -> Option<[u8; BLOCK]>
where
    C: BlockCipherEncrypt + aes::cipher::BlockSizeUser<BlockSize = aes::cipher::consts::U16>,
{
    let double = |block: [u8; BLOCK]| {
        let number = u128::from_be_bytes(block);
        let carry = if number >> 127 == 1 { 0x87 } else { 0 };
        (number << 1 ^ carry).to_be_bytes()
    };
    let encrypt = |block: [u8; BLOCK]| -> [u8; BLOCK] {
        let mut block = Block::<C>::from(block);
        cipher.encrypt_block(&mut block);
        block.into()
    };
    let once = double(encrypt([0; BLOCK]));
    let mut message = vec![0u8; BLOCK];
    message.extend_from_slice(nonce.get(..nonce.len().min(4_096))?);
    let whole = message.len().is_multiple_of(BLOCK);
    if !whole {
        message.push(0x80);
        message.resize(message.len().next_multiple_of(BLOCK), 0);
    }
    let last_key = if whole { once } else { double(once) };
    let blocks = message.len() / BLOCK;
    let mut state = [0u8; BLOCK];
    for (at, chunk) in message.chunks_exact(BLOCK).enumerate() {
        for (index, byte) in chunk.iter().enumerate() {
            state[index] ^= byte ^ if at + 1 == blocks { last_key[index] } else { 0 };
        }
        state = encrypt(state);
    }
    Some(state)
}

/// Takes PKCS#7 padding off. `None`: it is none.
pub(crate) fn unpadded(mut plain: Vec<u8>) -> Option<Vec<u8>> {
    let count = usize::from(*plain.last()?);
    let from = plain.len().checked_sub(count)?;
    if count == 0 || count > BLOCK || plain.get(from..)?.iter().any(|byte| usize::from(*byte) != count) {
        return None;
    }
    plain.truncate(from);
    Some(plain)
}

/// RC4.
pub(crate) fn rc4(key: &[u8], data: &[u8]) -> Option<Vec<u8>> {
    if key.is_empty() || key.len() > 256 {
        return None;
    }
    let mut state: [u8; 256] = std::array::from_fn(|at| at as u8);
    let mut other = 0u8;
    for at in 0..256 {
        other = other.wrapping_add(state[at]).wrapping_add(key[at % key.len()]);
        state.swap(at, usize::from(other));
    }
    let (mut a, mut b) = (0u8, 0u8);
    let stream = data.iter().map(|byte| {
        a = a.wrapping_add(1);
        b = b.wrapping_add(state[usize::from(a)]);
        state.swap(usize::from(a), usize::from(b));
        byte ^ state[usize::from(state[usize::from(a)].wrapping_add(state[usize::from(b)]))]
    });
    Some(stream.collect())
}

/// What `openssl enc` and its imitations make of a password: key and nonce by MD5, the salt in front of the data.
pub(crate) fn salted(password: &[u8], data: &[u8]) -> Option<Vec<u8>> {
    let rest = data.strip_prefix(b"Salted__")?;
    let (salt, data) = rest.split_at_checked(8)?;
    let mut material: Vec<u8> = Vec::with_capacity(48);
    let mut last: Vec<u8> = Vec::new();
    while material.len() < 48 {
        let mut hasher = Md5::new();
        hasher.update(&last);
        hasher.update(password);
        hasher.update(salt);
        last = hasher.finalize().to_vec();
        material.extend_from_slice(&last);
    }
    unpadded(aes(Mode::Cbc, material.get(..32)?, material.get(32..48)?, data)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        ::hex::decode(text).unwrap()
    }

    #[test]
    fn known_vectors_come_out() {
        // NIST SP 800-38A, F.1.1, F.2.1 and F.5.1.
        let key = hex("2b7e151628aed2a6abf7158809cf4f3c");
        let plain = hex("6bc1bee22e409f96e93d7e117393172a");
        assert_eq!(aes(Mode::Ecb, &key, &[], &hex("3ad77bb40d7a3660a89ecaf32466ef97")).unwrap(), plain);
        let nonce = hex("000102030405060708090a0b0c0d0e0f");
        assert_eq!(aes(Mode::Cbc, &key, &nonce, &hex("7649abac8119b246cee98e9b12e9197d")).unwrap(), plain);
        let nonce = hex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
        assert_eq!(aes(Mode::Ctr, &key, &nonce, &hex("874d6191b620e3261bef6864990db6ce")).unwrap(), plain);
        // The test vectors of GCM (case 3, first block) and of EAX (the second).
        let key = hex("feffe9928665731c6d6a8f9467308308");
        let nonce = hex("cafebabefacedbaddecaf888");
        assert_eq!(
            aes(Mode::Gcm, &key, &nonce, &hex("42831ec2217774244b7221b784d0d49c")).unwrap(),
            hex("d9313225f88406e5a55909c5aff5269a")
        );
        let key = hex("91945d3f4dcbee0bf45ef52255f095a4");
        assert_eq!(aes(Mode::Eax, &key, &hex("becaf043b0a23d843194ba972c66debd"), &hex("19dd")).unwrap(), hex("f7fb"));
        // RFC 6229 gives the stream for this key; over zeros it is the output.
        assert_eq!(rc4(&hex("0102030405"), &[0; 4]).unwrap(), hex("b2396305"));
    }

    #[test]
    fn a_token_of_the_specification_opens_and_a_changed_one_does_not() {
        let key = b"cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=";
        let token = b"gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==";
        assert_eq!(fernet(key, token).unwrap(), b"hello");
        assert_eq!(fernet(key, &token[..token.len() - 8]), None);
        assert_eq!(fernet(b"short", token), None);
    }

    #[test]
    fn the_mode_is_guessed_by_what_is_readable() {
        let key = hex("2b7e151628aed2a6abf7158809cf4f3c");
        let nonce = [7u8; 16];
        let text = b"print('readable text of some length')";
        let stream = aes(Mode::Ctr, &key, &nonce, &vec![0; text.len()]).unwrap();
        let secret: Vec<u8> = text.iter().zip(stream).map(|(byte, mask)| byte ^ mask).collect();
        assert_eq!(aes_guessed(None, &key, &nonce, &secret).unwrap(), text);
        assert_eq!(aes_guessed(None, &key, &nonce, &[1, 2, 3]), None);
    }

    #[test]
    fn wrong_sizes_are_refused() {
        for mode in [Mode::Cbc, Mode::Ctr, Mode::Ecb, Mode::Gcm, Mode::Eax] {
            for (key, nonce, data) in [(0, 0, 0), (16, 3, 5), (16, 99, 16), (15, 16, 16), (32, 16, 17)] {
                let _ = aes(mode, &vec![1; key], &vec![2; nonce], &vec![3; data]);
            }
        }
        assert_eq!(unpadded(vec![0; 16]), None);
        assert_eq!(unpadded(vec![17; 16]), None);
        assert_eq!(salted(b"pw", b"Salted__short"), None);
    }
}
