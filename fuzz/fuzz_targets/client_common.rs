//! Writes one input as a client's configuration file and lets discovery read it.

use bifocal_core::{Ecosystem, printable};
use bifocal_registries::{Environment, Options, Registries};
use std::path::Path;

/// Names a file below a fresh home folder, where discovery for `ecosystem` finds it.
pub fn run(ecosystem: Ecosystem, path: &str, vars: &[(&str, &str)], bytes: &[u8]) {
    let root = if Path::new("/dev/shm").is_dir() { "/dev/shm" } else { "/tmp" };
    let home = tempfile::Builder::new().prefix("bifocal-fuzz-").tempdir_in(root).expect("a folder");
    let file = home.path().join(path);
    std::fs::create_dir_all(file.parent().expect("a parent")).expect("a folder");
    std::fs::write(&file, bytes).expect("a file");
    let mut vars: std::collections::BTreeMap<String, String> =
        vars.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    // No client is asked: what is read here is the file alone.
    vars.insert("PATH".to_owned(), String::new());
    vars.insert("SECRET".to_owned(), "a-value".to_owned());
    let env = Environment { vars, home: Some(home.path().to_owned()), cwd: home.path().join("project") };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async {
        let registries = Registries::new(env, Options::default()).expect("registries");
        let mut found = registries.describe().await;
        found.retain(|one| one.ecosystem == ecosystem);
        for one in found {
            let mut texts = one.notes;
            match one.upstreams {
                Ok(upstreams) => {
                    for upstream in upstreams {
                        assert!(upstream.address.starts_with("http"), "{}", upstream.address);
                        texts.push(printable(&upstream.address));
                    }
                }
                Err(error) => texts.push(error.to_string()),
            }
            for text in texts {
                assert!(!text.chars().any(char::is_control), "{text:?}");
            }
        }
    });
}
