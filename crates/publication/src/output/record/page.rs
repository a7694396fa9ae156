//! The page: HTML that is complete without its script and its style, and fetches nothing from
//! elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use base::{Language, Localized, Millis, PersonId, SegmentId, Timestamp};
use proceedings::RecordStatus;
use serde_json::{Value, json};

use super::words::{Labels, labels};
use super::{Addresses, Media, Record};
use crate::dates::{Day, clock, minute, rfc3339, utc, utc_offset};
use crate::draft::{Frame, about, cited, is_reportable, title};
use crate::facts::{Clearance, Event, Line, Person, Statement};
use crate::names::Names;
use crate::output::{fragment, json_ld, seconds, words};
use crate::text::{clean, escaped};
use crate::words::{Grammar, fill};

/// Drawings of the record statuses (DESIGN.md: discs say how much is recorded) and of the player.
const SPRITE: &str = "<svg class=\"sprite\" aria-hidden=\"true\">\
    <symbol id=\"on\" viewBox=\"0 0 16 16\"><circle cx=\"8\" cy=\"8\" r=\"7\"/></symbol>\
    <symbol id=\"chatham\" viewBox=\"0 0 16 16\"><path d=\"M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Zm0 \
    1.8A5.2 5.2 0 0 1 13.2 8H2.8A5.2 5.2 0 0 1 8 2.8Z\"/></symbol>\
    <symbol id=\"off\" viewBox=\"0 0 16 16\"><path d=\"M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Zm0 1.8c1.1 \
    0 2.15.35 3 .95L3.75 11A5.2 5.2 0 0 1 8 2.8Zm0 10.4c-1.1 0-2.15-.35-3-.95L12.25 5A5.2 5.2 0 0 1 \
    8 13.2Z\"/></symbol></svg>\n";

/// The page of the record in `language`.
pub fn page(record: &Record<'_>, language: &Language) -> String {
    Page::new(record, language).html()
}

/// A page that says why there is no record to read: it is not public, or no longer since the
/// moment given.
pub fn absent(
    event: &Event,
    addresses: &Addresses,
    release: &[Language],
    withdrawn: Option<Timestamp>,
    language: &Language,
) -> String {
    let labels = labels(language);
    let (heading, text) = match withdrawn {
        None => (labels.absent_title, labels.absent_text.to_owned()),
        Some(at) => {
            let moment = moment(event, at, language);
            (labels.withdrawn_title, fill(labels.withdrawn_text, &[("", &moment)]))
        }
    };
    let of_event = best(&event.title, event, language);
    let release = match release.is_empty() {
        true => String::new(),
        false => format!(
            "<a class=\"act\" href=\"{}/release\">{}</a> ",
            escaped(&addresses.event),
            escaped(labels.release)
        ),
    };
    let body = format!(
        "<main class=\"absent\">\n<p class=\"of\">{}</p>\n<h1>{}</h1>\n<p>{}</p>\n\
         <p>{release}<a class=\"act\" href=\"{}\">{}</a></p>\n</main>\n",
        escaped(&of_event),
        escaped(heading),
        escaped(&text),
        escaped(&addresses.event),
        escaped(labels.event),
    );
    let head = "<meta name=\"robots\" content=\"noindex\">\n";
    let languages = languages(event, addresses, language);
    let title = format!("{heading}: {of_event}");
    document(event, addresses, language, &title, head, &languages, &body, None)
}

struct Page<'a> {
    record: &'a Record<'a>,
    language: &'a Language,
    labels: &'static Labels,
    names: Names,
    nameable: BTreeSet<PersonId>,
    titles: BTreeMap<SegmentId, String>,
    transcript: Vec<&'a Line>,
}

impl<'a> Page<'a> {
    fn new(record: &'a Record<'a>, language: &'a Language) -> Self {
        Self {
            record,
            language,
            labels: labels(language),
            names: Names::new(record.facts),
            nameable: record.facts.nameable(),
            titles: record.titles(language),
            transcript: record.transcript(language),
        }
    }

