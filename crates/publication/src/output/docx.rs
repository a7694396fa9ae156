//! Word (Office Open XML, ECMA-376): styles that an editor's word processor knows, right to left
//! where the language is, links at the statements' numbers.

use base::Language;

use super::packed::archive;
use super::{Edition, label, words};
use crate::dates::utc;
use crate::release::{Block, Part};
use crate::text::{clean, escaped};
use crate::words::fill;

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";
const WORD: &str = "http://schemas.openxmlformats.org/wordprocessingml/2006/main";
const RELATIONS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006";

/// The version in `language` as a DOCX file. The same edition gives the same bytes.
pub fn docx(edition: &Edition<'_>, language: &Language) -> Vec<u8> {
    let mut body = Body {
        right_to_left: words(language).right_to_left,
        xml: String::new(),
        links: Vec::new(),
    };
    compose(&mut body, edition, language);
    let document = format!(
        "{HEAD}<w:document xmlns:w=\"{WORD}\" xmlns:r=\"{RELATIONS}\"><w:body>{}\
         <w:sectPr><w:pgSz w:w=\"11906\" w:h=\"16838\"/>\
         <w:pgMar w:top=\"1020\" w:right=\"1247\" w:bottom=\"1134\" w:left=\"1247\" w:header=\"567\" \
         w:footer=\"567\" w:gutter=\"0\"/>{}</w:sectPr></w:body></w:document>",
        body.xml,
        if body.right_to_left { "<w:bidi/>" } else { "" },
    );
    let links: String = body
        .links
        .iter()
        .enumerate()
        .map(|(index, url)| {
            format!(
                "<Relationship Id=\"link{index}\" Type=\"{RELATIONS}/hyperlink\" Target=\"{}\" \
                 TargetMode=\"External\"/>",
                escaped(url)
            )
        })
        .collect();
    let parts = [
        ("[Content_Types].xml", content_types()),
        (
            "_rels/.rels",
            format!(
                "{HEAD}<Relationships xmlns=\"{PACKAGE}/relationships\">\
                 <Relationship Id=\"document\" Type=\"{RELATIONS}/officeDocument\" \
                 Target=\"word/document.xml\"/><Relationship Id=\"core\" \
                 Type=\"{PACKAGE}/relationships/metadata/core-properties\" \
                 Target=\"docProps/core.xml\"/></Relationships>"
            ),
        ),
        ("word/document.xml", document),
        ("word/styles.xml", styles(language)),
        (
            "word/_rels/document.xml.rels",
            format!(
                "{HEAD}<Relationships xmlns=\"{PACKAGE}/relationships\">\
                 <Relationship Id=\"styles\" Type=\"{RELATIONS}/styles\" Target=\"styles.xml\"/>\
                 {links}</Relationships>"
            ),
        ),
        (
            "docProps/core.xml",
            format!(
                "{HEAD}<cp:coreProperties xmlns:cp=\"{PACKAGE}/metadata/core-properties\" \
                 xmlns:dc=\"http://purl.org/dc/elements/1.1/\" \
                 xmlns:dcterms=\"http://purl.org/dc/terms/\" \
                 xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><dc:title>{}</dc:title>\
                 <dc:language>{}</dc:language><dcterms:modified xsi:type=\"dcterms:W3CDTF\">{}\
                 </dcterms:modified></cp:coreProperties>",
                escaped(&clean(&edition.headline(language))),
                escaped(language.as_str()),
                utc(edition.versioned)
            ),
        ),
    ];
    archive(&parts)
}

