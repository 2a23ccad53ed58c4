//! Folders that misbehave on purpose: one that is soon full, one that cannot be written, for root too.

use std::fmt;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Why a folder could not be made; print it and return from the test.
#[derive(Debug)]
pub struct Skipped(String);

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SKIPPED: {}", self.0)
    }
}

impl std::error::Error for Skipped {}

/// Whether this process runs as root.
pub fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|of_us| of_us.uid() == 0)
}

/// A file system of a few bytes in memory. Unmounted when dropped.
#[derive(Debug)]
pub struct TinyDisk {
    folder: tempfile::TempDir,
}

impl TinyDisk {
    /// Mounts a tmpfs of this size (whole KiB; the kernel rounds up to pages).
    ///
    /// # Errors
    /// When this process may not mount.
    pub fn mount(bytes: u64) -> Result<Self, Skipped> {
        if !is_root() {
            return Err(Skipped("a small tmpfs needs root".to_owned()));
        }
        let folder = tempfile::tempdir().map_err(|error| Skipped(format!("no temporary folder: {error}")))?;
        let size = format!("size={}k,mode=700", bytes.div_ceil(1024));
        run(Command::new("mount").args(["-t", "tmpfs", "-o", &size, "testkit"]).arg(folder.path()))?;
        Ok(TinyDisk { folder })
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Leaves no free byte: the next write fails with "no space left on device".
    ///
    /// # Panics
    /// When the ballast file cannot be made at all.
    pub fn fill(&self) {
        use std::io::Write as _;
        let mut ballast = fs::File::create(self.path().join("ballast")).expect("a file on the small disk");
        for size in [4096, 1] {
            while ballast.write_all(&vec![0; size]).is_ok() {}
        }
    }
}

impl Drop for TinyDisk {
    fn drop(&mut self) {
        unmount(self.folder.path());
    }
}

/// A folder that nobody can write to until this is dropped.
#[derive(Debug)]
pub struct ReadOnly {
    path: PathBuf,
    /// The mode to go back to; `None` when it is a read-only mount.
    mode: Option<u32>,
}

impl ReadOnly {
    /// Makes an existing folder read-only: by a read-only bind mount for root, by its mode for others.
    ///
    /// # Errors
    /// When root may not mount, or the mode cannot be changed.
    pub fn of(path: &Path) -> Result<Self, Skipped> {
        let path = path.canonicalize().map_err(|error| Skipped(format!("{}: {error}", path.display())))?;
        if is_root() {
            run(Command::new("mount").arg("--bind").arg(&path).arg(&path))?;
            if let Err(error) = run(Command::new("mount").args(["-o", "remount,ro,bind"]).arg(&path)) {
                unmount(&path);
                return Err(error);
            }
            return Ok(ReadOnly { path, mode: None });
        }
        let failed = |error: std::io::Error| Skipped(format!("cannot change the mode of a folder: {error}"));
        let mode = fs::metadata(&path).map_err(failed)?.permissions().mode();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o555)).map_err(failed)?;
        Ok(ReadOnly { path, mode: Some(mode) })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        match self.mode {
            // A folder that is gone needs no mode.
            Some(mode) => drop(fs::set_permissions(&self.path, fs::Permissions::from_mode(mode))),
            None => unmount(&self.path),
        }
    }
}

fn run(command: &mut Command) -> Result<(), Skipped> {
    let output = command.output().map_err(|error| Skipped(format!("mount is not installed: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    Err(Skipped(format!("mounting is not allowed here: {}", String::from_utf8_lossy(&output.stderr).trim())))
}

/// Lazily, so that a child process that still looks at it is no obstacle.
fn unmount(path: &Path) {
    let _ = Command::new("umount").arg("-l").arg(path).output();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tiny_disk_fills_up() {
        let disk = match TinyDisk::mount(64 << 10) {
            Ok(disk) => disk,
            Err(skipped) => return eprintln!("{skipped}"),
        };
        fs::write(disk.path().join("fits"), [0; 1024]).unwrap();
        disk.fill();
        let error = fs::write(disk.path().join("more"), [0; 8192]).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    }

    #[test]
    fn a_read_only_folder_refuses_writes_and_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let guard = match ReadOnly::of(dir.path()) {
            Ok(guard) => guard,
            Err(skipped) => return eprintln!("{skipped}"),
        };
        assert!(fs::write(dir.path().join("x"), "x").is_err());
        drop(guard);
        fs::write(dir.path().join("x"), "x").unwrap();
    }
}
