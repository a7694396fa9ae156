//! The store of finished recordings.

use recording::S3;

use super::{Layers, PublicUrl, Set};
use crate::output::{Exit, Failure};

/// Where finished recordings go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoreSettings {
    pub(crate) s3: S3,
    pub(crate) keep_local: bool,
}

/// The region of servers that know none, as most of them have it.
const REGION_DEFAULT: &str = "us-east-1";

impl Layers<'_> {
    /// The store, if one is named.
    pub(super) fn store(&mut self) -> Result<Option<StoreSettings>, Failure> {
        let url = self.pick("store.url", bucket)?;
        let endpoint = self.pick("store.endpoint", endpoint)?;
        let region = self.pick("store.region", word)?;
        let access_key = self.pick("store.access_key", word)?;
        let secret_key = self.pick("store.secret_key", secret)?;
        let keep_local = self.pick("store.keep_local", yes_or_no)?;
        let Some(Set { value: (bucket, prefix), .. }) = url else {
            let others = [
                ("endpoint", endpoint.is_some()),
                ("access_key", access_key.is_some()),
                ("secret_key", secret_key.is_some()),
            ];
            let lonely = others.iter().find(|(_, is_set)| *is_set);
            // A file with mistakes is told of them first.
            return match lonely.filter(|_| self.problems.is_empty()) {
                Some((key, _)) => Err(incomplete(&format!(
                    "`store.{key}` is set and `store.url` is not: name the bucket"
                ))),
                None => Ok(None),
            };
        };
        let Some((access_key, secret_key)) = access_key.zip(secret_key) else {
            return match self.problems.is_empty() {
                true => Err(incomplete(
                    "`store.url` is set: the store wants `store.access_key` and `store.secret_key` too",
                )),
                false => Ok(None),
            };
        };
        Ok(Some(StoreSettings {
            s3: S3 {
                bucket,
                prefix,
                endpoint: endpoint.map(|endpoint| endpoint.value),
                region: region.map_or_else(|| REGION_DEFAULT.to_owned(), |region| region.value),
                access_key: access_key.value,
                secret_key: secret_key.value,
            },
            keep_local: keep_local.is_some_and(|keep| keep.value),
        }))
    }
}

fn incomplete(message: &str) -> Failure {
    Failure::new(Exit::BadFile, format!("{message}."))
}

/// Bucket and prefix of `s3://bucket/prefix`.
fn bucket(text: &str) -> Result<(String, String), String> {
    let hint = "write it as s3://bucket or s3://bucket/prefix";
    let rest = text.trim().strip_prefix("s3://");
    let rest = rest.ok_or_else(|| format!("\"{text}\" does not begin with s3://; {hint}"))?;
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    if !(3..=63).contains(&bucket.len()) || !bucket.chars().all(is_name) {
        return Err(format!("\"{bucket}\" is no name of a bucket; {hint}"));
    }
    let prefix = prefix.trim_matches('/');
    let parts = || prefix.split('/').filter(|_| !prefix.is_empty());
    if parts()
        .any(|part| part.is_empty() || part == "." || part == ".." || !part.chars().all(is_name))
    {
        return Err(format!(
            "\"{prefix}\" cannot begin names in a store: letters, digits, - . _ and / may stand \
             in it; {hint}"
        ));
    }
    Ok((bucket.to_owned(), prefix.to_owned()))
}

/// An address without a path, as all addresses of servers here.
fn endpoint(text: &str) -> Result<String, String> {
    Ok(PublicUrl::parse(text)?.to_string())
}

fn word(text: &str) -> Result<String, String> {
    let word = text.trim();
    if word.is_empty() || !word.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!("\"{text}\" should be one word"));
    }
    Ok(word.to_owned())
}

fn secret(text: &str) -> Result<String, String> {
    // The text itself is not repeated, for it may be a good one with a slip in it.
    word(text).map_err(|_| "it should be one word, without spaces".to_owned())
}

fn yes_or_no(text: &str) -> Result<bool, String> {
    match text {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err(format!("\"{text}\" is neither yes nor no")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::{File, Flags, settle};
    use super::*;

    fn settled(text: &str, variables: &[(&str, &str)]) -> Result<Option<StoreSettings>, String> {
        let environment: BTreeMap<String, String> =
            variables.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let file = File { path: "/etc/plenary/plenary.toml".into(), text: text.to_owned() };
        settle(&Flags::new(), &environment, Some(&file), false)
            .map(|settings| settings.store)
            .map_err(|failure| format!("{}{}", failure.message, failure.report))
    }

    #[test]
    fn a_store_is_named_by_file_and_environment() {
        assert_eq!(settled("", &[]), Ok(None));
        let text = "[store]\nurl = \"s3://records/council/2021/\"\naccess_key = \"plenary\"\n\
                    endpoint = \"http://10.0.0.7:9000\"\nkeep_local = \"yes\"\n";
        let secret = [("PLENARY_STORE_SECRET_KEY", "hush-hush-hush")];
        let store = settled(text, &secret).expect("it is good").expect("there is one");
        assert!(store.keep_local);
        assert!(!format!("{store:?}").contains("hush"));
        let expected = S3 {
            bucket: "records".to_owned(),
            prefix: "council/2021".to_owned(),
            endpoint: Some("http://10.0.0.7:9000".to_owned()),
            region: "us-east-1".to_owned(),
            access_key: "plenary".to_owned(),
            secret_key: "hush-hush-hush".to_owned(),
        };
        assert_eq!(store.s3, expected);
    }

    #[test]
    fn what_is_wrong_with_a_store_is_said() {
        let key = "access_key = \"plenary\"\nsecret_key = \"hush\"\n";
        for (text, part) in [
            ("[store]\nurl = \"/srv/records\"\n".to_owned(), "does not begin with s3://"),
            (format!("[store]\nurl = \"s3://a\"\n{key}"), "is no name of a bucket"),
            (format!("[store]\nurl = \"s3://records/../etc\"\n{key}"), "cannot begin names"),
            ("[store]\nurl = \"s3://records\"\n".to_owned(), "wants `store.access_key`"),
            (format!("[store]\n{key}"), "`store.url` is not"),
            (format!("[store]\nurl = \"s3://records\"\n{key}keep_local = \"1\"\n"), "yes nor no"),
            (
                "[store]\nurl = \"s3://records\"\nsecret_key = \"hush hush\"\n".to_owned(),
                "one word",
            ),
        ] {
            let told = settled(&text, &[]).expect_err("it is not good");
            assert!(told.contains(part), "{text}: {told}");
        }
    }
}
