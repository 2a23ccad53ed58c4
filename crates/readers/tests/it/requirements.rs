//! Includes of requirements files: what they add, and where they may not lead.

use bifocal_core::{Inventory, Requested};
use bifocal_readers::{Folder, PythonEnvironment, ReadContext, ReadError, read};
use std::collections::BTreeMap;

fn read_with(files: &[(&str, &str)]) -> Result<Inventory, ReadError> {
    let files: BTreeMap<String, Vec<u8>> = files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
    let mut ctx = ReadContext::new(&files);
    ctx.python = Some(PythonEnvironment::linux("3.12.4"));
    ctx.variables.insert("VERSION".to_owned(), "9.8".to_owned());
    read("sub/requirements.txt", &files["sub/requirements.txt"], &ctx)
}

fn texts(inventory: &Inventory) -> Vec<String> {
    let one = |requested: &Requested| match requested {
        Requested::Exact { release } => release.purl(),
        Requested::Range { package, requirement } => format!("{}{requirement}", package.as_str()),
        other => format!("{other:?}"),
    };
    inventory.dependencies.iter().map(|dependency| format!("{} {}", dependency.place, one(&dependency.requested))).collect()
}

#[test]
fn includes_are_read_in_their_place_and_constraints_narrow() {
    let inventory = read_with(&[
        ("sub/requirements.txt", "first==1\n-r ../base.txt\nlast\n-c c.txt\nvariable==${VERSION}\nkept==${OTHER}1\n"),
        ("base.txt", "based>=1\n"),
        ("sub/c.txt", "last==3\nbased<2\nunrelated==1\n"),
    ]);
    assert!(inventory.unwrap_err().to_string().starts_with("sub/requirements.txt:6: expected PEP 440"));
    let inventory = read_with(&[
        ("sub/requirements.txt", "first==1\n-r ../base.txt\nlast\n-c c.txt\nvariable==${VERSION}\n"),
        ("base.txt", "based>=1\n"),
        ("sub/c.txt", "last==3\nbased<2\nunrelated==1\n"),
    ])
    .unwrap();
    assert_eq!(
        texts(&inventory),
        [
            "sub/requirements.txt:1 pkg:pypi/first@1",
            "base.txt:1 based>=1,<2",
            "sub/requirements.txt:3 pkg:pypi/last@3",
            "sub/requirements.txt:5 pkg:pypi/variable@9.8",
        ]
    );
    assert_eq!(inventory.notes, ["sub/requirements.txt: 1 constraint is about packages that are not asked for here"]);
}

#[test]
fn includes_that_lead_astray_are_refused_each_for_its_reason() {
    for (text, error) in [
        ("-r missing.txt", "sub/requirements.txt:1: could not read the included file `missing.txt`: there is no such file"),
        (
            "\n-r ../../up.txt",
            "sub/requirements.txt:2: included file `../../up.txt` is outside the checked folder; name that folder as the target to allow it",
        ),
        (
            "-r /etc/passwd",
            "sub/requirements.txt:1: included file `/etc/passwd` is outside the checked folder; name that folder as the target to allow it",
        ),
        ("-r requirements.txt", "sub/requirements.txt:1: included file `requirements.txt` includes itself"),
        (
            "-r https://user:secret@example.com/r.txt",
            "sub/requirements.txt:1: include of `https://example.com/r.txt` is not followed; download it and name the file instead",
        ),
        (
            "--install-everything",
            "sub/requirements.txt:1: expected an option that pip allows in requirements files, found `--install-everything`",
        ),
        ("a==1 --evil=x", "sub/requirements.txt:1: expected an option that pip allows behind a requirement, found `--evil=x`"),
        ("a==1 --hash", "sub/requirements.txt:1: expected a value for `--hash`, found the end of the line"),
        (
            "a==1 --hash=sha256:00",
            "sub/requirements.txt:1: expected a digest, found one that is refused: `00` is neither hex nor base64 of a sha256 digest",
        ),
        ("a ; planet == 'x'", "sub/requirements.txt:1: expected a PEP 508 marker, found `planet == 'x'`: it has an unknown variable"),
    ] {
        assert_eq!(read_with(&[("sub/requirements.txt", text)]).unwrap_err().to_string(), error, "{text}");
    }
}