    fn html(&self) -> String {
        let (record, labels) = (self.record, self.labels);
        let (event, addresses) = (&record.facts.event, record.addresses);
        let name = best(&event.title, event, self.language);
        let occasion = event.occasion.as_ref().map(|text| best(text, event, self.language));
        let occasion = occasion.filter(|text| !text.is_empty());
        let occasion =
            occasion.map(|text| format!("<p class=\"occasion\">{}</p>\n", escaped(&text)));
        let organisers: Vec<String> = event
            .organisers
            .iter()
            .map(|body| escaped(&best(&body.name, event, self.language)))
            .collect();
        let body = format!(
            "<main>\n<header class=\"title\">\n<p class=\"of\">{of}</p>\n<h1>{title}</h1>\n{occasion}\
             <p class=\"when\">{when}</p>\n<p class=\"by\">{by}: {organisers}</p>\n</header>\n\
             <div class=\"hall\">\n{player}{transcript}</div>\n<div class=\"papers\">\n{statements}\
             <div class=\"shelf\">\n{people}{documents}{attendance}</div>\n</div>\n</main>\n",
            of = escaped(labels.record),
            title = escaped(&name),
            occasion = occasion.unwrap_or_default(),
            when = escaped(&record.held(self.language)),
            by = escaped(labels.held_by),
            organisers = organisers.join(" · "),
            player = self.player(),
            transcript = self.transcript(),
            statements = self.statements(),
            people = self.people(),
            documents = self.documents(),
            attendance = self.attendance(),
        );
        let url = |tag: &Language| format!("{}{}/record/{tag}", addresses.origin, addresses.event);
        let mut head =
            format!("<link rel=\"canonical\" href=\"{}\">\n", escaped(&url(self.language)));
        for other in &event.languages {
            head.push_str(&format!(
                "<link rel=\"alternate\" hreflang=\"{}\" href=\"{}\">\n",
                escaped(other.as_str()),
                escaped(&url(other))
            ));
        }
        let data = json_ld::in_script(&self.data());
        head.push_str(&format!("<script type=\"application/ld+json\">{data}</script>\n"));
        let published = moment(event, record.published, self.language);
        let published = fill(labels.published, &[("", &published)]);
        let languages = languages(event, addresses, self.language);
        let title = format!("{}: {name}", labels.record);
        document(
            event,
            addresses,
            self.language,
            &title,
            &head,
            &languages,
            &body,
            Some(&published),
        )
    }

    /// The files of the recording, the tools that the script brings to life, and the parts.
    fn player(&self) -> String {
        let (record, labels) = (self.record, self.labels);
        let mut out = format!(
            "<section class=\"player\" aria-labelledby=\"recording\">\n\
             <h2 id=\"recording\" class=\"vh\">{}</h2>\n",
            escaped(labels.recording)
        );
        if record.media.is_empty() {
            out.push_str(&format!("<p class=\"notice\">{}</p>\n", escaped(labels.no_recording)));
        }
        for (number, media) in record.media.iter().enumerate() {
            out.push_str(&self.file(number, media));
        }
        if !record.media.is_empty() {
            let captions: String = record
                .transcribed()
                .iter()
                .map(|tag| option(tag.as_str(), &own_name(tag), *tag == self.language))
                .collect();
            let pictures = record.media.iter().any(|media| media.picture);
            let captions = match pictures && !captions.is_empty() {
                false => String::new(),
                true => format!(
                    "<label class=\"choice\">{} <select id=\"captions\">{}{captions}</select></label>\n",
                    escaped(labels.captions),
                    option("", labels.captions_off, false)
                ),
            };
            out.push_str(&format!(
                "<div class=\"tools\" id=\"tools\" hidden>\n<button type=\"button\" class=\"first\" \
                 id=\"play\" data-pause=\"{}\">{}</button>\n<output class=\"clock\" id=\"clock\" \
                 aria-live=\"off\"></output>\n{captions}<button type=\"button\" id=\"copy\" \
                 data-done=\"{}\">{}</button>\n<p class=\"keys\">{}</p>\n</div>\n",
                escaped(labels.pause),
                escaped(labels.play),
                escaped(labels.copied),
                escaped(labels.copy),
                escaped(labels.keys),
            ));
        }
        out.push_str(&self.parts());
        out.push_str("</section>\n");
        out
    }

