//! HTML: an article for the site's own pages, and a page that needs nothing else.

use base::Language;

use super::{Edition, json_ld, label, words};
use crate::check::Unbound;
use crate::edit::At;
use crate::release::{Block, Part};
use crate::text::{clean, escaped};
use crate::words::fill;

/// The whole style sheet of [`page`]; whoever serves the page names its hash in the content
/// security policy.
pub const STYLE: &str = include_str!("release.css");

/// The version in `language` as an `<article>`. Paragraphs with statements list them with the time
/// at which they were made; each leads to its second in the recording. `marks` are the texts that
/// go back to nothing ([`crate::unbound`]); a preview shows them, an issued release has none.
pub fn article(edition: &Edition<'_>, language: &Language, marks: &[Unbound]) -> String {
    let words = words(language);
    let direction = if words.right_to_left { "rtl" } else { "ltr" };
    let mut out = format!(
        "<article class=\"release\" lang=\"{}\" dir=\"{direction}\">\n",
        escaped(language.as_str())
    );
    if edition.is_withdrawn() {
        out.push_str(&format!(
            "<h1>{}</h1>\n<p class=\"status withdrawn\"><strong>{}</strong></p>\n</article>\n",
            escaped(&clean(&edition.release.text_of(language, Part::Headline))),
            escaped(words.labels.withdrawn)
        ));
        return out;
    }
    let issued = edition.issued_line(language).unwrap_or_default();
    // Written in one language, and shown beside the release in each.
    let correction = edition.correction().map(|correction| {
        format!("<p class=\"correction\" dir=\"auto\">{}</p>\n", escaped(&correction))
    });
    let status = format!(
        "<p class=\"status\"><strong>{}</strong> <span>{}</span></p>\n{}",
        escaped(&edition.status_line(language)),
        escaped(&issued),
        correction.unwrap_or_default()
    );
    let mut status = Some(status);
    if edition.blocks(language).first().is_none_or(|block| block.part != Part::Letterhead) {
        out.push_str(&status.take().unwrap_or_default());
    }
    for (index, block) in edition.blocks(language).iter().enumerate() {
        out.push_str(&block_html(edition, language, index, block, marks));
        out.push_str(&status.take().unwrap_or_default());
    }
    let numbers = match edition.record_url {
        Some(_) => format!("<p>{}</p>\n", escaped(words.labels.statements)),
        None => String::new(),
    };
    out.push_str(&format!(
        "<footer>{numbers}<p class=\"version\">{}</p></footer>\n</article>\n",
        escaped(&fill(words.labels.version, &[("", &edition.short_hash())]))
    ));
    out
}

/// The version in `language` as a page: style and structured data inside, no script, nothing
/// fetched.
pub fn page(edition: &Edition<'_>, language: &Language, marks: &[Unbound]) -> String {
    let words = words(language);
    let direction = if words.right_to_left { "rtl" } else { "ltr" };
    let title = escaped(&clean(&edition.headline(language)));
    let others: String = edition
        .release
        .versions
        .keys()
        .map(|other| {
            let current = if other == language { " aria-current=\"true\"" } else { "" };
            format!(
                "<a href=\"{}\" hreflang=\"{tag}\" lang=\"{tag}\"{current}>{}</a> ",
                escaped(&edition.url(other)),
                escaped(super::words(other).own_name),
                tag = escaped(other.as_str()),
            )
        })
        .collect();
    let alternates: String = edition
        .release
        .versions
        .keys()
        .map(|other| {
            format!(
                "<link rel=\"alternate\" hreflang=\"{}\" href=\"{}\">\n",
                escaped(other.as_str()),
                escaped(&edition.url(other))
            )
        })
        .collect();
    let url = escaped(&edition.url(language));
    let record = edition.record_url.map(|record| {
        format!(
            "<a href=\"{}/{}\">{}</a> ",
            escaped(record),
            escaped(language.as_str()),
            escaped(words.labels.record)
        )
    });
    format!(
        "<!doctype html>\n<html lang=\"{tag}\" dir=\"{direction}\">\n<head>\n\
         <meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<link rel=\"canonical\" href=\"{url}\">\n{alternates}\
         <style>{STYLE}</style>\n\
         <script type=\"application/ld+json\">{data}</script>\n</head>\n<body>\n\
         <nav><span>{record}<a href=\"{url}.pdf\">PDF</a> \
         <a href=\"{url}.docx\">DOCX</a> <a href=\"{url}.txt\">TXT</a></span> \
         <span>{others}</span></nav>\n\
         <main>\n{article}</main>\n</body>\n</html>\n",
        tag = escaped(language.as_str()),
        data = json_ld::for_html(edition, language),
        record = record.unwrap_or_default(),
        article = article(edition, language, marks),
    )
}

fn block_html(
    edition: &Edition<'_>,
    language: &Language,
    index: usize,
    block: &Block,
    marks: &[Unbound],
) -> String {
    let labels = &words(language).labels;
    let (mut text, mut proofs) = (String::new(), String::new());
    for (position, run) in block.runs.iter().enumerate() {
        if position > 0 {
            text.push(' ');
        }
        let at = At { block: index, run: position };
        let marked = marks.iter().any(|mark| mark.at == at && mark.language == *language);
        let words = escaped(&clean(&run.text));
        if marked {
            let why = escaped(labels.unbound);
            text.push_str(&format!("<mark class=\"unbound\" title=\"{why}\">{words}</mark>"));
        } else if block.part == Part::Lede && position == 0 {
            text.push_str(&format!("<b class=\"dateline\">{words}</b>"));
        } else {
            text.push_str(&words);
        }
        let reference = edition.reference(run).and_then(|(number, cited)| {
            Some((number, cited, edition.clip_url(cited)?, edition.said_at(cited)?))
        });
        if let Some((number, cited, url, at)) = reference {
            let (url, id) = (escaped(&url), cited.id);
            text.push_str(&format!("<sup><a href=\"{url}\">{number}</a></sup>"));
            proofs.push_str(&format!(
                "<a href=\"{url}\" data-statement=\"{id}\"><b>{number}</b> <bdi>{at}</bdi></a> "
            ));
        }
    }
    match block.part {
        Part::Letterhead => format!(
            "<header class=\"letterhead\"><b>{text}</b> <span>{}</span></header>\n",
            escaped(labels.press_release)
        ),
        Part::Headline => format!("<h1>{text}</h1>\n"),
        Part::Deck => format!("<p class=\"deck\">{text}</p>\n"),
        Part::EndMark => format!("<p class=\"end-mark\">{text}</p>\n"),
        part => {
            let heading = label(part, language)
                .map(|label| format!("<h2>{}</h2>", escaped(label)))
                .unwrap_or_default();
            let class = match part {
                Part::Lede | Part::Intervention | Part::Paragraph => "para",
                _ => "foot",
            };
            let proofs = match proofs.is_empty() {
                true => String::new(),
                false => format!("<div class=\"proofs\">{proofs}</div>"),
            };
            format!("<section class=\"{class}\">{heading}<p>{text}</p>{proofs}</section>\n")
        }
    }
}
