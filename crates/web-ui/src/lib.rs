//! The built web client (`web/dist`) inside the program, and nothing else: which file answers
//! which path, of which type it is, and whether it may be kept.
//!
//! In debug builds the files are read from the folder at run time, so that the web client can be
//! built anew without compiling the server.

use std::borrow::Cow;

use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
struct Files;

/// The page that all paths without a file share; it finds out by itself what to show.
const INDEX: &str = "index.html";

/// The verification page.
const VERIFY: &str = "verify.html";

/// Vite writes files whose name carries a hash of their content into this folder.
const HASHED: &str = "assets/";

/// A variant in which a file may lie beside it, compressed when the web client was built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// RFC 7932.
    Brotli,
    /// RFC 1952.
    Gzip,
}

impl Encoding {
    /// The name in `Content-Encoding`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    fn suffix(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Gzip => ".gz",
        }
    }
}

/// A file.
#[derive(Debug, Clone)]
pub struct Asset {
    /// Its content, compressed as `encoding` says.
    pub bytes: Cow<'static, [u8]>,
    /// Value of `Content-Type`.
    pub content_type: &'static str,
    /// How it is compressed, if it is.
    pub encoding: Option<Encoding>,
    /// A strong tag of these bytes, in quotes.
    pub etag: String,
}

/// What answers a path.
#[derive(Debug, Clone)]
pub struct Found {
    /// The file.
    pub asset: Asset,
    /// The same path never has another content.
    pub immutable: bool,
}

/// The file for a path of a URL: the file of that name, or the index page when the path names
/// none (its last part has no dot). `None` when a file is named that is not there. Of the
/// compressed variants the first of `accepted` that is there is taken.
pub fn find(path: &str, accepted: impl IntoIterator<Item = Encoding>) -> Option<Found> {
    let path = path.trim_start_matches('/');
    let names_file = path.rsplit('/').next().is_some_and(|last| last.contains('.'));
    let name = if names_file { path } else { INDEX };
    // Compressed variants and the build's own notes are no pages.
    let hidden = name.split('/').any(|part| part.starts_with('.'))
        || name.ends_with(".br")
        || name.ends_with(".gz")
        || name.ends_with(".map");
    if hidden {
        return None;
    }
    let content_type = content_type(name);
    let asset = accepted
        .into_iter()
        .find_map(|encoding| {
            let file = Files::get(&format!("{name}{}", encoding.suffix()))?;
            Some(asset(file, content_type, Some(encoding)))
        })
        .or_else(|| Files::get(name).map(|file| asset(file, content_type, None)))?;
    Some(Found { asset, immutable: name.starts_with(HASHED) })
}

/// The page that verifies record packages, in one file that runs from a disk; `None` where the web
/// client was built without it.
pub fn verification_page() -> Option<Asset> {
    Some(asset(Files::get(VERIFY)?, content_type(VERIFY), None))
}

fn asset(
    file: rust_embed::EmbeddedFile,
    content_type: &'static str,
    encoding: Option<Encoding>,
) -> Asset {
    let hash = file.metadata.sha256_hash();
    let tag: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    Asset { bytes: file.data, content_type, encoding, etag: format!("\"{tag}\"") }
}

/// The types that a web client is made of.
fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        "opus" | "ogg" => "audio/ogg",
        "mp3" => "audio/mpeg",
        "wav" => "audio/wav",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name_of(path: &str) -> Option<(&'static str, bool)> {
        find(path, []).map(|found| (found.asset.content_type, found.immutable))
    }

    #[test]
    fn pages_without_a_file_are_the_index() {
        for path in ["/", "/e/russian-diplomats-day", "/e/a/join", "/index.html", "/e/v1.2/join"] {
            assert_eq!(name_of(path), Some(("text/html; charset=utf-8", false)), "{path}");
        }
    }

    #[test]
    fn files_that_are_not_there_are_not_found() {
        for path in ["/favicon.nope", "/assets/app-1234.js", "/.vite/manifest.json", "/../x.html"] {
            assert_eq!(name_of(path), None, "{path}");
        }
        assert_eq!(name_of("/index.html.br"), None, "compressed variants have no address");
    }

    #[test]
    fn types() {
        assert_eq!(content_type("assets/a-1.woff2"), "font/woff2");
        assert_eq!(content_type("a.b.wasm"), "application/wasm");
        assert_eq!(content_type("noext"), "application/octet-stream");
    }
}