    fn file(&self, number: usize, media: &Media) -> String {
        let record = self.record;
        let address = escaped(&record.addresses.file(media));
        let element = if media.picture { "video" } else { "audio" };
        let tracks = format!("{}/record/tracks/{number}", record.addresses.event);
        let mut inner = String::new();
        for tag in record.transcribed() {
            let default = if tag == self.language { " default" } else { "" };
            inner.push_str(&format!(
                "<track kind=\"captions\" src=\"{}/{tag}.vtt\" srclang=\"{tag}\" label=\"{}\"{default}>",
                escaped(&tracks),
                own_name(tag),
            ));
        }
        let language = escaped(self.language.as_str());
        inner.push_str(&format!(
            "<track kind=\"chapters\" src=\"{}/chapters.{language}.vtt\" srclang=\"{language}\">",
            escaped(&tracks)
        ));
        let (name, lasts) = (self.file_name(number), self.lasts(media));
        let spans: Vec<[u64; 3]> = media
            .spans
            .iter()
            .map(|span| [span.at.0, span.span.start.0, span.span.end.0])
            .collect();
        // Only the first is looked into before somebody asks for it.
        let preload = if number == 0 { "metadata" } else { "none" };
        format!(
            "<figure class=\"file\">\n<{element} controls playsinline preload=\"{preload}\" \
             src=\"{address}\" aria-label=\"{label}\" data-spans=\"{spans}\">{inner}</{element}>\n\
             <figcaption><a href=\"{address}\" download>{label}</a>{lasts}</figcaption>\n</figure>\n",
            label = escaped(&name),
            spans = escaped(&json!(spans).to_string()),
        )
    }

    fn file_name(&self, number: usize) -> String {
        match self.record.media.len() {
            1 => self.labels.recording.to_owned(),
            _ => fill(self.labels.recording_part, &[("", &(number + 1).to_string())]),
        }
    }

    /// From when to when a file lasts.
    fn lasts(&self, media: &Media) -> String {
        let event = &self.record.facts.event;
        let at = |moment| clock(event.opened, moment, &event.time_zone);
        let (first, last) = (media.spans.first(), media.spans.last());
        let lasts = first.zip(last).map(|(first, last)| {
            format!(" <bdi>{}–{}</bdi>", at(first.span.start), at(last.span.end))
        });
        lasts.unwrap_or_default()
    }

    fn parts(&self) -> String {
        let (record, labels) = (self.record, self.labels);
        let mut out =
            format!("<nav class=\"parts\" aria-label=\"{}\">\n<ol>\n", escaped(labels.parts));
        for (number, stretch) in record.stretches.iter().enumerate() {
            let open = stretch.status == RecordStatus::OnTheRecord;
            let who = match open {
                true => self.floor(&stretch.segment).join(" · "),
                false => labels.not_recorded.to_owned(),
            };
            let span = format!(
                " data-t=\"{}\" data-until=\"{}\"",
                seconds(stretch.span.start),
                seconds(stretch.span.end)
            );
            out.push_str(&format!(
                "<li class=\"{}\"{}><a href=\"#part-{number}\">{}<span class=\"name\">{}</span>\
                 <span class=\"who\">{}</span></a></li>\n",
                class(stretch.status),
                if open { &span } else { "" },
                mark(stretch.status, labels),
                escaped(self.title(&stretch.segment)),
                escaped(&who),
            ));
        }
        out.push_str("</ol>\n</nav>\n");
        out
    }

    fn title(&self, segment: &SegmentId) -> &str {
        self.titles.get(segment).map_or("", String::as_str)
    }

    /// Who is named for the floor of a part and may be named.
    fn floor(&self, segment: &SegmentId) -> Vec<String> {
        let facts = self.record.facts;
        let floor = facts.segment(segment).map(|segment| segment.floor.as_slice());
        floor
            .unwrap_or_default()
            .iter()
            .filter(|id| self.nameable.contains(id))
            .filter_map(|id| facts.person(id))
            .map(|person| styled(person, &facts.event, self.language))
            .collect()
    }

