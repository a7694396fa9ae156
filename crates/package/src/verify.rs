//! Judges a package.

use std::collections::BTreeSet;
use std::io::{self, Read, Seek};

use aws_lc_rs::digest::{Context, SHA256};
use base::{EventId, Sequence, Timestamp};
use proceedings::Hash;
use serde::Serialize;

use crate::archive::{Archive, ArchiveError, Entry, Soundness};
use crate::manifest::{MANIFEST_BYTES_MAX, Manifest};
use crate::minisign::{FILE_BYTES_MAX, KeyId, PublicKey, Signature};
use crate::pack::finished;
use crate::proceedings_file::ChainReader;
use crate::{MANIFEST, PROCEEDINGS, SERVER_KEY, SIGNATURE, SIGNATURES};

/// Most signatures that are looked at: one of each party, several times.
const SIGNATURES_MAX: usize = 100;

/// Why nothing can be said of the content.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct NotAPackage(#[from] pub ArchiveError);

impl From<io::Error> for NotAPackage {
    fn from(error: io::Error) -> Self {
        Self(error.into())
    }
}

/// What was found in a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Everything is as it was signed.
    pub intact: bool,
    /// The event, as far as there is a manifest that can be read.
    pub event: Option<EventId>,
    /// When it says it was made.
    pub made_at: Option<Timestamp>,
    /// By which version of the program.
    pub product: Option<String>,
    /// Files whose content is the one that the manifest names.
    pub files_intact: usize,
    /// Their length together.
    pub bytes_intact: u64,
    /// The proceedings; `None` when there are none.
    pub proceedings: Option<Chain>,
    /// All signatures.
    pub signatures: Vec<SignatureVerdict>,
    /// All that is not right.
    pub findings: Vec<Finding>,
}

/// How far the proceedings are whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Chain {
    /// Lines from the first on that are as they were written.
    pub lines_intact: Sequence,
    /// Hash of the last of them.
    pub hash: Hash,
}

/// Something that is not right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "what")]
pub enum Finding {
    /// A file is not as it was.
    Altered {
        /// Which.
        path: String,
        /// By what it shows.
        why: Why,
    },
    /// A file of the manifest is not there.
    Missing {
        /// Which.
        path: String,
    },
    /// A file is there that the manifest does not name.
    Added {
        /// Which.
        path: String,
    },
    /// The proceedings are not whole.
    BrokenLine {
        /// Number of the first line that is not as it was written.
        line: u64,
        /// What is wrong with it.
        why: String,
    },
    /// The proceedings are whole, but end elsewhere than the manifest says or are another event's.
    OtherProceedings,
    /// The manifest cannot be read, so that nothing is known of the other files.
    BadManifest {
        /// What is wrong with it.
        why: String,
    },
    /// No good signature of the key in the package.
    Unsigned,
    /// No good signature of a key that was asked for.
    NotSignedBy {
        /// The key.
        key: KeyId,
    },
}

/// By what an altered file shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// Its content has another hash or length than the manifest says.
    Content,
    /// Its checksum in the package is another.
    Checksum,
    /// What stands before it in the package is not what the directory says.
    Header,
    /// It is a signature that does not fit.
    Signature,
}

/// A signature of the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignatureVerdict {
    /// Its file.
    pub file: String,
    /// The key that it names.
    pub key: Option<KeyId>,
    /// Where that key is from: a file of the package.
    pub key_file: Option<String>,
    /// The key was handed in, so that it is not only the package that vouches for it.
    pub trusted: bool,
    /// Whether it fits.
    pub state: SignatureState,
    /// What the signer said besides; signed too.
    pub comment: Option<String>,
}

/// A signature or a public key that lies beside the package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beside {
    /// Its name, which ends in `.minisig` or `.pub`.
    pub file: String,
    /// Its content.
    pub text: String,
}

/// Whether a signature fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignatureState {
    /// The key made it over this manifest.
    Good,
    /// It is of another manifest, or was changed.
    Bad,
    /// Its key is neither in the package nor was it handed in.
    UnknownKey,
    /// It is no signature.
    Unreadable,
}

