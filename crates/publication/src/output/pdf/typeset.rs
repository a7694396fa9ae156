//! From text to lines of glyphs: direction (UAX #9), line breaks (UAX #14), typefaces, shaping.
//!
//! A paragraph is shaped once as a whole to measure it, because Nastaliq kerns across spaces and a
//! word alone has another width than in its line; then each line is shaped again as it stands.

use std::ops::Range;

use harfrust::{Direction, FontRef, Script, ShapeOptions, ShaperData, UnicodeBuffer, script};
use krilla::text::{GlyphId, KrillaGlyph};
use unicode_bidi::{BidiInfo, Level};
use unicode_linebreak::{BreakOpportunity, linebreaks};

/// The typefaces that a PDF brings along (crates/publication/fonts).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Face {
    Regular,
    Bold,
    Nastaliq,
}

static REGULAR: &[u8] = include_bytes!("../../../fonts/plenary-serif-regular.ttf");
static BOLD: &[u8] = include_bytes!("../../../fonts/plenary-serif-semibold.ttf");
static NASTALIQ: &[u8] = include_bytes!("../../../fonts/noto-nastaliq-urdu.ttf");

impl Face {
    pub(super) const ALL: [Self; 3] = [Self::Regular, Self::Bold, Self::Nastaliq];

    pub(super) fn bytes(self) -> &'static [u8] {
        match self {
            Self::Regular => REGULAR,
            Self::Bold => BOLD,
            Self::Nastaliq => NASTALIQ,
        }
    }

    /// Baseline to baseline, in font sizes. Nastaliq's letters hang from above.
    fn leading(self) -> f32 {
        match self {
            Self::Regular | Self::Bold => 1.46,
            Self::Nastaliq => 2.2,
        }
    }

    /// From the top of a line to its baseline, in font sizes.
    fn ascent(self) -> f32 {
        match self {
            Self::Regular | Self::Bold => 1.05,
            Self::Nastaliq => 1.4,
        }
    }

    /// Nastaliq is drawn larger beside Latin letters: its letters are smaller in their box.
    fn scale(self) -> f32 {
        match self {
            Self::Regular | Self::Bold => 1.0,
            Self::Nastaliq => 1.12,
        }
    }
}

/// How a stretch of text looks.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Style {
    pub(super) size: f32,
    pub(super) bold: bool,
    /// How far above the line, in points.
    pub(super) rise: f32,
    /// Where it leads.
    pub(super) link: Option<String>,
}

/// A stretch of text in one style.
#[derive(Debug, Clone)]
pub(super) struct Stretch {
    pub(super) text: String,
    pub(super) style: Style,
}

/// Glyphs of one face and style, in the order in which they are drawn from left to right.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) face: Face,
    pub(super) size: f32,
    pub(super) rise: f32,
    pub(super) link: Option<String>,
    pub(super) text: String,
    pub(super) glyphs: Vec<KrillaGlyph>,
    pub(super) width: f32,
}

/// A line.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) pieces: Vec<Piece>,
    pub(super) width: f32,
    /// From its top to its baseline.
    pub(super) ascent: f32,
    pub(super) height: f32,
}

/// Faces, ready to shape.
pub(super) struct Typesetter {
    faces: Vec<(FontRef<'static>, ShaperData, f32)>,
}

impl Typesetter {
    /// `None` when the embedded typefaces cannot be read, which a test excludes.
    pub(super) fn new(units_per_em: impl Fn(Face) -> f32) -> Option<Self> {
        let faces = Face::ALL.map(|face| {
            let font = FontRef::new(face.bytes()).ok()?;
            let data = ShaperData::new(&font);
            Some((font, data, units_per_em(face)))
        });
        Some(Self { faces: faces.into_iter().collect::<Option<_>>()? })
    }

    /// Lines of at most `width` points. A word that is wider has a line of its own.
    pub(super) fn lines(
        &self,
        stretches: &[Stretch],
        right_to_left: bool,
        width: f32,
    ) -> Vec<Line> {
        let text: String = stretches.iter().map(|stretch| stretch.text.as_str()).collect();
        if text.trim().is_empty() {
            return Vec::new();
        }
        let base = if right_to_left { Level::rtl() } else { Level::ltr() };
        let bidi = BidiInfo::new(&text, Some(base));
        let items = items(&text, stretches, &bidi);
        let advances = self.advances(&text, &items);
        let mut lines = Vec::new();
        for range in breaks(&text, &advances, width) {
            lines.push(self.line(&text, &bidi, &items, range));
        }
        lines
    }

