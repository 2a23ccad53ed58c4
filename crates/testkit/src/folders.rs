//! Folders that misbehave on purpose: one that is soon full, one that cannot be written, for root too.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
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
    mounted: bool,
}

impl ReadOnly {
    /// Makes an existing folder with all in it read-only: by a read-only bind mount for root, by their modes for others
    /// (dropping it then gives the owner back the right to write everywhere in it).
    ///
    /// # Errors
    /// When root may not mount, or the modes cannot be changed.
    pub fn of(path: &Path) -> Result<Self, Skipped> {
        let path = path.canonicalize().map_err(|error| Skipped(format!("{}: {error}", path.display())))?;
        if !is_root() {
            run(Command::new("chmod").args(["-R", "a-w"]).arg(&path))?;
            return Ok(ReadOnly { path, mounted: false });
        }
        run(Command::new("mount").arg("--bind").arg(&path).arg(&path))?;
        if let Err(error) = run(Command::new("mount").args(["-o", "remount,ro,bind"]).arg(&path)) {
            unmount(&path);
            return Err(error);
        }
        Ok(ReadOnly { path, mounted: true })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        if self.mounted {
            unmount(&self.path);
        } else {
            let _ = Command::new("chmod").args(["-R", "u+w"]).arg(&self.path).output();
        }
    }
}

fn run(command: &mut Command) -> Result<(), Skipped> {
    let output = command.output().map_err(|error| Skipped(format!("`{}` does not start: {error}", command.get_program().display())))?;
    if output.status.success() {
        return Ok(());
    }
    Err(Skipped(format!("`{}` failed: {}", command.get_program().display(), String::from_utf8_lossy(&output.stderr).trim())))
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
        fs::create_dir(dir.path().join("inner")).unwrap();
        let guard = match ReadOnly::of(dir.path()) {
            Ok(guard) => guard,
            Err(skipped) => return eprintln!("{skipped}"),
        };
        for place in ["x", "inner/x"] {
            assert!(fs::write(guard.path().join(place), "x").is_err());
        }
        drop(guard);
        for place in ["x", "inner/x"] {
            fs::write(dir.path().join(place), "x").unwrap();
        }
    }
}
