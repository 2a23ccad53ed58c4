//! Digests of artifacts, in the spellings that lockfiles and registries use.

use base64::Engine as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Digest as _;
use std::fmt;
use std::str::FromStr;

/// A digest algorithm, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// MD5: recorded, never trusted alone.
    Md5,
    /// SHA-1: recorded, never trusted alone.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
    /// Go's `h1:`: SHA-256 over the sorted file hashes of a module zip, not over its bytes.
    GoH1,
}

/// One digest of one artifact. Text form: `sha256:<hex>`, and `h1:<base64>` for Go.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest {
    algorithm: Algorithm,
    bytes: Vec<u8>,
}

/// The SHA-256 by which an artifact is named and stored.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256([u8; 32]);

/// Why a text is not a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// The algorithm is not one of those known.
    #[error("unknown digest algorithm `{0}`")]
    Algorithm(String),
    /// The digits are not hex or base64.
    #[error("`{0}` is neither hex nor base64 of a {1} digest")]
    Encoding(String, &'static str),
}

impl Algorithm {
    /// The name in text form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Algorithm::Md5 => "md5",
            Algorithm::Sha1 => "sha1",
            Algorithm::Sha256 => "sha256",
            Algorithm::Sha384 => "sha384",
            Algorithm::Sha512 => "sha512",
            Algorithm::GoH1 => "h1",
        }
    }

    /// Bytes of a digest.
    pub const fn length(self) -> usize {
        match self {
            Algorithm::Md5 => 16,
            Algorithm::Sha1 => 20,
            Algorithm::Sha256 | Algorithm::GoH1 => 32,
            Algorithm::Sha384 => 48,
            Algorithm::Sha512 => 64,
        }
    }

    /// Whether a match proves that the bytes are those meant (no practical collisions).
    pub const fn is_strong(self) -> bool {
        !matches!(self, Algorithm::Md5 | Algorithm::Sha1)
    }
}

impl FromStr for Algorithm {
    type Err = DigestError;
    fn from_str(text: &str) -> Result<Self, DigestError> {
        Ok(match text.to_ascii_lowercase().replace('-', "").as_str() {
            "md5" => Algorithm::Md5,
            "sha1" => Algorithm::Sha1,
            "sha256" => Algorithm::Sha256,
            "sha384" => Algorithm::Sha384,
            "sha512" => Algorithm::Sha512,
            "h1" => Algorithm::GoH1,
            _ => return Err(DigestError::Algorithm(crate::printable(text))),
        })
    }
}

impl Digest {
    /// A digest from its bytes; `None` when the length is not the algorithm's.
    pub fn new(algorithm: Algorithm, bytes: &[u8]) -> Option<Self> {
        (bytes.len() == algorithm.length()).then(|| Digest { algorithm, bytes: bytes.to_vec() })
    }

    /// A digest from hex or base64 digits.
    pub fn decode(algorithm: Algorithm, digits: &str) -> Result<Self, DigestError> {
        let wrong = || DigestError::Encoding(crate::printable(digits), algorithm.as_str());
        if digits.len() > 256 {
            return Err(wrong());
        }
        let bytes = if digits.len() == algorithm.length() * 2 {
            hex::decode(digits).map_err(|_| wrong())?
        } else {
            base64::engine::general_purpose::STANDARD
                .decode(digits)
                .or_else(|_| base64::engine::general_purpose::STANDARD_NO_PAD.decode(digits))
                .map_err(|_| wrong())?
        };
        Digest::new(algorithm, &bytes).ok_or_else(wrong)
    }

    /// The digests in a Subresource Integrity string (`sha512-… sha1-…?opt`); unknown algorithms are passed over,
    /// as the specification demands (<https://www.w3.org/TR/SRI/>).
    pub fn parse_integrity(text: &str) -> Result<Vec<Self>, DigestError> {
        let mut found = Vec::new();
        for part in text.split_ascii_whitespace() {
            let part = part.split('?').next().unwrap_or(part);
            let Some((name, digits)) = part.split_once('-') else {
                return Err(DigestError::Encoding(crate::printable(part), "subresource integrity"));
            };
            if let Ok(algorithm) = name.parse() {
                found.push(Digest::decode(algorithm, digits)?);
            }
        }
        Ok(found)
    }

    /// The algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The raw bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Lower-case hex digits.
    pub fn hex(&self) -> String {
        hex::encode(&self.bytes)
    }

    /// As [`Sha256`] where it is one over the artifact's bytes.
    pub fn as_sha256(&self) -> Option<Sha256> {
        (self.algorithm == Algorithm::Sha256).then(|| self.bytes.as_slice().try_into().ok().map(Sha256)).flatten()
    }
}

impl Sha256 {
    /// Hashes `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Sha256(sha2::Sha256::digest(bytes).into())
    }

    /// From the raw 32 bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Sha256(bytes)
    }

    /// The raw 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Lower-case hex digits, without the `sha256:` prefix.
    pub fn hex(&self) -> String {
        hex::encode(self.0)
    }
}

impl From<Sha256> for Digest {
    fn from(value: Sha256) -> Self {
        Digest { algorithm: Algorithm::Sha256, bytes: value.0.to_vec() }
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Sha256 {
    type Err = DigestError;
    fn from_str(text: &str) -> Result<Self, DigestError> {
        let digits = text.strip_prefix("sha256:").unwrap_or(text);
        Digest::decode(Algorithm::Sha256, digits)?.as_sha256().ok_or_else(|| DigestError::Encoding(crate::printable(text), "sha256"))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.algorithm {
            Algorithm::GoH1 => write!(f, "h1:{}", base64::engine::general_purpose::STANDARD.encode(&self.bytes)),
            other => write!(f, "{}:{}", other.as_str(), self.hex()),
        }
    }
}

impl FromStr for Digest {
    type Err = DigestError;
    /// Reads `algorithm:digits`.
    fn from_str(text: &str) -> Result<Self, DigestError> {
        let (name, digits) = text.split_once(':').ok_or_else(|| DigestError::Encoding(crate::printable(text), "named"))?;
        Digest::decode(name.parse()?, digits)
    }
}

macro_rules! serde_as_text {
    ($type:ty) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
serde_as_text!(Digest);
serde_as_text!(Sha256);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_one_digest_is_equal() {
        let sha = Sha256::of(b"abc");
        let hex: Digest = format!("sha256:{}", sha.hex()).parse().unwrap();
        let sri = Digest::parse_integrity("sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=?x md9-AA==").unwrap();
        assert_eq!(sri, std::slice::from_ref(&hex));
        assert_eq!(hex.as_sha256(), Some(sha));
    }

    #[test]
    fn wrong_lengths_and_digits_are_refused() {
        assert!("sha256:abcd".parse::<Digest>().is_err());
        assert!("sha256:zz".parse::<Digest>().is_err());
        assert!("rot13:00".parse::<Digest>().is_err());
        assert!(Digest::parse_integrity("sha512").is_err());
    }
}
