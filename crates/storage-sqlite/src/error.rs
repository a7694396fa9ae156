//! What SQLite's errors mean to those who keep something in it.

use storage::StorageError;

/// The closed kinds of [`StorageError`] from SQLite's primary result codes
/// (<https://www.sqlite.org/rescode.html>).
pub(crate) fn storage_error(error: sqlx::Error) -> StorageError {
    let text = error.to_string();
    let code = error
        .as_database_error()
        .and_then(|error| error.code())
        .and_then(|code| code.parse::<u32>().ok());
    match code.map(|code| code & 0xff) {
        Some(5 | 6) => StorageError::Busy(text),
        Some(13) => StorageError::Full(text),
        Some(11 | 26) => StorageError::Corrupt(text),
        _ => StorageError::Unavailable(text),
    }
}
