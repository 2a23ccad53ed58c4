//! Comparing bytes with every digest that a registry declares for them.

use crate::error::RegistryError;
use bifocal_core::{Algorithm, Digest, Sha256};
use sha2::Digest as _;

/// Checks `bytes` against each declared digest and returns their SHA-256. `h1:` digests are the Go adapter's affair.
pub(crate) fn verify(file: &str, declared: &[Digest], bytes: &[u8]) -> Result<Sha256, RegistryError> {
    let sha256 = Sha256::of(bytes);
    for digest in declared {
        let actual = match digest.algorithm() {
            Algorithm::Md5 => md5::Md5::digest(bytes).to_vec(),
            Algorithm::Sha1 => sha1::Sha1::digest(bytes).to_vec(),
            Algorithm::Sha256 => sha256.as_bytes().to_vec(),
            Algorithm::Sha384 => sha2::Sha384::digest(bytes).to_vec(),
            Algorithm::Sha512 => sha2::Sha512::digest(bytes).to_vec(),
            Algorithm::GoH1 => continue,
        };
        if actual != digest.bytes() {
            return Err(RegistryError::DigestMismatch {
                file: bifocal_core::printable(file),
                algorithm: digest.algorithm().as_str(),
                declared: digest.hex(),
                actual: hex::encode(actual),
            });
        }
    }
    Ok(sha256)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_declared_digest_counts() {
        let good: Vec<Digest> = [
            "md5:900150983cd24fb0d6963f7d28e17f72",
            "sha1:a9993e364706816aba3e25717850c26c9cd0d89d",
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        ]
        .iter()
        .map(|text| text.parse().unwrap())
        .collect();
        assert_eq!(verify("a.tgz", &good, b"abc").unwrap(), Sha256::of(b"abc"));
        for algorithm in [Algorithm::Md5, Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha384, Algorithm::Sha512] {
            let wrong = Digest::new(algorithm, &vec![7; algorithm.length()]).unwrap();
            let mut declared = good.clone();
            declared.push(wrong);
            assert!(matches!(verify("a.tgz", &declared, b"abc"), Err(RegistryError::DigestMismatch { .. })), "{algorithm:?}");
        }
    }
}
