//! Data that code beside it decrypts with a key of its own: Fernet, AES in its modes, RC4. Its first byte picks one.
#![no_main]

mod parse_common;

use libfuzzer_sys::fuzz_target;
use parse_common::{Way, run_named};

const WAYS: [Way; 9] = [
    Way::ReadBySetup(
        r#"from pathlib import Path; from cryptography.fernet import Fernet; exec(Fernet(b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").decrypt(Path("data.bin").read_bytes()))"#,
    ),
    Way::ReadBySetup(
        r#"from pathlib import Path; from Crypto.Cipher import AES; data = Path("data.bin").read_bytes(); exec(AES.new(b"0123456789abcdef", AES.MODE_CBC, data[:16]).decrypt(data[16:]))"#,
    ),
    Way::ReadBySetup(
        r#"from pathlib import Path; from Crypto.Cipher import AES; data = Path("data.bin").read_bytes(); exec(AES.new(b"0123456789abcdef", AES.MODE_EAX, data[:16]).decrypt(data[16:]))"#,
    ),
    Way::ReadBySetup(
        r#"from pathlib import Path; from Crypto.Cipher import AES; exec(AES.new(b"0123456789abcdef", AES.MODE_GCM, nonce=b"0123456789ab").decrypt(Path("data.bin").read_bytes()))"#,
    ),
    Way::ReadBySetup(
        r#"from pathlib import Path; from Crypto.Cipher import AES; exec(AES.new(b"0123456789abcdef", AES.MODE_ECB).decrypt(Path("data.bin").read_bytes()))"#,
    ),
    Way::ReadBySetup(
        r#"from pathlib import Path; import pyaes; exec(pyaes.AESModeOfOperationCTR(b"0123456789abcdef").decrypt(Path("data.bin").read_bytes()))"#,
    ),
    Way::ReadBySetup(
        r#"from pathlib import Path; from Crypto.Cipher import ARC4; exec(ARC4.new(b"0123456789abcdef").decrypt(Path("data.bin").read_bytes()))"#,
    ),
    Way::ReadByNode(
        r#"const d = require("crypto").createDecipheriv("aes-128-ctr", "0123456789abcdef", "0123456789abcdef"); eval(d.update(require("fs").readFileSync("data.bin")).toString())"#,
    ),
    Way::ReadByNode(
        r#"const c = require("crypto-js"); eval(c.AES.decrypt(require("fs").readFileSync("data.bin", "utf8"), "secret").toString(c.enc.Utf8))"#,
    ),
];

fuzz_target!(|bytes: &[u8]| run_named(&WAYS, bytes));
