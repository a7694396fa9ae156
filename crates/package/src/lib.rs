//! The record package of an event: one file that holds what was recorded, said, written down and
//! released, with a signed list of the hashes of all of it, so that anybody can tell later what of
//! it is as it was and what is not. docs/PACKAGE.md describes the file.
//!
//! [`Packer`] makes a package, [`attach`] adds a party's signature to one, [`verify`] judges one. Nothing here reads a clock, draws randomness
//! or opens a file: bytes come in through [`std::io::Read`], a verdict goes out. A package is
//! hostile until it is judged: nothing is ever extracted, and every count and size that it claims is
//! held against a bound or against the file itself before it is believed.

mod archive;
mod manifest;
mod minisign;
mod pack;
mod proceedings_file;
mod sign;
#[cfg(test)]
mod tests;
mod verify;

pub use archive::ArchiveError;
pub use manifest::{Manifest, ManifestFile, ManifestTip};
pub use minisign::{KeyError, KeyId, PublicKey, SecretKey};
pub use pack::{About, PackError, Packer};
pub use sign::{SignError, attach, manifest_of};
pub use verify::{
    Beside, Chain, Finding, NotAPackage, SignatureState, SignatureVerdict, Verdict, Why, verify,
};

/// The list of everything in the package.
pub const MANIFEST: &str = "manifest.json";

/// The server's signature of [`MANIFEST`].
pub const SIGNATURE: &str = "manifest.json.minisig";

/// The server's public key.
pub const SERVER_KEY: &str = "server.pub";

/// The proceedings, a line of JSON for each line.
pub const PROCEEDINGS: &str = "proceedings.jsonl";

/// The page that verifies a package in a browser, without a network.
pub const PAGE: &str = "verify.html";

/// Where signatures and public keys lie that were added later.
pub const SIGNATURES: &str = "signatures/";