fn compose(body: &mut Body, edition: &Edition<'_>, language: &Language) {
    let labels = &words(language).labels;
    let letterhead = edition.release.text_of(language, Part::Letterhead);
    body.paragraph("Letterhead", |body| {
        body.run(&letterhead, "");
        body.run(" | ", "");
        body.run(labels.press_release, "");
    });
    let status = edition.status_line(language);
    let issued = edition.issued_line(language).unwrap_or_default();
    body.paragraph("Particulars", |body| {
        body.run(&status, "<w:b/><w:bCs/>");
        body.run(" ", "");
        body.run(&issued, "");
    });
    if let Some(correction) = edition.correction() {
        body.paragraph("Particulars", |body| body.run(&correction, "<w:i/><w:iCs/>"));
    }
    if edition.is_withdrawn() {
        let headline = edition.release.text_of(language, Part::Headline);
        body.paragraph("Title", |body| body.run(&headline, ""));
        return;
    }
    for block in edition.blocks(language) {
        match block.part {
            Part::Letterhead => {}
            Part::Headline => body.paragraph("Title", |body| body.run(&block.text(), "")),
            Part::Deck => body.paragraph("Subtitle", |body| body.run(&block.text(), "")),
            Part::EndMark => body.paragraph("EndMark", |body| body.run(&block.text(), "")),
            Part::Lede | Part::Intervention | Part::Paragraph | Part::Thanks | Part::Outlook => {
                body.paragraph("Normal", |body| body.runs(edition, block));
            }
            Part::Boilerplate | Part::Contact | Part::Notice | Part::Prevailing => {
                body.paragraph("Particulars", |body| {
                    if let Some(label) = label(block.part, language) {
                        body.run(label, "<w:b/><w:bCs/>");
                        body.run(" ", "");
                    }
                    body.run(&block.text(), "");
                });
            }
        }
    }
    if edition.record_url.is_some() {
        body.paragraph("Particulars", |body| body.run(labels.statements, ""));
    }
    let version = fill(labels.version, &[("", &edition.short_hash())]);
    body.paragraph("Particulars", |body| body.run(&version, ""));
}

struct Body {
    right_to_left: bool,
    xml: String,
    links: Vec<String>,
}

impl Body {
    fn paragraph(&mut self, style: &str, content: impl FnOnce(&mut Self)) {
        let direction = if self.right_to_left { "<w:bidi/>" } else { "" };
        self.xml.push_str(&format!("<w:p><w:pPr><w:pStyle w:val=\"{style}\"/>{direction}</w:pPr>"));
        content(self);
        self.xml.push_str("</w:p>");
    }

    fn runs(&mut self, edition: &Edition<'_>, block: &Block) {
        for (position, run) in block.runs.iter().enumerate() {
            if position > 0 {
                self.run(" ", "");
            }
            let dateline = block.part == Part::Lede && position == 0;
            self.run(&clean(&run.text), if dateline { "<w:b/><w:bCs/>" } else { "" });
            let link = edition
                .reference(run)
                .and_then(|(number, cited)| Some((number, edition.clip_url(cited)?)));
            if let Some((number, url)) = link {
                self.xml.push_str(&format!("<w:hyperlink r:id=\"link{}\">", self.links.len()));
                self.links.push(url);
                self.run(&number.to_string(), "<w:vertAlign w:val=\"superscript\"/>");
                self.xml.push_str("</w:hyperlink>");
            }
        }
    }

    /// A run for each stretch of one direction: word processors take the typeface of complex
    /// scripts, and the order of what stands between, from the run's own mark.
    fn run(&mut self, text: &str, properties: &str) {
        for (text, right_to_left) in stretches(text, self.right_to_left) {
            let direction = if right_to_left { "<w:rtl/>" } else { "" };
            self.xml.push_str(&format!(
                "<w:r><w:rPr>{properties}{direction}</w:rPr><w:t xml:space=\"preserve\">{}</w:t></w:r>",
                escaped(&text)
            ));
        }
    }
}

/// Stretches of one direction. What has none goes with what stands before it, and with the
/// paragraph at its beginning.
fn stretches(text: &str, paragraph: bool) -> Vec<(String, bool)> {
    let mut found: Vec<(String, bool)> = Vec::new();
    for c in text.chars() {
        let strong = match c {
            '\u{590}'..='\u{8FF}' | '\u{FB1D}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFE}' => Some(true),
            c if c.is_alphabetic() => Some(false),
            c if c.is_whitespace() => Some(paragraph),
            _ => None,
        };
        match (found.last_mut(), strong) {
            (Some((text, direction)), Some(strong)) if *direction == strong => text.push(c),
            (Some((text, _)), None) => text.push(c),
            (_, strong) => found.push((c.to_string(), strong.unwrap_or(paragraph))),
        }
    }
    found
}

