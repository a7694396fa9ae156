//! PDF, A4, as design/release.html prints: letterhead, headline, paragraphs with the seconds of
//! their statements in the outer margin, the house's particulars below.
//!
//! Typefaces are inside: Urdu is set in Nastaliq from right to left on every machine. Who copies
//! Urdu out of the PDF gets letters in the order in which they are drawn, which differs between
//! readers; the page and the DOCX are for copying.

mod typeset;

use base::Language;
use krilla::Document;
use krilla::action::{Action, LinkAction};
use krilla::annotation::{Annotation, LinkAnnotation, Target};
use krilla::color::rgb;
use krilla::geom::{PathBuilder, Point, Rect};
use krilla::metadata::{Metadata, TextDirection};
use krilla::page::{Page, PageSettings};
use krilla::paint::Fill;
use krilla::text::Font;

use self::typeset::{Face, Line, Stretch, Style, Typesetter};
use super::{Edition, label, words};
use crate::release::{Block, Part};
use crate::text::clean;
use crate::words::fill;

/// Millimetres in points.
const MM: f32 = 72.0 / 25.4;
const PAGE_WIDTH: f32 = 210.0 * MM;
const PAGE_HEIGHT: f32 = 297.0 * MM;
const TOP: f32 = 18.0 * MM;
const BOTTOM: f32 = PAGE_HEIGHT - 20.0 * MM;
/// The margin at which lines begin, and the other one.
const INNER: f32 = 22.0 * MM;
const OUTER: f32 = 18.0 * MM;
/// The column of seconds, and the gap before it.
const PROOFS: f32 = 20.0 * MM;
const GAP: f32 = 8.0 * MM;

const BODY_SIZE: f32 = 10.6;
const SMALL_SIZE: f32 = 8.6;

/// Pages of one document. A release of one page in ten is long; whoever writes more than this has
/// pasted another document into it.
const PAGES_MAX: usize = 200;

/// Why there is no PDF.
#[derive(Debug, thiserror::Error)]
pub enum PdfError {
    /// The embedded typefaces cannot be read.
    #[error("the typefaces of this program cannot be read")]
    Typefaces,
    /// The text is longer than [`PAGES_MAX`] pages.
    #[error("the release is longer than {PAGES_MAX} pages")]
    TooLong,
    /// The PDF cannot be written.
    #[error("the PDF cannot be written: {0}")]
    Writing(String),
}

/// The version in `language` as a PDF. The same edition gives the same bytes.
///
/// # Errors
/// [`PdfError`]; for a release of ordinary length never.
pub fn pdf(edition: &Edition<'_>, language: &Language) -> Result<Vec<u8>, PdfError> {
    let fonts: Option<Vec<Font>> =
        Face::ALL.into_iter().map(|face| Font::new(face.bytes().into(), 0)).collect();
    let fonts = fonts.ok_or(PdfError::Typefaces)?;
    let units = |face: Face| fonts[index(face)].units_per_em();
    let typesetter = Typesetter::new(units).ok_or(PdfError::Typefaces)?;
    let right_to_left = words(language).right_to_left;
    let mut layout =
        Layout { typesetter: &typesetter, right_to_left, pages: vec![Vec::new()], y: TOP };
    compose(&mut layout, edition, language)?;

    let mut document = Document::new();
    let direction = match right_to_left {
        true => TextDirection::RightToLeft,
        false => TextDirection::LeftToRight,
    };
    document.set_metadata(
        Metadata::new()
            .title(clean(&edition.headline(language)))
            .language(language.to_string())
            .text_direction(direction)
            .creator("Plenary".to_owned()),
    );
    let count = layout.pages.len();
    for (number, mut drawn) in std::mem::take(&mut layout.pages).into_iter().enumerate() {
        let foot = format!("{} / {count}", number + 1);
        let style = Style { size: SMALL_SIZE, bold: false, rise: 0.0, link: None };
        let lines = typesetter.lines(&[Stretch { text: foot, style }], false, PAGE_WIDTH);
        for line in lines {
            let x = (PAGE_WIDTH - line.width) / 2.0;
            drawn.push(Drawn::Text { x, baseline: PAGE_HEIGHT - 11.0 * MM, line });
        }
        let settings = PageSettings::from_wh(PAGE_WIDTH, PAGE_HEIGHT)
            .ok_or_else(|| PdfError::Writing("the size of a page".to_owned()))?;
        draw(document.start_page_with(settings), &drawn, &fonts);
    }
    document.finish().map_err(|error| PdfError::Writing(format!("{error:?}")))
}

