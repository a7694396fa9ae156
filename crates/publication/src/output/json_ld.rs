//! Structured data (schema.org): the release as a NewsArticle, its Event, and the recording as a
//! VideoObject whose clips are the statements.

use base::Language;
use serde_json::{Value, json};

use super::{Edition, Status};
use crate::dates::{rfc3339, utc};
use crate::release::Part;
use crate::text::clean;

/// The version in `language` as JSON-LD.
pub fn graph(edition: &Edition<'_>, language: &Language) -> Value {
    let release = edition.release;
    let about = &release.about;
    let best = |text: &base::Localized| clean(text.best(language, &[]).unwrap_or_default());
    let organisers: Vec<Value> = about
        .organisers
        .iter()
        .map(|name| json!({"@type": "Organization", "name": best(name)}))
        .collect();
    let performers: Vec<Value> = about
        .people
        .iter()
        .map(|person| {
            let mut value = json!({"@type": "Person", "name": best(&person.name)});
            if let Some(title) = &person.title {
                value["jobTitle"] = json!(best(title));
            }
            value
        })
        .collect();
    let clips: Vec<Value> = release
        .statements
        .iter()
        .filter_map(|cited| {
            let (span, url) = (cited.span?, edition.clip_url(cited)?);
            let speaker = cited.speaker.as_ref()?;
            let speaker = about.people.iter().find(|person| person.id == *speaker)?;
            Some(json!({
                "@type": "Clip",
                "name": best(&speaker.name),
                "startOffset": span.start.0 / 1_000,
                "endOffset": span.end.0.div_ceil(1_000),
                "url": url,
            }))
        })
        .collect();
    let url = edition.url(language);
    let event_id = format!("{}#event", edition.event_url);
    let mut article = json!({
        "@type": "NewsArticle",
        "@id": url,
        "url": url,
        "headline": clean(&edition.headline(language)),
        "inLanguage": language.as_str(),
        "dateModified": utc(edition.versioned),
        "dateline": clean(&dateline(edition, language)),
        "author": organisers,
        "publisher": organisers,
        "about": {"@id": event_id},
    });
    if let Status::Issued(at) = edition.status {
        article["datePublished"] = json!(utc(at));
    }
    if *language != release.original {
        article["translationOfWork"] = json!({"@id": edition.url(&release.original)});
    }
    let event = json!({
        "@type": "Event",
        "@id": event_id,
        "name": best(&about.title),
        "startDate": rfc3339(about.opened, &about.time_zone),
        "eventAttendanceMode": "https://schema.org/OnlineEventAttendanceMode",
        "location": {"@type": "VirtualLocation", "url": edition.event_url},
        "organizer": organisers,
        "performer": performers,
        "url": edition.event_url,
    });
    let recording = edition.record_url.map(|record| {
        json!({
            "@type": "VideoObject",
            "@id": format!("{record}#recording"),
            "name": best(&about.title),
            "uploadDate": rfc3339(about.opened, &about.time_zone),
            "url": record,
            "recordedAt": {"@id": event_id},
            "associatedArticle": {"@id": url},
            "hasPart": clips,
        })
    });
    if let Some(recording) = &recording {
        article["associatedMedia"] = json!({"@id": recording["@id"]});
    }
    let graph: Vec<Value> = [article, event].into_iter().chain(recording).collect();
    json!({"@context": "https://schema.org", "@graph": graph})
}

/// The same as text for a `<script>` element.
pub(super) fn for_html(edition: &Edition<'_>, language: &Language) -> String {
    in_script(&graph(edition, language))
}

/// JSON inside a `<script>` element: no `<` in it could end the element.
pub(super) fn in_script(value: &Value) -> String {
    value.to_string().replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

fn dateline(edition: &Edition<'_>, language: &Language) -> String {
    let lede = edition.blocks(language).iter().find(|block| block.part == Part::Lede);
    lede.and_then(|block| block.runs.first()).map(|run| run.text.clone()).unwrap_or_default()
}