fn content_types() -> String {
    let word = "application/vnd.openxmlformats-officedocument.wordprocessingml";
    format!(
        "{HEAD}<Types xmlns=\"{PACKAGE}/content-types\"><Default Extension=\"rels\" \
         ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>\
         <Default Extension=\"xml\" ContentType=\"application/xml\"/>\
         <Override PartName=\"/word/document.xml\" ContentType=\"{word}.document.main+xml\"/>\
         <Override PartName=\"/word/styles.xml\" ContentType=\"{word}.styles+xml\"/>\
         <Override PartName=\"/docProps/core.xml\" \
         ContentType=\"application/vnd.openxmlformats-package.core-properties+xml\"/></Types>"
    )
}

fn styles(language: &Language) -> String {
    let tag = escaped(language.as_str());
    let style = |id: &str, name: &str, paragraph: &str, half_points: u32, bold: bool| {
        let bold = if bold { "<w:b/><w:bCs/>" } else { "" };
        format!(
            "<w:style w:type=\"paragraph\" w:styleId=\"{id}\"><w:name w:val=\"{name}\"/>\
             <w:basedOn w:val=\"Normal\"/><w:qFormat/><w:pPr>{paragraph}</w:pPr>\
             <w:rPr>{bold}<w:sz w:val=\"{half_points}\"/><w:szCs w:val=\"{half_points}\"/></w:rPr>\
             </w:style>"
        )
    };
    let rule =
        "<w:pBdr><w:bottom w:val=\"double\" w:sz=\"6\" w:space=\"4\" w:color=\"auto\"/></w:pBdr>";
    format!(
        "{HEAD}<w:styles xmlns:w=\"{WORD}\"><w:docDefaults><w:rPrDefault><w:rPr>\
         <w:rFonts w:ascii=\"Source Serif 4\" w:hAnsi=\"Source Serif 4\" w:eastAsia=\"Source Serif 4\" \
         w:cs=\"Noto Nastaliq Urdu\"/><w:sz w:val=\"22\"/><w:szCs w:val=\"24\"/>\
         <w:lang w:val=\"{tag}\" w:bidi=\"{tag}\"/></w:rPr></w:rPrDefault></w:docDefaults>\
         <w:style w:type=\"paragraph\" w:default=\"1\" w:styleId=\"Normal\"><w:name w:val=\"Normal\"/>\
         <w:qFormat/><w:pPr><w:spacing w:after=\"180\" w:line=\"320\" w:lineRule=\"atLeast\"/></w:pPr>\
         </w:style>{}{}{}{}{}</w:styles>",
        style("Letterhead", "Letterhead", rule, 28, true),
        style("Title", "Title", "<w:spacing w:before=\"360\" w:after=\"120\"/>", 44, false),
        style("Subtitle", "Subtitle", "<w:spacing w:after=\"300\"/>", 26, false),
        style("EndMark", "End Mark", "<w:jc w:val=\"center\"/>", 22, false),
        style("Particulars", "Particulars", "<w:spacing w:after=\"80\"/>", 18, false),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directions_part_the_runs() {
        let of = |text: &str, paragraph| {
            stretches(text, paragraph)
                .into_iter()
                .map(|(text, rtl)| format!("{text}|{rtl}"))
                .collect::<Vec<_>>()
        };
        assert_eq!(of("9 فروری 2021", true), ["9 فروری 2021|true"]);
        assert_eq!(of("تنظیم (SCO) ہے", true), ["تنظیم (|true", "SCO)|false", " ہے|true"]);
        assert_eq!(of("In Karachi.", false), ["In Karachi.|false"]);
    }
}