    fn transcript(&self) -> String {
        let (record, labels) = (self.record, self.labels);
        let event = &record.facts.event;
        let mut out = format!(
            "<section class=\"follow\" id=\"transcript\" aria-labelledby=\"transcript-title\">\n\
             <div class=\"head\"><h2 id=\"transcript-title\">{title}</h2>\n\
             <form class=\"search\" id=\"search\" role=\"search\" hidden>\
             <input type=\"search\" id=\"wanted\" aria-label=\"{search}\" placeholder=\"{search}\" \
             autocomplete=\"off\" spellcheck=\"false\">\
             <output id=\"found\" data-found=\"{found}\" data-none=\"{none}\"></output>\
             <button type=\"button\" id=\"previous\" aria-label=\"{previous}\">\u{2191}</button>\
             <button type=\"submit\" id=\"next\" aria-label=\"{next}\">\u{2193}</button></form></div>\n\
             <div class=\"text\" id=\"text\" tabindex=\"0\" role=\"region\" aria-label=\"{follows}\">\n",
            title = escaped(labels.transcript),
            search = escaped(labels.search),
            found = escaped(labels.found),
            none = escaped(labels.found_none),
            previous = escaped(labels.previous),
            next = escaped(labels.next),
            follows = escaped(labels.follows),
        );
        if self.transcript.is_empty() {
            out.push_str(&format!("<p class=\"notice\">{}</p>\n", escaped(labels.no_transcript)));
        }
        let mut taken = BTreeSet::new();
        for (number, stretch) in record.stretches.iter().enumerate() {
            out.push_str(&format!(
                "<section class=\"part\" aria-labelledby=\"part-{number}\">\n<h3 id=\"part-{number}\">{}\
                 <span>{}</span> <span class=\"status\">{}</span></h3>\n",
                mark(stretch.status, labels),
                escaped(self.title(&stretch.segment)),
                escaped(labels.status(stretch.status)),
            ));
            match stretch.status {
                RecordStatus::OnTheRecord => {}
                RecordStatus::ChathamHouseRule => out.push_str(&format!(
                    "<p class=\"notice chatham\">{}</p>\n",
                    escaped(labels.chatham_notice)
                )),
                RecordStatus::OffTheRecord => {
                    out.push_str(&format!(
                        "<p class=\"notice\">{}</p>\n",
                        escaped(labels.off_notice)
                    ));
                }
            }
            let mut before: Option<&Line> = None;
            let between = self.transcript.partition_point(|line| line.start < stretch.span.start);
            let held = self.transcript.iter().skip(between);
            for line in held.take_while(|line| line.start < stretch.span.end) {
                if stretch.holds(line) {
                    out.push_str(&self.line(line, before, event, &mut taken));
                    before = Some(line);
                }
            }
            out.push_str("</section>\n");
        }
        out.push_str("</div>\n</section>\n");
        out
    }

    fn line(
        &self,
        line: &Line,
        before: Option<&Line>,
        event: &Event,
        taken: &mut BTreeSet<Millis>,
    ) -> String {
        let rule = line.record != RecordStatus::OnTheRecord;
        let withheld = words(&line.language).labels.name_withheld;
        let text = escaped(&clean(&self.names.redacted(&clean(&line.text), rule, withheld)));
        let lang = self.lang(&line.language);
        if rule {
            return format!("<p class=\"said\"><span class=\"words\"{lang}>{text}</span></p>\n");
        }
        let again = before.is_some_and(|before| before.speaker == line.speaker);
        let speaker = match again {
            true => String::new(),
            false => {
                let name = self.record.speaker(line, &self.nameable, self.language);
                format!("<b class=\"speaker\">{}</b> ", escaped(&name))
            }
        };
        let id = match taken.insert(line.start) {
            true => format!(" id=\"t={}\"", seconds(line.start)),
            false => String::new(),
        };
        format!(
            "<p class=\"said\"{id} data-t=\"{}\" data-until=\"{}\">{}{speaker}\
             <span class=\"words\"{lang}>{text}</span></p>\n",
            seconds(line.start),
            seconds(line.end),
            self.time(event, line.start, None),
        )
    }

