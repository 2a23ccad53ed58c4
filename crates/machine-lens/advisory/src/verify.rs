//! Checks a source file against the digest and the signature that feeds.toml asks for.
//!
//! Signatures are minisign's (Ed25519 over the BLAKE2b digest of the file), detached.

use crate::AdvisoryError;
use crate::import::ImportOptions;
use bifocal_core::Sha256;
use sha2::Digest as _;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Reads the file once; gives its sha256 when nothing is wrong with it.
pub(crate) fn check(file: &mut File, path: &Path, options: &ImportOptions) -> Result<Sha256, AdvisoryError> {
    let refuse = |why: String| AdvisoryError::Signature { path: path.to_owned(), why };
    let signed = match &options.signature {
        Some(check) => Some((
            minisign_verify::PublicKey::from_base64(check.public_key.trim()).map_err(|e| refuse(format!("public key: {e}")))?,
            minisign_verify::Signature::decode(&check.signature).map_err(|e| refuse(format!("signature: {e}")))?,
        )),
        None => None,
    };
    let mut verifier = match &signed {
        Some((key, signature)) => Some(key.verify_stream(signature).map_err(|e| refuse(e.to_string()))?),
        None => None,
    };
    let mut hasher = sha2::Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = file.read(&mut buffer).map_err(|source| AdvisoryError::Read { path: path.to_owned(), source })?;
        if count == 0 {
            break;
        }
        hasher.update(&buffer[..count]);
        if let Some(verifier) = &mut verifier {
            verifier.update(&buffer[..count]);
        }
    }
    if let Some(verifier) = &mut verifier {
        verifier.finalize().map_err(|e| refuse(e.to_string()))?;
    }
    let found = Sha256::from_bytes(hasher.finalize().into());
    match options.expected_sha256 {
        Some(expected) if expected != found => {
            Err(AdvisoryError::WrongDigest { path: path.to_owned(), found: found.hex(), expected: expected.hex() })
        }
        _ => Ok(found),
    }
}
