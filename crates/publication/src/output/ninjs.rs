//! News in JSON (IPTC ninjs 1.3), as agencies take it in.

use base::Language;
use serde_json::{Map, Value, json};

use super::{Edition, Status, html, plain, words};
use crate::dates::utc;
use crate::text::clean;

/// The version in `language` as a ninjs item. A draft and a release under embargo are `withheld`,
/// one that was withdrawn is `canceled` and has no body.
pub fn item(edition: &Edition<'_>, language: &Language) -> Value {
    let (release, labels) = (edition.release, &words(language).labels);
    let about = &release.about;
    let best = |text: &base::Localized| clean(text.best(language, &[]).unwrap_or_default());
    let status = match edition.status {
        Status::Draft | Status::Embargoed(_) => "withheld",
        Status::Issued(_) => "usable",
        Status::Withdrawn(_) => "canceled",
    };
    let versioned = match edition.status {
        Status::Withdrawn(at) => at,
        _ => edition.versioned,
    };
    let mut item = Map::new();
    let mut put = |key: &str, value: Value| item.insert(key.to_owned(), value);
    put("uri", json!(edition.url(language)));
    put("type", json!("text"));
    put("representationtype", json!("complete"));
    put("version", json!(release.hash().map(|hash| hash.to_string()).unwrap_or_default()));
    put("versioncreated", json!(utc(versioned)));
    put("pubstatus", json!(status));
    put("language", json!(language.as_str()));
    put("headline", json!(clean(&edition.headline(language))));
    if let Status::Embargoed(until) = edition.status {
        put("embargoed", json!(utc(until)));
    }
    if !matches!(edition.status, Status::Issued(_)) {
        put("ednote", json!(edition.status_line(language)));
    }
    let organisations: Vec<Value> =
        about.organisers.iter().map(|name| json!({"name": best(name), "rel": "issuer"})).collect();
    put("organisation", Value::Array(organisations));
    if edition.is_withdrawn() {
        put("body_text", json!(labels.withdrawn));
        return Value::Object(item);
    }
    put("mimetype", json!("text/html"));
    put("located", json!(best(&about.city)));
    put("place", json!([{"name": best(&about.city), "rel": "dateline"}]));
    put("event", json!([{"name": best(&about.title), "rel": "about", "code": release.event}]));
    let people: Vec<Value> = about
        .people
        .iter()
        .map(|person| json!({"name": best(&person.name), "rel": "about"}))
        .collect();
    put("person", Value::Array(people));
    put("body_text", json!(plain::text(edition, language)));
    put("body_xhtml", json!(html::article(edition, language, &[])));
    Value::Object(item)
}