    /// The time of day, leading to that second of the recording where there is one.
    fn time(&self, event: &Event, start: Millis, end: Option<Millis>) -> String {
        let at = clock(event.opened, start, &event.time_zone);
        match self.record.place(start) {
            Some((media, place)) => {
                let length = end.map(|end| end.0.saturating_sub(start.0));
                let until = length.map(|length| format!(",{}", seconds(Millis(place.0 + length))));
                format!(
                    "<a class=\"at\" dir=\"ltr\" href=\"{}#t={}{}\">{at}</a>",
                    escaped(&self.record.addresses.file(media)),
                    seconds(place),
                    until.unwrap_or_default()
                )
            }
            None => format!("<span class=\"at\" dir=\"ltr\">{at}</span>"),
        }
    }

    fn statements(&self) -> String {
        let labels = self.labels;
        let mut out = String::new();
        for segment in &self.record.facts.segments {
            let mut made: Vec<&Statement> =
                self.cleared().filter(|statement| statement.segment == segment.id).collect();
            made.sort_by_key(|statement| (statement.start, statement.id));
            let items: String = made.iter().filter_map(|one| self.statement(one)).collect();
            if !items.is_empty() {
                out.push_str(&format!(
                    "<h3>{}<span>{}</span></h3>\n<ol>\n{items}</ol>\n",
                    mark(segment.status(), labels),
                    escaped(self.title(&segment.id)),
                ));
            }
        }
        if out.is_empty() {
            return String::new();
        }
        format!(
            "<section class=\"statements\" aria-labelledby=\"statements\">\n\
             <h2 id=\"statements\">{} <small>{}</small></h2>\n{out}</section>\n",
            escaped(labels.statements),
            escaped(labels.statements_note),
        )
    }

    /// What may stand in public: cleared by its speaker, as it is.
    fn cleared(&self) -> impl Iterator<Item = &Statement> {
        let facts = self.record.facts;
        facts.statements.iter().filter(|statement| {
            statement.clearance == Clearance::Cleared && is_reportable(facts, statement)
        })
    }

    /// A statement, in the page's language or else in the one in which it was made. Its identifier
    /// is what a release's address of it ends in.
    fn statement(&self, statement: &Statement) -> Option<String> {
        let facts = self.record.facts;
        let dated = Day::of(facts.event.opened, &facts.event.time_zone);
        let original = facts.event.languages.first()?;
        let tags = [self.language, &statement.original].into_iter();
        let (tag, sentence) = tags.chain(statement.words.keys()).find_map(|tag| {
            let frame = Frame::new(facts, tag, original, dated)?;
            Some((tag, frame.alone(statement)?))
        })?;
        let withheld = words(tag).labels.name_withheld;
        let text = clean(&self.names.redacted(&sentence, statement.is_under_rule(), withheld));
        let (text, lang) = (escaped(&text), self.lang(tag));
        Some(match cited(statement).span {
            Some(span) => format!(
                "<li id=\"{}\" data-t=\"{}\" data-until=\"{}\" data-statement=\"{}\">{}<p{lang}>{text}</p></li>\n",
                fragment(span),
                seconds(span.start),
                seconds(span.end),
                statement.id,
                self.time(&facts.event, span.start, Some(span.end)),
            ),
            None => format!("<li><p{lang}>{text}</p></li>\n"),
        })
    }

    fn people(&self) -> String {
        let (facts, labels) = (self.record.facts, self.labels);
        let rows: String = facts
            .people
            .iter()
            .filter(|person| self.nameable.contains(&person.id))
            .map(|person| {
                let title = title(person, self.language, &facts.event.languages);
                let role = person.roles.iter().find_map(|role| labels.role(*role));
                let lines: String = [title.as_deref(), role]
                    .into_iter()
                    .flatten()
                    .map(|line| format!("<span>{}</span>", escaped(line)))
                    .collect();
                let name = escaped(&styled(person, &facts.event, self.language));
                format!("<li><b>{name}</b>{lines}</li>\n")
            })
            .collect();
        match rows.is_empty() {
            true => String::new(),
            false => shelf("people", labels.people, &rows),
        }
    }