/// What stands on a page.
enum Drawn {
    Text { x: f32, baseline: f32, line: Line },
    Rule { x: f32, y: f32, thickness: f32 },
}

/// Where a line stands between the margins.
#[derive(Clone, Copy, PartialEq)]
enum Align {
    /// Where reading begins.
    Start,
    Centre,
    /// Where reading ends.
    End,
}

struct Layout<'a> {
    typesetter: &'a Typesetter,
    right_to_left: bool,
    pages: Vec<Vec<Drawn>>,
    y: f32,
}

fn compose(
    layout: &mut Layout<'_>,
    edition: &Edition<'_>,
    language: &Language,
) -> Result<(), PdfError> {
    let labels = &words(language).labels;
    let blocks = edition.blocks(language);
    let letterhead = blocks.iter().find(|block| block.part == Part::Letterhead);
    let name = letterhead.map(Block::text).unwrap_or_default();
    layout.both(&[plain(&name, 14.5, true)], &[plain(labels.press_release, 10.0, true)])?;
    layout.y += 2.0;
    layout.rule(2.2);
    layout.y += 2.0;
    layout.rule(0.8);
    layout.y += 5.0;
    let status = edition.status_line(language);
    let issued = edition.issued_line(language).unwrap_or_default();
    layout.both(&[plain(&status, SMALL_SIZE, true)], &[plain(&issued, SMALL_SIZE, false)])?;
    if let Some(correction) = edition.correction() {
        layout.y += 2.0 * MM;
        layout.text(&[plain(&correction, SMALL_SIZE, false)], Align::Start, 0.0)?;
    }
    layout.y += 7.0 * MM;
    if edition.is_withdrawn() {
        let headline = edition.release.text_of(language, Part::Headline);
        return layout.text(&[plain(&headline, 22.0, false)], Align::Start, 0.0);
    }
    for block in blocks {
        match block.part {
            Part::Letterhead => {}
            Part::Headline => {
                layout.text(&[plain(&block.text(), 22.0, false)], Align::Start, 8.0 * MM)?;
                layout.y += 2.0 * MM;
            }
            Part::Deck => {
                layout.text(&[plain(&block.text(), 12.5, false)], Align::Start, 20.0 * MM)?;
                layout.y += 6.0 * MM;
            }
            Part::EndMark => {
                layout.y += 2.0;
                layout.text(
                    &[plain(&block.text(), BODY_SIZE, false)],
                    Align::Centre,
                    PROOFS + GAP,
                )?;
                layout.y += 8.0;
            }
            Part::Lede | Part::Intervention | Part::Paragraph | Part::Thanks | Part::Outlook => {
                layout.paragraph(edition, block)?;
                layout.y += 8.5;
            }
            Part::Boilerplate | Part::Contact | Part::Notice | Part::Prevailing => {
                let mut stretches = Vec::new();
                if let Some(label) = label(block.part, language) {
                    stretches.push(plain(label, SMALL_SIZE, true));
                    stretches.push(space(SMALL_SIZE));
                }
                stretches.push(plain(&block.text(), SMALL_SIZE, false));
                layout.text(&stretches, Align::Start, 0.0)?;
                layout.y += 3.0;
            }
        }
    }
    layout.y += 3.0;
    layout.rule(0.5);
    layout.y += 4.0;
    if edition.record_url.is_some() {
        layout.text(&[plain(labels.statements, SMALL_SIZE, false)], Align::Start, 0.0)?;
    }
    let version = fill(labels.version, &[("", &edition.short_hash())]);
    layout.text(&[plain(&version, SMALL_SIZE, false)], Align::Start, 0.0)
}