/// Judges a package. `trusted` are keys that the reader has from elsewhere; each of them must have
/// signed, in the package or `beside` it. `progress` hears how many bytes of how many were read.
///
/// # Errors
/// [`NotAPackage`] when the file is no package, or one that was made to do harm.
pub fn verify<R: Read + Seek>(
    package: R,
    trusted: &[PublicKey],
    beside: &[Beside],
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Verdict, NotAPackage> {
    let mut archive = Archive::open(package)?;
    let entries = std::mem::take(&mut archive.entries);
    let mut findings = Findings::default();

    let manifest_bytes = small(&mut archive, &entries, MANIFEST, MANIFEST_BYTES_MAX)?;
    let manifest = match manifest_bytes.as_deref().map(Manifest::parse) {
        Some(Ok(manifest)) => Some(manifest),
        Some(Err(why)) => {
            findings.add(Finding::BadManifest { why: why.to_string() });
            None
        }
        None => {
            findings.add(Finding::Missing { path: MANIFEST.to_owned() });
            None
        }
    };

    let mut verdict = Verdict {
        intact: false,
        event: manifest.as_ref().map(|manifest| manifest.event.clone()),
        made_at: manifest.as_ref().map(|manifest| manifest.made_at),
        product: manifest.as_ref().map(|manifest| manifest.product.clone()),
        files_intact: 0,
        bytes_intact: 0,
        proceedings: None,
        signatures: Vec::new(),
        findings: Vec::new(),
    };

    let total: u64 = entries.iter().map(|entry| entry.bytes).sum();
    let mut done = 0;
    for entry in &entries {
        let (soundness, hash, chain) = read(&mut archive, entry, &mut done, total, progress)?;
        let altered = |why| Finding::Altered { path: entry.name.clone(), why };
        let known = manifest.as_ref().and_then(|manifest| manifest.file(&entry.name));
        match (soundness, known) {
            (_, Some(file)) if file.sha256 != hash || file.bytes != entry.bytes => {
                findings.add(altered(Why::Content));
            }
            (Soundness::Header, _) => findings.add(altered(Why::Header)),
            (Soundness::Checksum, _) => findings.add(altered(Why::Checksum)),
            (Soundness::Sound, Some(file)) => {
                verdict.files_intact += 1;
                verdict.bytes_intact += file.bytes;
            }
            (Soundness::Sound, None) => {}
        }
        if known.is_none() && manifest.is_some() && !stands_beside(&entry.name) {
            findings.add(Finding::Added { path: entry.name.clone() });
        }
        if let Some(chain) = chain {
            verdict.proceedings = Some(judge(chain, manifest.as_ref(), &mut findings));
        }
    }

    let names: BTreeSet<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    let listed = manifest.iter().flat_map(|manifest| &manifest.files);
    let missing = listed.filter(|file| !names.contains(file.path.as_str()));
    for file in missing {
        findings.add(Finding::Missing { path: file.path.clone() });
    }
    if manifest.is_some() && !names.contains(PROCEEDINGS) {
        findings.add(Finding::Missing { path: PROCEEDINGS.to_owned() });
    }

    let manifest_bytes = manifest_bytes.unwrap_or_default();
    let (keys, signed) = near_and_within(&mut archive, &entries, beside)?;
    verdict.signatures = signatures(&keys, &signed, &manifest_bytes, trusted, &mut findings);
    if !names.contains(SIGNATURE) {
        findings.add(Finding::Missing { path: SIGNATURE.to_owned() });
    }
    let good = |one: &SignatureVerdict| one.file == SIGNATURE && one.state == SignatureState::Good;
    if !verdict.signatures.iter().any(good) {
        findings.add(Finding::Unsigned);
    }
    let made = |key: &PublicKey| {
        signed
            .iter()
            .filter_map(|(_, one)| one.as_ref())
            .any(|one| one.is_good(key, &manifest_bytes))
    };
    for key in trusted.iter().filter(|key| !made(key)) {
        findings.add(Finding::NotSignedBy { key: key.id() });
    }
    verdict.findings = findings.0;
    verdict.intact = verdict.findings.is_empty();
    Ok(verdict)
}

/// Findings, each once.
#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    /// At most a few for each entry and line of the manifest, which are bounded.
    fn add(&mut self, finding: Finding) {
        let path = |finding: &Finding| match finding {
            Finding::Altered { path, .. } => Some(path.clone()),
            _ => None,
        };
        let told = |known: &Finding| {
            *known == finding || path(known).is_some() && path(known) == path(&finding)
        };
        if !self.0.iter().rev().take(SIGNATURES_MAX).any(told) {
            self.0.push(finding);
        }
    }
}

/// True for what no manifest names: itself and its signatures.
fn stands_beside(name: &str) -> bool {
    name == MANIFEST || name == SIGNATURE || is_signature(name) || is_added_key(name)
}

fn is_signature(name: &str) -> bool {
    name == SIGNATURE || name.starts_with(SIGNATURES) && name.ends_with(".minisig")
}

fn is_added_key(name: &str) -> bool {
    name.starts_with(SIGNATURES) && name.ends_with(".pub")
}