    fn documents(&self) -> String {
        let (record, labels) = (self.record, self.labels);
        let event = escaped(&record.addresses.event);
        let link = |address: &str, text: &str| format!("<a href=\"{address}\">{text}</a>");
        let comma = words(self.language).comma;
        let mut rows = String::new();
        for tag in record.release {
            let of = |form: &str| format!("{event}/release/{tag}{form}");
            let forms: Vec<String> = [".pdf", ".docx", ".txt", ".md"]
                .iter()
                .map(|form| link(&of(form), &form[1..].to_uppercase()))
                .collect();
            rows.push_str(&format!(
                "<li>{} <span>{}</span></li>\n",
                link(&of(""), &format!("{}{comma}{}", escaped(labels.release), own_name(tag))),
                forms.join(" ")
            ));
        }
        for tag in record.transcribed() {
            let of = |form: &str| format!("{event}/record/{tag}{form}");
            rows.push_str(&format!(
                "<li><span class=\"what\">{}{comma}{}</span> <span>{} {}</span></li>\n",
                escaped(labels.transcript),
                own_name(tag),
                link(&of(".txt"), &escaped(labels.as_text)),
                link(&of(".vtt"), &escaped(labels.as_captions)),
            ));
        }
        for (number, media) in record.media.iter().enumerate() {
            rows.push_str(&format!(
                "<li><a href=\"{}\" download>{}</a> <span>{}</span></li>\n",
                escaped(&record.addresses.file(media)),
                escaped(&self.file_name(number)),
                self.lasts(media),
            ));
        }
        match rows.is_empty() {
            true => String::new(),
            false => shelf("documents", labels.documents, &rows),
        }
    }

    fn attendance(&self) -> String {
        let facts = self.record.facts;
        let Some(count) = facts.event.attendance.filter(|_| !facts.has_chatham_house()) else {
            return String::new();
        };
        let text = fill(self.labels.attended, &[("", &count.to_string())]);
        shelf("attendance", self.labels.attendance, &format!("<li>{}</li>\n", escaped(&text)))
    }

    /// The event and the files of its recording (schema.org), with the statements as clips.
    fn data(&self) -> Value {
        let (record, facts) = (self.record, self.record.facts);
        let event = &facts.event;
        let (about, addresses) = (about(facts), record.addresses);
        let absolute = |path: &str| format!("{}{path}", addresses.origin);
        let page = absolute(&addresses.record());
        let id = format!("{}#event", absolute(&addresses.event));
        let name = best(&event.title, event, self.language);
        let organisers: Vec<Value> = event
            .organisers
            .iter()
            .map(|body| json!({"@type": "Organization", "name": best(&body.name, event, self.language)}))
            .collect();
        let performers: Vec<Value> = about
            .people
            .iter()
            .map(|person| {
                let mut value =
                    json!({"@type": "Person", "name": best(&person.name, event, self.language)});
                if let Some(title) = &person.title {
                    value["jobTitle"] = json!(best(title, event, self.language));
                }
                value
            })
            .collect();
        let at = |moment: Millis| event.opened.plus(moment);
        let mut graph = vec![json!({
            "@type": "Event",
            "@id": id,
            "name": name,
            "startDate": rfc3339(event.opened, &event.time_zone),
            "endDate": rfc3339(record.closed, &event.time_zone),
            "eventAttendanceMode": "https://schema.org/OnlineEventAttendanceMode",
            "location": {"@type": "VirtualLocation", "url": absolute(&addresses.event)},
            "organizer": organisers,
            "performer": performers,
            "url": page,
        })];
        for media in record.media {
            let (Some(first), Some(last)) = (media.spans.first(), media.spans.last()) else {
                continue;
            };
            let length = last.at.0 + last.span.end.0.saturating_sub(last.span.start.0);
            let clips: Vec<Value> =
                self.cleared().filter_map(|statement| self.clip(statement, media, &page)).collect();
            graph.push(json!({
                "@type": if media.picture { "VideoObject" } else { "AudioObject" },
                "name": name,
                "contentUrl": absolute(&addresses.file(media)),
                "encodingFormat": if media.picture { "video/webm" } else { "audio/webm" },
                "uploadDate": utc(record.published),
                "dateCreated": rfc3339(at(first.span.start), &event.time_zone),
                "duration": format!("PT{}S", length.div_ceil(1_000)),
                "url": page,
                "recordedAt": {"@id": id},
                "hasPart": clips,
            }));
        }
        json!({"@context": "https://schema.org", "@graph": graph})
    }