fn plain(text: &str, size: f32, bold: bool) -> Stretch {
    Stretch { text: clean(text), style: Style { size, bold, rise: 0.0, link: None } }
}

/// What stands between two texts; [`plain`] would clean it away.
fn space(size: f32) -> Stretch {
    Stretch { text: " ".to_owned(), style: Style { size, bold: false, rise: 0.0, link: None } }
}

impl Layout<'_> {
    /// Lines across the page, less `indent` at the end of the line.
    fn text(&mut self, stretches: &[Stretch], align: Align, indent: f32) -> Result<(), PdfError> {
        let width = PAGE_WIDTH - INNER - OUTER - indent;
        for line in self.typesetter.lines(stretches, self.right_to_left, width) {
            self.room(line.height)?;
            let x = self.place(align, line.width, 0.0, width);
            let (baseline, height) = (self.y + line.ascent, line.height);
            self.put(Drawn::Text { x, baseline, line });
            self.y += height;
        }
        Ok(())
    }

    /// One text where reading begins and one where it ends, on the same line if they fit.
    fn both(&mut self, start: &[Stretch], end: &[Stretch]) -> Result<(), PdfError> {
        let width = PAGE_WIDTH - INNER - OUTER;
        let starts = self.typesetter.lines(start, self.right_to_left, width);
        let ends = self.typesetter.lines(end, self.right_to_left, width);
        match (starts.as_slice(), ends.as_slice()) {
            ([one], [other]) if one.width + other.width + GAP < width => {}
            _ => {
                self.text(start, Align::Start, 0.0)?;
                return self.text(end, Align::Start, 0.0);
            }
        }
        let both = || starts.iter().chain(&ends);
        let ascent = both().map(|line| line.ascent).fold(0.0, f32::max);
        let height = both().map(|line| line.height).fold(0.0, f32::max);
        self.room(height)?;
        let baseline = self.y + ascent;
        for (lines, align) in [(starts, Align::Start), (ends, Align::End)] {
            for line in lines {
                let x = self.place(align, line.width, 0.0, width);
                self.put(Drawn::Text { x, baseline, line });
            }
        }
        self.y += height;
        Ok(())
    }

    /// A paragraph with the numbers of its statements, and their seconds in the margin. Short
    /// paragraphs are not broken over pages.
    fn paragraph(&mut self, edition: &Edition<'_>, block: &Block) -> Result<(), PdfError> {
        let mut stretches = Vec::new();
        let mut proofs = Vec::new();
        for (position, run) in block.runs.iter().enumerate() {
            if position > 0 {
                stretches.push(space(BODY_SIZE));
            }
            let dateline = block.part == Part::Lede && position == 0;
            stretches.push(plain(&run.text, BODY_SIZE, dateline));
            let reference = edition.reference(run).and_then(|(number, cited)| {
                Some((number, edition.clip_url(cited)?, edition.said_at(cited)?))
            });
            if let Some((number, url, at)) = reference {
                let rise = BODY_SIZE * 0.36;
                let style = Style { size: 6.6, bold: true, rise, link: Some(url.clone()) };
                stretches.push(Stretch { text: number.to_string(), style });
                let style = |bold| Style { size: 8.0, bold, rise: 0.0, link: Some(url.clone()) };
                proofs.push([
                    Stretch { text: format!("{number}  "), style: style(true) },
                    Stretch { text: at, style: style(false) },
                ]);
            }
        }
        let width = PAGE_WIDTH - INNER - OUTER - PROOFS - GAP;
        let lines = self.typesetter.lines(&stretches, self.right_to_left, width);
        let proofs: Vec<Line> =
            proofs.iter().flat_map(|proof| self.typesetter.lines(proof, false, PROOFS)).collect();
        let text: f32 = lines.iter().map(|line| line.height).sum();
        let margin: f32 = proofs.iter().map(|line| line.height).sum();
        let whole = text.max(margin);
        if whole <= BOTTOM - TOP {
            self.room(whole)?;
        }
        let (page, top) = (self.pages.len() - 1, self.y);
        for line in lines {
            self.room(line.height)?;
            let x = self.place(Align::Start, line.width, 0.0, width);
            let (baseline, height) = (self.y + line.ascent, line.height);
            self.put(Drawn::Text { x, baseline, line });
            self.y += height;
        }
        let mut y = top;
        for line in proofs {
            // Beside a paragraph that goes on over the page, what has no room is left to the
            // numbers in the text, which lead to the same place.
            if y + line.height > BOTTOM {
                break;
            }
            let x = self.place(Align::End, line.width, width + GAP, PROOFS);
            let (baseline, height) = (y + line.ascent + 1.5, line.height);
            self.pages[page].push(Drawn::Text { x, baseline, line });
            y += height;
        }
        if page == self.pages.len() - 1 {
            self.y = self.y.max(y);
        }
        Ok(())
    }

    fn rule(&mut self, thickness: f32) {
        let x = if self.right_to_left { OUTER } else { INNER };
        let y = self.y;
        self.put(Drawn::Rule { x, y, thickness });
        self.y += thickness;
    }

    /// Begins another page when `height` does not fit on this one.
    fn room(&mut self, height: f32) -> Result<(), PdfError> {
        if self.y + height > BOTTOM && self.y > TOP {
            if self.pages.len() >= PAGES_MAX {
                return Err(PdfError::TooLong);
            }
            self.pages.push(Vec::new());
            self.y = TOP;
        }
        Ok(())
    }

    fn put(&mut self, drawn: Drawn) {
        if let Some(page) = self.pages.last_mut() {
            page.push(drawn);
        }
    }

    /// Left edge of a line of this width in a column that begins `from` after the inner margin.
    fn place(&self, align: Align, line: f32, from: f32, column: f32) -> f32 {
        let offset = match align {
            Align::Start => from,
            Align::Centre => from + (column - line) / 2.0,
            Align::End => from + column - line,
        };
        match self.right_to_left {
            false => INNER + offset,
            true => PAGE_WIDTH - INNER - offset - line,
        }
    }
}

