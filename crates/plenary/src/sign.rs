//! `plenary package sign` and `attach`: a party's signature of a package, in it or beside it.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use package::{Beside, KeyError, PublicKey, SecretKey, SignError};
use serde_json::json;
use tempfile::NamedTempFile;

use crate::cli::{Attach, Sign};
use crate::output::{Exit, Failure, Ink, Terminal};

/// Longest key or signature file that is read, in bytes: ten times what minisign writes.
const FILE_BYTES_MAX: u64 = 4_096;

/// Most signatures and keys that are looked for beside a package.
const BESIDE_MAX: usize = 200;

/// `package sign`.
pub(crate) fn sign(terminal: Terminal, wanted: &Sign) -> Result<Option<Exit>, Failure> {
    let wrong = |why: &str| {
        let message = format!("The key {} cannot be used: {why}.", wanted.key.display());
        Failure::new(Exit::Usage, message)
    };
    let text = small_file(&wanted.key).map_err(|error| wrong(&error.to_string()))?;
    let key = SecretKey::parse(&text).map_err(|error| match error {
        KeyError::Encrypted => wrong(
            "it is protected by a password, which this program does not ask for; sign with \
             minisign and add its signature with `plenary package attach` (docs/PACKAGE.md)",
        ),
        error => wrong(&error.to_string()),
    })?;
    let name = name(wanted.name.as_deref(), &wanted.key)?;
    let manifest = manifest(&wanted.package)?;
    let comment = match &wanted.comment {
        Some(comment) => comment.clone(),
        None => format!("agreed by {name}"),
    };
    let signature = key.sign(&manifest, &comment);
    let signed = Signed { name: &name, signature: &signature, key: key.public() };
    finish(terminal, &wanted.package, wanted.beside, &signed)
}

/// `package attach`.
pub(crate) fn attach(terminal: Terminal, wanted: &Attach) -> Result<Option<Exit>, Failure> {
    let unreadable = |path: &Path, why: &str| {
        Failure::new(Exit::Usage, format!("{} cannot be used: {why}.", path.display()))
    };
    let read = |path: &Path| small_file(path).map_err(|error| unreadable(path, &error.to_string()));
    let signature = read(&wanted.signature)?;
    let key = PublicKey::parse(&read(&wanted.key)?)
        .map_err(|error| unreadable(&wanted.key, &error.to_string()))?;
    let name = name(wanted.name.as_deref(), &wanted.signature)?;
    let signed = Signed { name: &name, signature: &signature, key };
    finish(terminal, &wanted.package, false, &signed)
}

/// The signatures and keys that lie beside a package: `record.zip.NAME.minisig` and `.pub`.
///
/// # Errors
/// The system's.
pub(crate) fn beside(package: &Path) -> io::Result<Vec<Beside>> {
    let Some(own) = package.file_name().and_then(|name| name.to_str()) else { return Ok(vec![]) };
    let own = format!("{own}.");
    let mut found = Vec::new();
    for entry in fs::read_dir(folder(package))? {
        let entry = entry?;
        let Ok(file) = entry.file_name().into_string() else { continue };
        let ending = file.ends_with(".minisig") || file.ends_with(".pub");
        if file.starts_with(&own) && ending && entry.file_type()?.is_file() {
            found.push(Beside { text: small_file(&entry.path())?, file });
        }
    }
    found.sort_by(|one, other| one.file.cmp(&other.file));
    found.truncate(BESIDE_MAX);
    Ok(found)
}

struct Signed<'a> {
    name: &'a str,
    signature: &'a str,
    key: PublicKey,
}

fn finish(
    terminal: Terminal,
    package: &Path,
    beside: bool,
    signed: &Signed<'_>,
) -> Result<Option<Exit>, Failure> {
    let Signed { name, signature, key } = signed;
    let files = if beside {
        let place = |ending: &str| {
            let mut path = package.as_os_str().to_owned();
            path.push(format!(".{name}.{ending}"));
            PathBuf::from(path)
        };
        let files = [place("minisig"), place("pub")];
        new_file(&files[0], signature)?;
        new_file(&files[1], &key.to_file())?;
        files.map(|file| file.display().to_string())
    } else {
        within(package, signed)?;
        ["minisig", "pub"].map(|ending| format!("signatures/{name}.{ending}"))
    };
    if terminal.json {
        terminal.print_json(&json!({
            "package": package.display().to_string(),
            "files": files,
            "key": key.id(),
            "public_key": key.encoded(),
        }))?;
    } else {
        terminal.print(&format!(
            "{} {} by the key {}: {}\nPublish its public half, so that others can check:\n  \
             plenary verify {} --key {}\n",
            terminal.ink(Ink::Green, "signed"),
            package.display(),
            key.id(),
            files[0],
            package.display(),
            key.encoded(),
        ))?;
    }
    Ok(None)
}

/// Adds the signature to a copy, which takes the package's place when it is whole.
fn within(package: &Path, signed: &Signed<'_>) -> Result<(), Failure> {
    let failed = |error: SignError| {
        let message = format!("The package {} is not signed: {error}.", package.display());
        Failure::failed(message)
    };
    let io_failed = |error: io::Error| failed(error.into());
    let mut draft =
        NamedTempFile::with_prefix_in(".plenary-package-", folder(package)).map_err(io_failed)?;
    let mut original = File::open(package).map_err(io_failed)?;
    io::copy(&mut original, draft.as_file_mut()).map_err(io_failed)?;
    let mode = original.metadata().map_err(io_failed)?.permissions();
    package::attach(draft.as_file_mut(), signed.name, signed.signature, &signed.key)
        .map_err(failed)?;
    draft.as_file().set_permissions(mode).map_err(io_failed)?;
    draft.as_file().sync_all().map_err(io_failed)?;
    draft.persist(package).map_err(|error| io_failed(error.error))?;
    Ok(())
}

fn manifest(package: &Path) -> Result<Vec<u8>, Failure> {
    let read = || package::manifest_of(BufReader::new(File::open(package)?));
    read().map_err(|error| {
        let message = format!("The package {} cannot be signed: {error}.", package.display());
        Failure::new(Exit::Usage, message)
    })
}

/// The name under which a signature is kept: as wanted, or the file's without its ending.
fn name(wanted: Option<&str>, file: &Path) -> Result<String, Failure> {
    let stem = file.file_stem().and_then(|stem| stem.to_str());
    let name = wanted.or(stem).unwrap_or_default();
    let plain = |letter: char| letter.is_alphanumeric() || "-_".contains(letter);
    if name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
        return Err(Failure::new(
            Exit::Usage,
            format!(
                "{name:?} cannot name a signature. Give a name of letters, digits, - and _ with \
                 --name, as --name kcfr."
            ),
        ));
    }
    Ok(name.to_owned())
}

fn new_file(path: &Path, text: &str) -> Result<(), Failure> {
    let made = || -> io::Result<()> {
        let mut draft = NamedTempFile::new_in(folder(path))?;
        draft.write_all(text.as_bytes())?;
        // It is for everybody, unlike other temporary files.
        draft.as_file().set_permissions(fs::Permissions::from_mode(0o644))?;
        draft.as_file().sync_all()?;
        draft.persist_noclobber(path)?;
        Ok(())
    };
    made()
        .map_err(|error| Failure::failed(format!("{} cannot be written: {error}.", path.display())))
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn small_file(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(FILE_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}