    fn clip(&self, statement: &Statement, media: &Media, page: &str) -> Option<Value> {
        let span = cited(statement).span?;
        let place = media.place(span.start)?;
        let speaker = self.record.facts.person(statement.speaker.as_ref()?)?;
        Some(json!({
            "@type": "Clip",
            "name": best(&speaker.name, &self.record.facts.event, self.language),
            "startOffset": place.0 / 1_000,
            "endOffset": (place.0 + span.end.0.saturating_sub(span.start.0)).div_ceil(1_000),
            "url": format!("{page}#{}", fragment(span)),
        }))
    }

    /// Says that a text is in another language than the page.
    fn lang(&self, tag: &Language) -> String {
        match tag == self.language {
            true => String::new(),
            false => said_in(tag),
        }
    }
}

impl Record<'_> {
    /// What the parts are called.
    pub(super) fn titles(&self, language: &Language) -> BTreeMap<SegmentId, String> {
        let named = about(self.facts).programme.into_iter().map(|part| {
            let own = part.title.as_ref().map(|title| best(title, &self.facts.event, language));
            let own = own.filter(|title| !title.is_empty());
            (part.id, own.unwrap_or_else(|| (words(language).kind)(part.kind).to_owned()))
        });
        named.collect()
    }

    /// The day, by the clock of the event's city.
    pub(super) fn held(&self, language: &Language) -> String {
        let event = &self.facts.event;
        let grammar = words(language);
        fill(
            labels(language).held,
            &[
                ("day", &Day::of(event.opened, &event.time_zone).in_words(grammar)),
                ("from", &minute(event.opened, &event.time_zone)),
                ("until", &minute(self.closed, &event.time_zone)),
                ("city", &best(&event.city, event, language)),
                ("offset", &utc_offset(event.opened, &event.time_zone)),
            ],
        )
    }

    /// Who said a line on the record, if they may be named.
    pub(super) fn speaker(
        &self,
        line: &Line,
        nameable: &BTreeSet<PersonId>,
        language: &Language,
    ) -> String {
        let facts = self.facts;
        let person = line.speaker.as_ref().filter(|id| nameable.contains(id));
        match person.and_then(|id| facts.person(id)) {
            Some(person) => styled(person, &facts.event, language),
            None => labels(language).participant.to_owned(),
        }
    }
}

/// The whole document around a body.
#[expect(clippy::too_many_arguments, reason = "the parts of one template, used by two pages")]
fn document(
    event: &Event,
    addresses: &Addresses,
    language: &Language,
    title: &str,
    head: &str,
    languages: &str,
    body: &str,
    published: Option<&str>,
) -> String {
    let labels = labels(language);
    let styles: String = addresses
        .styles
        .iter()
        .map(|style| format!("<link rel=\"stylesheet\" href=\"{}\">\n", escaped(style)))
        .collect();
    let script = addresses.script.as_ref().filter(|_| published.is_some());
    let script =
        script.map(|path| format!("<script type=\"module\" src=\"{}\"></script>\n", escaped(path)));
    let house = event.organisers.first().map(|body| best(&body.name, event, language));
    let notice = event.notice.as_ref().map(|text| best(text, event, language));
    let notice = notice.filter(|text| !text.is_empty());
    let notice = notice.map(|text| format!("<p>{}</p>\n", escaped(&text)));
    let published = published.map(|text| format!("<p>{}</p>\n", escaped(text)));
    let skip = published.as_ref().map(|_| {
        format!("<a class=\"skip\" href=\"#transcript\">{}</a>\n", escaped(labels.to_transcript))
    });
    format!(
        "<!doctype html>\n<html lang=\"{tag}\" dir=\"{direction}\">\n<head>\n\
         <meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <link rel=\"icon\" href=\"/favicon.svg\">\n\
         <title>{title}</title>\n{head}{styles}{script}</head>\n\
         <body data-opened=\"{opened}\" data-zone=\"{zone}\">\n{SPRITE}{skip}<div class=\"page\">\n\
         <header class=\"house\"><a class=\"name\" href=\"{event}\">{house}</a>\n{languages}</header>\n\
         {body}<footer>\n{notice}{published}</footer>\n</div>\n</body>\n</html>\n",
        tag = escaped(language.as_str()),
        direction = direction(words(language)),
        title = escaped(title),
        script = script.unwrap_or_default(),
        opened = event.opened.0,
        zone = escaped(&event.time_zone),
        skip = skip.unwrap_or_default(),
        event = escaped(&addresses.event),
        house = escaped(&house.unwrap_or_default()),
        notice = notice.unwrap_or_default(),
        published = published.unwrap_or_default(),
    )
}

