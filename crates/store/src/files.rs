//! File-system errors as what they mean for a store.

use crate::StoreError;
use std::io::{Error, ErrorKind};
use std::path::Path;

/// What a failed write means.
pub(crate) fn io_error(path: &Path, source: Error) -> StoreError {
    let path = path.to_owned();
    match source.kind() {
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => StoreError::ReadOnly { path },
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => StoreError::Full { path },
        _ => StoreError::Io { path, source },
    }
}

/// Makes a folder that only its owner can read: packages in it may be private.
pub(crate) fn make_folder(path: &Path) -> Result<(), StoreError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|error| io_error(path, error))
}

/// Runs blocking work away from the async threads.
pub(crate) async fn blocking<T, F>(path: &Path, work: F) -> Result<T, StoreError>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, StoreError> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(StoreError::Io { path: path.to_owned(), source: Error::other(error) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn a_full_disk_and_a_read_only_folder_are_told_apart() {
        let path = Path::new("/cache");
        let of = |code| io_error(path, Error::from_raw_os_error(code));
        assert!(matches!(of(28), StoreError::Full { .. }), "no space left");
        assert!(matches!(of(122), StoreError::Full { .. }), "quota");
        assert!(matches!(of(30), StoreError::ReadOnly { .. }), "read-only file system");
        assert!(matches!(of(13), StoreError::ReadOnly { .. }), "permission denied");
        assert!(matches!(of(5), StoreError::Io { .. }), "i/o error");
        assert!(of(28).is_unwritable() && of(30).is_unwritable() && !of(5).is_unwritable());
    }
}