    /// What each byte of the text adds to the width; glyphs count at the first byte of their
    /// cluster.
    fn advances(&self, text: &str, items: &[Item<'_>]) -> Vec<f32> {
        let mut advances = vec![0.0; text.len()];
        for item in items {
            let piece = self.shape(text, item.range.clone(), item);
            for glyph in &piece.glyphs {
                let at = item.range.start + glyph.text_range.start;
                advances[at] += glyph.x_advance * piece.size;
            }
        }
        advances
    }

    fn line(
        &self,
        text: &str,
        bidi: &BidiInfo<'_>,
        items: &[Item<'_>],
        range: Range<usize>,
    ) -> Line {
        let mut pieces = Vec::new();
        let paragraph = bidi.paragraphs.iter().find(|paragraph| {
            paragraph.range.start <= range.start && range.end <= paragraph.range.end
        });
        let (levels, runs) = match paragraph {
            Some(paragraph) => bidi.visual_runs(paragraph, range.clone()),
            None => (Vec::new(), vec![range.clone()]),
        };
        for run in runs {
            let right_to_left = levels.get(run.start).is_some_and(|level| level.is_rtl());
            let mut inside: Vec<Piece> = items
                .iter()
                .filter_map(|item| {
                    let start = item.range.start.max(run.start);
                    let end = item.range.end.min(run.end);
                    (start < end).then(|| self.shape(text, start..end, item))
                })
                .collect();
            if right_to_left {
                inside.reverse();
            }
            pieces.extend(inside);
        }
        let measure = |of: fn(Face) -> f32| {
            pieces
                .iter()
                .map(|piece| piece.size / piece.face.scale() * of(piece.face))
                .fold(0.0, f32::max)
        };
        let (ascent, height) = (measure(Face::ascent), measure(Face::leading));
        let width = pieces.iter().map(|piece| piece.width).sum();
        Line { pieces, width, ascent, height }
    }

    fn shape(&self, text: &str, range: Range<usize>, item: &Item<'_>) -> Piece {
        let index = Face::ALL.iter().position(|face| *face == item.face).unwrap_or(0);
        let (font, data, units) = &self.faces[index];
        let mut buffer = UnicodeBuffer::new();
        let part = &text[range.clone()];
        buffer.push_str(part);
        buffer.set_direction(match item.level.is_rtl() {
            true => Direction::RightToLeft,
            false => Direction::LeftToRight,
        });
        buffer.set_script(item.script);
        let shaped = data.shaper(font).build().shape(buffer, ShapeOptions::default());
        let size = item.style.size * item.face.scale();
        let mut starts: Vec<usize> =
            shaped.glyph_infos().iter().map(|info| info.cluster as usize).collect();
        starts.sort_unstable();
        starts.dedup();
        let end_of = |start: usize| {
            let next = starts.partition_point(|other| *other <= start);
            starts.get(next).copied().unwrap_or(part.len())
        };
        let glyphs: Vec<KrillaGlyph> = shaped
            .glyph_infos()
            .iter()
            .zip(shaped.glyph_positions())
            .map(|(info, at)| {
                let start = info.cluster as usize;
                #[expect(clippy::cast_precision_loss, reason = "font units have at most 16 bits")]
                let em = |value: i32| value as f32 / units;
                KrillaGlyph {
                    glyph_id: GlyphId::new(info.glyph_id),
                    text_range: start..end_of(start),
                    x_advance: em(at.x_advance),
                    x_offset: em(at.x_offset),
                    y_offset: em(at.y_offset),
                    y_advance: em(at.y_advance),
                    location: None,
                }
            })
            .collect();
        Piece {
            face: item.face,
            size,
            rise: item.style.rise,
            link: item.style.link.clone(),
            text: part.to_owned(),
            width: glyphs.iter().map(|glyph| glyph.x_advance * size).sum(),
            glyphs,
        }
    }
}

/// A stretch that is shaped as one: one style, face, script and direction.
struct Item<'a> {
    range: Range<usize>,
    style: &'a Style,
    face: Face,
    script: Script,
    level: Level,
}

fn items<'a>(text: &str, stretches: &'a [Stretch], bidi: &BidiInfo<'_>) -> Vec<Item<'a>> {
    let mut items: Vec<Item<'a>> = Vec::new();
    let mut start = 0;
    for stretch in stretches {
        let end = start + stretch.text.len();
        let mut before: Option<(Face, Script)> = None;
        for (at, c) in text[start..end].char_indices() {
            let at = start + at;
            let (face, script) = face_and_script(c, &stretch.style, before);
            before = Some((face, script));
            let level = bidi.levels[at];
            let next = at + c.len_utf8();
            match items.last_mut() {
                Some(item)
                    if item.range.end == at
                        && item.range.start >= start
                        && (item.face, item.script, item.level) == (face, script, level) =>
                {
                    item.range.end = next;
                }
                _ => {
                    items.push(Item { range: at..next, style: &stretch.style, face, script, level })
                }
            }
        }
        start = end;
    }
    items
}

/// Arabic script is Nastaliq; spaces and marks that belong to no script follow what stands before.
fn face_and_script(c: char, style: &Style, before: Option<(Face, Script)>) -> (Face, Script) {
    let latin = if style.bold { Face::Bold } else { Face::Regular };
    match c {
        '\u{600}'..='\u{6FF}'
        | '\u{750}'..='\u{77F}'
        | '\u{FB50}'..='\u{FDFF}'
        | '\u{FE70}'..='\u{FEFE}' => (Face::Nastaliq, script::ARABIC),
        ' ' | '\u{A0}' | '\u{200C}' | '\u{200D}' | '\u{300}'..='\u{36F}' => {
            before.unwrap_or((latin, script::LATIN))
        }
        '\u{400}'..='\u{52F}' => (latin, script::CYRILLIC),
        '\u{370}'..='\u{3FF}' => (latin, script::GREEK),
        _ => (latin, script::LATIN),
    }
}

/// Where the lines begin and end.
fn breaks(text: &str, advances: &[f32], width: f32) -> Vec<Range<usize>> {
    let measure = |range: Range<usize>| -> f32 {
        let trimmed = text[range.clone()].trim_end_matches(' ').len();
        advances[range.start..range.start + trimmed].iter().sum()
    };
    let mut lines = Vec::new();
    let (mut start, mut last) = (0, 0);
    for (at, kind) in linebreaks(text) {
        if measure(start..at) > width && last > start {
            lines.push(start..last);
            start = last;
        }
        last = at;
        if kind == BreakOpportunity::Mandatory && at < text.len() {
            lines.push(start..at);
            start = at;
        }
    }
    if start < text.len() {
        lines.push(start..text.len());
    }
    lines
        .into_iter()
        .map(|line| {
            let trimmed = text[line.clone()].trim_end_matches(' ').len();
            line.start..line.start + trimmed
        })
        .filter(|line| !line.is_empty())
        .collect()
}