fn languages(event: &Event, addresses: &Addresses, language: &Language) -> String {
    let links: String = event
        .languages
        .iter()
        .map(|tag| {
            let current = if tag == language { " aria-current=\"true\"" } else { "" };
            format!(
                "<a href=\"{}/{tag}\" hreflang=\"{tag}\"{}{current}>{}</a> ",
                escaped(&addresses.record()),
                said_in(tag),
                own_name(tag),
            )
        })
        .collect();
    let label = escaped(labels(language).languages);
    format!("<nav class=\"languages\" aria-label=\"{label}\">{links}</nav>\n")
}

fn shelf(id: &str, heading: &str, rows: &str) -> String {
    format!(
        "<section aria-labelledby=\"{id}\">\n<h2 id=\"{id}\">{}</h2>\n<ul>\n{rows}</ul>\n</section>\n",
        escaped(heading)
    )
}

fn option(value: &str, text: &str, chosen: bool) -> String {
    let chosen = if chosen { " selected" } else { "" };
    format!("<option value=\"{}\"{chosen}>{}</option>", escaped(value), escaped(text))
}

fn mark(status: RecordStatus, labels: &Labels) -> String {
    let name = class(status);
    let label = escaped(labels.status(status));
    format!(
        "<svg class=\"mark {name}\" role=\"img\" aria-label=\"{label}:\"><use href=\"#{name}\"/></svg>"
    )
}

fn class(status: RecordStatus) -> &'static str {
    match status {
        RecordStatus::OnTheRecord => "on",
        RecordStatus::ChathamHouseRule => "chatham",
        RecordStatus::OffTheRecord => "off",
    }
}

fn said_in(tag: &Language) -> String {
    let known = words(tag).code == tag.as_str();
    let direction = if known { direction(words(tag)) } else { "auto" };
    format!(" lang=\"{}\" dir=\"{direction}\"", escaped(tag.as_str()))
}

/// A language's own name, or its tag where that is not known here.
fn own_name(tag: &Language) -> String {
    let grammar = words(tag);
    let name = if grammar.code == tag.as_str() { grammar.own_name } else { tag.as_str() };
    escaped(name)
}

fn direction(grammar: &Grammar) -> &'static str {
    if grammar.right_to_left { "rtl" } else { "ltr" }
}

/// "Tuesday, 9 February 2021, 17:46 in Karachi (UTC+5)", in the form that says when.
fn moment(event: &Event, at: Timestamp, language: &Language) -> String {
    let grammar = words(language);
    fill(
        grammar.labels.moment,
        &[
            ("day", &Day::of(at, &event.time_zone).with_weekday(grammar)),
            ("time", &minute(at, &event.time_zone)),
            ("city", &best(&event.city, event, language)),
            ("offset", &utc_offset(at, &event.time_zone)),
        ],
    )
}

/// Name with what stands before it.
fn styled(person: &Person, event: &Event, language: &Language) -> String {
    let honorific = person.honorific.as_ref().map(|text| best(text, event, language));
    let name = best(&person.name, event, language);
    let values = [("honorific", honorific.as_deref().unwrap_or_default()), ("name", &*name)];
    clean(&fill(words(language).full_name_untitled, &values))
}

fn best(text: &Localized, event: &Event, language: &Language) -> String {
    clean(text.best(language, &event.languages).unwrap_or_default())
}
