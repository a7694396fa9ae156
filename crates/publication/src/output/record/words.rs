//! What the page of a record says around names, statements and the transcript.

use base::Language;
use proceedings::{RecordStatus, Role};

/// The labels of one language.
pub(super) struct Labels {
    code: &'static str,
    pub(super) record: &'static str,
    pub(super) languages: &'static str,
    pub(super) to_transcript: &'static str,
    /// "{day}, {from} to {until} in {city} ({offset})".
    pub(super) held: &'static str,
    pub(super) held_by: &'static str,
    pub(super) recording: &'static str,
    /// `{}` is a number.
    pub(super) recording_part: &'static str,
    pub(super) no_recording: &'static str,
    pub(super) parts: &'static str,
    pub(super) not_recorded: &'static str,
    pub(super) transcript: &'static str,
    pub(super) no_transcript: &'static str,
    pub(super) follows: &'static str,
    pub(super) search: &'static str,
    /// "{n} of {total}".
    pub(super) found: &'static str,
    pub(super) found_none: &'static str,
    pub(super) next: &'static str,
    pub(super) previous: &'static str,
    pub(super) play: &'static str,
    pub(super) pause: &'static str,
    pub(super) captions: &'static str,
    pub(super) captions_off: &'static str,
    pub(super) copy: &'static str,
    pub(super) copied: &'static str,
    pub(super) keys: &'static str,
    pub(super) statements: &'static str,
    pub(super) statements_note: &'static str,
    pub(super) people: &'static str,
    pub(super) documents: &'static str,
    pub(super) release: &'static str,
    pub(super) as_text: &'static str,
    pub(super) as_captions: &'static str,
    pub(super) attendance: &'static str,
    /// `{}` is a number.
    pub(super) attended: &'static str,
    pub(super) participant: &'static str,
    pub(super) event: &'static str,
    /// `{}` is a moment.
    pub(super) published: &'static str,
    pub(super) chatham_notice: &'static str,
    pub(super) off_notice: &'static str,
    pub(super) absent_title: &'static str,
    pub(super) absent_text: &'static str,
    pub(super) withdrawn_title: &'static str,
    /// `{}` is a moment.
    pub(super) withdrawn_text: &'static str,
    /// On the record, Chatham House Rule, off the record.
    statuses: [&'static str; 3],
    /// Moderator, plenary speaker, panellist, concluding speaker.
    roles: [&'static str; 4],
}

impl Labels {
    pub(super) fn status(&self, status: RecordStatus) -> &'static str {
        self.statuses[match status {
            RecordStatus::OnTheRecord => 0,
            RecordStatus::ChathamHouseRule => 1,
            RecordStatus::OffTheRecord => 2,
        }]
    }

    /// What a person did, for those who have a part that everybody sees.
    pub(super) fn role(&self, role: Role) -> Option<&'static str> {
        Some(match role {
            Role::Moderator => self.roles[0],
            Role::PlenarySpeaker => self.roles[1],
            Role::Panellist => self.roles[2],
            Role::ConcludingSpeaker => self.roles[3],
            _ => return None,
        })
    }
}

/// The labels in `language`; in English for a language that has none here.
pub(super) fn labels(language: &Language) -> &'static Labels {
    [&RUSSIAN, &URDU]
        .into_iter()
        .find(|labels| labels.code == language.as_str())
        .unwrap_or(&ENGLISH)
}

static ENGLISH: Labels = Labels {
    code: "en",
    record: "Record of the event",
    languages: "Language",
    to_transcript: "To the transcript",
    held: "{day}, {from} to {until} in {city} ({offset})",
    held_by: "Held by",
    recording: "Recording",
    recording_part: "Recording, part {}",
    no_recording: "There is no recording that may be published.",
    parts: "Parts of the event",
    not_recorded: "Not public",
    transcript: "Transcript",
    no_transcript: "Nothing that was said has been written down.",
    follows: "Text that follows the sound",
    search: "Search the transcript",
    found: "{n} of {total}",
    found_none: "Nothing found",
    next: "Next place",
    previous: "Previous place",
    play: "Play",
    pause: "Pause",
    captions: "Captions",
    captions_off: "Off",
    copy: "Copy the link to this second",
    copied: "Link copied",
    keys: "Keys: space plays and pauses, the arrows move by five seconds, / searches.",
    statements: "Statements",
    statements_note: "each opens at the second where it was said",
    people: "People",
    documents: "Documents",
    release: "Press release",
    as_text: "text",
    as_captions: "captions",
    attendance: "Attendance",
    attended: "People who took part: {}",
    participant: "A participant",
    event: "Page of the event",
    published: "Published {}",
    chatham_notice: "This part was held under the Chatham House Rule. What was said may be reported; \
                     who said it, and who was present, may not. Its sound and pictures are not public.",
    off_notice: "This part was off the record. Nothing of it was kept.",
    absent_title: "The record of this event is not public",
    absent_text: "Those who hold the event have not published its record. They may still do so.",
    withdrawn_title: "The record of this event was withdrawn",
    withdrawn_text: "It was public and was taken back {}.",
    statuses: ["On the record", "Chatham House Rule", "Off the record"],
    roles: ["Moderator", "Plenary speaker", "Panellist", "Concluding speaker"],
};

