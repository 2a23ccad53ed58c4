//! Codecs that write bytes as text.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent).with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);

/// Base64 as lenient decoders take it: either alphabet, white space between, padding or none.
pub(super) fn base64(input: &[u8]) -> Option<Vec<u8>> {
    let mut clean = Vec::with_capacity(input.len());
    for &byte in input {
        match byte {
            b'-' => clean.push(b'+'),
            b'_' => clean.push(b'/'),
            b' ' | b'\n' | b'\r' | b'\t' => {}
            b'=' => break,
            other => clean.push(other),
        }
    }
    (!clean.is_empty()).then(|| STANDARD.decode(&clean).ok()).flatten()
}

pub(super) fn base32(input: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(input.len() * 5 / 8);
    let (mut bits, mut count) = (0u32, 0u32);
    for &byte in input {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'2'..=b'7' => byte - b'2' + 26,
            b'=' | b'\n' => continue,
            _ => return None,
        };
        bits = (bits << 5 | u32::from(value)) & 0xffff;
        count += 5;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
    Some(out)
}

/// RFC 1924 (`b85`) alphabet first, then Ascii85.
pub(super) fn base85(input: &[u8]) -> Option<Vec<u8>> {
    const B85: &[u8; 85] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";
    let by_table = |byte: u8| B85.iter().position(|&b| b == byte).map(|at| at as u32);
    let by_offset = |byte: u8| (b'!'..=b'u').contains(&byte).then(|| u32::from(byte - b'!'));
    groups_of_five(input, by_table).or_else(|| groups_of_five(input, by_offset))
}

fn groups_of_five(input: &[u8], digit: impl Fn(u8) -> Option<u32>) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(input.len() * 4 / 5);
    let mut group = Vec::with_capacity(5);
    for &byte in input.iter().filter(|byte| !byte.is_ascii_whitespace()) {
        group.push(digit(byte)?);
        if group.len() == 5 {
            out.extend(word(&group)?.to_be_bytes());
            group.clear();
        }
    }
    if !group.is_empty() {
        let keep = group.len() - 1;
        group.resize(5, 84);
        out.extend(&word(&group)?.to_be_bytes()[..keep]);
    }
    Some(out)
}

fn word(group: &[u32]) -> Option<u32> {
    let value = group.iter().fold(0u64, |sum, &digit| sum * 85 + u64::from(digit));
    u32::try_from(value).ok()
}

pub(super) fn hex(input: &[u8]) -> Option<Vec<u8>> {
    let clean: Vec<u8> = input.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    (!clean.is_empty()).then(|| ::hex::decode(&clean).ok()).flatten()
}

pub(crate) fn rot13(input: &[u8]) -> Vec<u8> {
    input
        .iter()
        .map(|&byte| match byte {
            b'a'..=b'z' => (byte - b'a' + 13) % 26 + b'a',
            b'A'..=b'Z' => (byte - b'A' + 13) % 26 + b'A',
            other => other,
        })
        .collect()
}

pub(super) fn percent(input: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(input.len());
    let mut at = 0;
    while at < input.len() {
        let digits =
            input.get(at + 1..at + 3).and_then(|pair| std::str::from_utf8(pair).ok()).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        match (input[at], digits) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 3;
            }
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}