/// Reads an entry whole: whether it is sound, its hash, and its lines if it is the proceedings.
fn read<R: Read + Seek>(
    archive: &mut Archive<R>,
    entry: &Entry,
    done: &mut u64,
    total: u64,
    progress: &mut dyn FnMut(u64, u64),
) -> io::Result<(Soundness, Hash, Option<ChainReader>)> {
    let mut digest = Context::new(&SHA256);
    let mut chain = (entry.name == PROCEEDINGS).then(ChainReader::default);
    let soundness = archive.read(entry, &mut |piece| {
        digest.update(piece);
        if let Some(chain) = &mut chain {
            chain.feed(piece);
        }
        *done += piece.len() as u64;
        progress(*done, total);
    })?;
    Ok((soundness, finished(digest), chain))
}

/// What the proceedings say of themselves, against the manifest.
fn judge(chain: ChainReader, manifest: Option<&Manifest>, findings: &mut Findings) -> Chain {
    let (tip, event, broken) = chain.finish();
    if let Some(broken) = broken {
        findings.add(Finding::BrokenLine { line: broken.line, why: broken.why });
    } else if let Some(manifest) = manifest
        && (manifest.proceedings != tip.into() || event.as_ref() != Some(&manifest.event))
    {
        findings.add(Finding::OtherProceedings);
    }
    Chain { lines_intact: tip.sequence, hash: tip.hash }
}

/// The content of a small file; `None` when there is none, or it is too long to be what it should.
fn small<R: Read + Seek>(
    archive: &mut Archive<R>,
    entries: &[Entry],
    name: &str,
    bytes_max: usize,
) -> io::Result<Option<Vec<u8>>> {
    let entry = entries.iter().find(|entry| entry.name == name);
    let Some(entry) = entry.filter(|entry| entry.bytes <= bytes_max as u64) else {
        return Ok(None);
    };
    let mut content = Vec::new();
    archive.read(entry, &mut |piece| content.extend_from_slice(piece))?;
    Ok(Some(content))
}

/// Texts with the names of their files.
type Named<T> = Vec<(String, T)>;

/// The keys and the signatures of the package, those in it before those beside it.
fn near_and_within<R: Read + Seek>(
    archive: &mut Archive<R>,
    entries: &[Entry],
    beside: &[Beside],
) -> io::Result<(Named<PublicKey>, Named<Option<Signature>>)> {
    let mut texts = |wanted: &dyn Fn(&str) -> bool, ending: &str| -> io::Result<Named<String>> {
        let mut found = Vec::new();
        let names = entries.iter().map(|entry| entry.name.as_str());
        for name in names.filter(|name| wanted(name)).take(SIGNATURES_MAX) {
            let content = small(archive, entries, name, FILE_BYTES_MAX)?.unwrap_or_default();
            found.push((name.to_owned(), String::from_utf8(content).unwrap_or_default()));
        }
        let near = beside.iter().filter(|near| near.file.ends_with(ending)).take(SIGNATURES_MAX);
        found.extend(near.map(|near| (near.file.clone(), near.text.clone())));
        Ok(found)
    };
    let keys = texts(&|name| name == SERVER_KEY || is_added_key(name), ".pub")?;
    let keys =
        keys.into_iter().filter_map(|(file, text)| Some((file, PublicKey::parse(&text).ok()?)));
    let signed = texts(&is_signature, ".minisig")?;
    let signed = signed.into_iter().map(|(file, text)| (file, Signature::parse(&text)));
    Ok((keys.collect(), signed.collect()))
}

/// Judges all signatures of the manifest.
fn signatures(
    keys: &Named<PublicKey>,
    signed: &Named<Option<Signature>>,
    manifest: &[u8],
    trusted: &[PublicKey],
    findings: &mut Findings,
) -> Vec<SignatureVerdict> {
    let mut verdicts = Vec::new();
    for (file, signature) in signed {
        let mut verdict = SignatureVerdict {
            file: file.clone(),
            key: signature.as_ref().map(|signature| signature.key),
            key_file: None,
            trusted: false,
            state: SignatureState::Unreadable,
            comment: None,
        };
        if let Some(signature) = signature {
            let good = |key: &PublicKey| signature.is_good(key, manifest);
            let known = keys.iter().find(|(_, key)| good(key));
            verdict.trusted = trusted.iter().any(good);
            verdict.key_file = known.map(|(file, _)| file.clone());
            let mut all = trusted.iter().chain(keys.iter().map(|(_, key)| key));
            verdict.state = if verdict.trusted || known.is_some() {
                verdict.comment = Some(signature.comment.clone());
                SignatureState::Good
            } else if all.any(|key| key.id() == signature.key) {
                SignatureState::Bad
            } else {
                SignatureState::UnknownKey
            };
        }
        if matches!(verdict.state, SignatureState::Bad | SignatureState::Unreadable) {
            findings.add(Finding::Altered { path: file.clone(), why: Why::Signature });
        }
        verdicts.push(verdict);
    }
    verdicts
}