static RUSSIAN: Labels = Labels {
    code: "ru",
    record: "Материалы мероприятия",
    languages: "Язык",
    to_transcript: "К стенограмме",
    held: "{day}, {from}–{until}, {city} ({offset})",
    held_by: "Организаторы",
    recording: "Запись",
    recording_part: "Запись, часть {}",
    no_recording: "Записи, которую можно опубликовать, нет.",
    parts: "Части мероприятия",
    not_recorded: "Не публикуется",
    transcript: "Стенограмма",
    no_transcript: "Сказанное не записано текстом.",
    follows: "Текст, следующий за звуком",
    search: "Поиск в стенограмме",
    found: "{n} из {total}",
    found_none: "Ничего не найдено",
    next: "Следующее место",
    previous: "Предыдущее место",
    play: "Слушать",
    pause: "Пауза",
    captions: "Субтитры",
    captions_off: "Нет",
    copy: "Скопировать ссылку на эту секунду",
    copied: "Ссылка скопирована",
    keys: "Клавиши: пробел включает и останавливает, стрелки переходят на пять секунд, / открывает поиск.",
    statements: "Заявления",
    statements_note: "каждое открывается на той секунде, когда оно прозвучало",
    people: "Участники",
    documents: "Документы",
    release: "Пресс-релиз",
    as_text: "текст",
    as_captions: "субтитры",
    attendance: "Присутствие",
    attended: "Число участников: {}",
    participant: "Участник",
    event: "Страница мероприятия",
    published: "Опубликовано {}",
    chatham_notice: "Эта часть прошла по правилу Чатем-Хауса. Сказанное можно передавать; \
                     кто это сказал и кто присутствовал, сообщать нельзя. Звук и изображение не публикуются.",
    off_notice: "Эта часть прошла не под запись. От неё ничего не сохранено.",
    absent_title: "Материалы этого мероприятия не опубликованы",
    absent_text: "Организаторы не публиковали материалы. Они ещё могут это сделать.",
    withdrawn_title: "Материалы этого мероприятия отозваны",
    withdrawn_text: "Они были опубликованы и отозваны {}.",
    statuses: ["Под запись", "Правило Чатем-Хауса", "Не под запись"],
    roles: ["Ведущий", "Пленарный докладчик", "Участник дискуссии", "Заключительное слово"],
};

static URDU: Labels = Labels {
    code: "ur",
    record: "تقریب کا ریکارڈ",
    languages: "زبان",
    to_transcript: "متنِ گفتگو تک",
    held: "{day}، {from} تا {until}، {city} ({offset})",
    held_by: "زیرِ اہتمام",
    recording: "ریکارڈنگ",
    recording_part: "ریکارڈنگ، حصہ {}",
    no_recording: "ایسی کوئی ریکارڈنگ نہیں جو شائع ہو سکے۔",
    parts: "تقریب کے حصے",
    not_recorded: "شائع نہیں ہوتا",
    transcript: "متنِ گفتگو",
    no_transcript: "کہی گئی کوئی بات لکھی نہیں گئی۔",
    follows: "آواز کے ساتھ چلنے والا متن",
    search: "متن میں تلاش",
    found: "{total} میں سے {n}",
    found_none: "کچھ نہیں ملا",
    next: "اگلی جگہ",
    previous: "پچھلی جگہ",
    play: "چلائیں",
    pause: "روکیں",
    captions: "کیپشن",
    captions_off: "بند",
    copy: "اس سیکنڈ کا لنک نقل کریں",
    copied: "لنک نقل ہو گیا",
    keys: "کلیدیں: اسپیس چلاتی اور روکتی ہے، تیر پانچ سیکنڈ آگے پیچھے لے جاتے ہیں، / تلاش کھولتی ہے۔",
    statements: "بیانات",
    statements_note: "ہر بیان اسی سیکنڈ پر کھلتا ہے جب وہ دیا گیا",
    people: "شخصیات",
    documents: "دستاویزات",
    release: "پریس ریلیز",
    as_text: "متن",
    as_captions: "کیپشن",
    attendance: "حاضری",
    attended: "شرکاء کی تعداد: {}",
    participant: "ایک شریک",
    event: "تقریب کا صفحہ",
    published: "اشاعت: {}",
    chatham_notice: "یہ حصہ چیتھم ہاؤس کے اصول کے تحت تھا۔ کہی گئی بات بیان ہو سکتی ہے؛ \
                     کس نے کہی اور کون موجود تھا، یہ نہیں۔ اس کی آواز اور تصویر شائع نہیں ہوتی۔",
    off_notice: "یہ حصہ ریکارڈ سے باہر تھا۔ اس میں سے کچھ محفوظ نہیں کیا گیا۔",
    absent_title: "اس تقریب کا ریکارڈ شائع نہیں ہوا",
    absent_text: "تقریب کے منتظمین نے اس کا ریکارڈ شائع نہیں کیا۔ وہ اب بھی کر سکتے ہیں۔",
    withdrawn_title: "اس تقریب کا ریکارڈ واپس لے لیا گیا",
    withdrawn_text: "یہ شائع ہوا تھا اور واپس لے لیا گیا: {}۔",
    statuses: ["ریکارڈ پر", "چیتھم ہاؤس کا اصول", "ریکارڈ سے باہر"],
    roles: ["ناظم", "مرکزی مقرر", "شریکِ گفتگو", "اختتامی مقرر"],
};