#[test]
fn a_chain_and_a_fan_of_includes_are_bounded() {
    let names: Vec<String> = (0..40).map(|n| format!("sub/{n}.txt")).collect();
    let texts: Vec<String> = (0..40).map(|n| format!("-r {}.txt\n", n + 1)).collect();
    let mut files: Vec<(&str, &str)> = names.iter().zip(&texts).map(|(name, text)| (name.as_str(), text.as_str())).collect();
    files.push(("sub/requirements.txt", "-r 0.txt"));
    assert!(read_with(&files).unwrap_err().to_string().contains("more than 200 included files"));
    let fan = "-r same.txt\n".repeat(300);
    assert!(
        read_with(&[("sub/requirements.txt", &fan), ("sub/same.txt", "")])
            .unwrap_err()
            .to_string()
            .starts_with("sub/requirements.txt:201: more than 200")
    );
}

#[test]
fn links_out_of_the_folder_are_not_followed() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("r.txt"), "secret==1\n").unwrap();
    let root = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(outside.path().join("r.txt"), root.path().join("link.txt")).unwrap();
    std::fs::write(root.path().join("here.txt"), "a==1\n").unwrap();
    let files = Folder::new(root.path()).unwrap();
    let ctx = ReadContext::new(&files);
    let error = read("requirements.txt", b"-r link.txt\n", &ctx).unwrap_err();
    assert!(error.to_string().contains("outside the checked folder"), "{error}");
    let inside = format!("{}/requirements.txt", root.path().display());
    assert_eq!(read(&inside, b"-r here.txt\n", &ctx).unwrap().dependencies.len(), 1);
    let astray = format!("-r {}/r.txt\n", outside.path().display());
    assert!(read(&inside, astray.as_bytes(), &ctx).is_err());
    let allowed = Folder::new(root.path()).unwrap().allow(outside.path()).unwrap();
    assert_eq!(read(&inside, astray.as_bytes(), &ReadContext::new(&allowed)).unwrap().dependencies.len(), 1);
}

#[test]
fn what_is_pinned_for_another_machine_is_listed_and_a_range_is_not() {
    let inventory = read_with(&[(
        "sub/requirements.txt",
        "pinned==1 ; sys_platform == 'win32'\nrange>=1 ; sys_platform == 'win32'\nkernel==1 ; platform_release != ''\n-c c.txt\nlater\n",
    ), ("sub/c.txt", "later==2 ; sys_platform == 'win32'\nlater==3 ; sys_platform == 'linux'\n")])
    .unwrap();
    assert_eq!(
        texts(&inventory),
        ["sub/requirements.txt:1 pkg:pypi/pinned@1", "sub/requirements.txt:3 pkg:pypi/kernel@1", "sub/requirements.txt:5 pkg:pypi/later@3"]
    );
}

#[test]
fn pins_that_no_version_can_meet_are_refused() {
    for line in ["six==1.16.0, ==1.15.0", "six==1.16.0,<1.0", "six===1.16.0,!=1.16"] {
        let files: std::collections::BTreeMap<String, Vec<u8>> = std::collections::BTreeMap::new();
        let error = bifocal_readers::read("requirements.txt", line.as_bytes(), &bifocal_readers::ReadContext::new(&files)).unwrap_err();
        assert!(error.to_string().contains("specifiers that a version can meet"), "{line}: {error}");
    }
    let files: std::collections::BTreeMap<String, Vec<u8>> = std::collections::BTreeMap::new();
    let read = bifocal_readers::read("requirements.txt", b"six==1.16.0,>=1.15", &bifocal_readers::ReadContext::new(&files)).unwrap();
    assert!(matches!(&read.dependencies[0].requested, bifocal_core::Requested::Exact { release } if release.version == "1.16.0"));
}