fn draw(mut page: Page<'_>, drawn: &[Drawn], fonts: &[Font]) {
    let mut links = Vec::new();
    let mut surface = page.surface();
    surface.set_fill(Some(Fill { paint: rgb::Color::new(0, 0, 0).into(), ..Fill::default() }));
    for drawn in drawn {
        match drawn {
            Drawn::Rule { x, y, thickness } => {
                let mut path = PathBuilder::new();
                if let Some(rect) = Rect::from_xywh(*x, *y, PAGE_WIDTH - INNER - OUTER, *thickness)
                {
                    path.push_rect(rect);
                }
                if let Some(path) = path.finish() {
                    surface.draw_path(&path);
                }
            }
            Drawn::Text { x, baseline, line } => {
                let mut x = *x;
                for piece in &line.pieces {
                    let y = baseline - piece.rise;
                    surface.draw_glyphs(
                        Point::from_xy(x, y),
                        &piece.glyphs,
                        fonts[index(piece.face)].clone(),
                        &piece.text,
                        piece.size,
                        false,
                    );
                    if let Some(url) = &piece.link {
                        links.push((x, y, piece.width, piece.size, url.clone()));
                    }
                    x += piece.width;
                }
            }
        }
    }
    surface.finish();
    for (x, baseline, width, size, url) in links {
        if let Some(rect) = Rect::from_xywh(x, baseline - size, width, size * 1.3) {
            let target = Target::Action(Action::Link(LinkAction::new(url)));
            page.add_annotation(Annotation::from(LinkAnnotation::new(rect, target)));
        }
    }
    page.finish();
}

fn index(face: Face) -> usize {
    match face {
        Face::Regular => 0,
        Face::Bold => 1,
        Face::Nastaliq => 2,
    }
}
