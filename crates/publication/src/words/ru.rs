//! Russian. Past tense agrees with the speaker's gender; where none is given verbs stand in the
//! present. Names, titles and bodies stand in the nominative everywhere.

use proceedings::SegmentKind;

use super::{Grammar, Labels};
use crate::facts::Gender;
use crate::verbs::ReportingVerb as V;

pub(super) static GRAMMAR: Grammar = Grammar {
    code: "ru",
    right_to_left: false,
    own_name: "Русский",
    months: [
        "января",
        "февраля",
        "марта",
        "апреля",
        "мая",
        "июня",
        "июля",
        "августа",
        "сентября",
        "октября",
        "ноября",
        "декабря",
    ],
    on_weekday: [
        "в понедельник",
        "во вторник",
        "в среду",
        "в четверг",
        "в пятницу",
        "в субботу",
        "в воскресенье",
    ],
    date: "{day}\u{A0}{month} {year}\u{A0}года",
    on_day: "{weekday}, {date}",
    quotes: ("«", "»"),
    and: " и ",
    comma: ", ",
    semicolon: "; ",
    full_stop: '.',
    full_name: "{honorific} {name}, {title}",
    full_name_untitled: "{honorific} {name}",
    dateline: "{city}, {date}.",
    held: [
        "{day}, состоялся вебинар «{title}»{dedication}. Организатор: {organisers}.",
        "{day}, состоялся вебинар «{title}»{dedication}. Организаторы: {organisers}.",
    ],
    dedication: ", посвящённый {}",
    moderator: "Модератор: {person}.",
    plenary: [
        "С пленарным выступлением к участникам обратился {person}.",
        "С пленарным выступлением к участникам обратилась {person}.",
        "Пленарное выступление: {person}.",
    ],
    concluding: [
        "С заключительным словом выступил {person}.",
        "С заключительным словом выступила {person}.",
        "Заключительное слово: {person}.",
    ],
    panellists: "Участие в дискуссии: {people}.",
    attendance: "Число участников: {}.",
    opening: "{subject} {part} {verb}.",
    following: "{subject} {verb}.",
    pronoun: |gender| match gender {
        Gender::Masculine => Some("он"),
        Gender::Feminine => Some("она"),
        Gender::Unspecified => None,
    },
    part: |kind, _| match kind {
        SegmentKind::IntroductoryRemarks => "во вступительном слове",
        SegmentKind::PlenaryAddress => "в ходе пленарного выступления",
        SegmentKind::Discussion => "в ходе дискуссии",
        SegmentKind::Questions => "в ходе ответов на вопросы",
        SegmentKind::ConcludingNote => "в заключительном слове",
        SegmentKind::Other => "в части «{title}»",
    },
    kind: |kind| match kind {
        SegmentKind::IntroductoryRemarks => "Вступительное слово",
        SegmentKind::PlenaryAddress => "Пленарное выступление",
        SegmentKind::Discussion => "Дискуссия",
        SegmentKind::Questions => "Вопросы",
        SegmentKind::ConcludingNote => "Заключительное слово",
        SegmentKind::Other => "Часть программы",
    },
    verb: |verb, gender| {
        let forms = match verb {
            V::Said => ["сказал, что {}", "сказала, что {}", "говорит, что {}"],
            V::Stated => ["заявил, что {}", "заявила, что {}", "заявляет, что {}"],
            V::Noted => ["отметил, что {}", "отметила, что {}", "отмечает, что {}"],
            V::Observed => [
                "обратил внимание на то, что {}",
                "обратила внимание на то, что {}",
                "обращает внимание на то, что {}",
            ],
            V::PointedOut => ["указал, что {}", "указала, что {}", "указывает, что {}"],
            V::Explained => ["пояснил, что {}", "пояснила, что {}", "поясняет, что {}"],
            V::Recalled => ["напомнил, что {}", "напомнила, что {}", "напоминает, что {}"],
            V::Added => ["добавил, что {}", "добавила, что {}", "добавляет, что {}"],
            V::Concluded => {
                ["пришёл к выводу, что {}", "пришла к выводу, что {}", "приходит к выводу, что {}"]
            }
            V::Held => [
                "высказал мнение, что {}",
                "высказала мнение, что {}",
                "высказывает мнение, что {}",
            ],
            V::Stressed => ["подчеркнул, что {}", "подчеркнула, что {}", "подчёркивает, что {}"],
            V::Underlined => {
                ["особо отметил, что {}", "особо отметила, что {}", "особо отмечает, что {}"]
            }
            V::Reiterated => [
                "вновь подтвердил, что {}",
                "вновь подтвердила, что {}",
                "вновь подтверждает, что {}",
            ],
            V::Affirmed => ["подтвердил, что {}", "подтвердила, что {}", "подтверждает, что {}"],
            V::ExpressedConfidence => [
                "выразил уверенность в том, что {}",
                "выразила уверенность в том, что {}",
                "выражает уверенность в том, что {}",
            ],
            V::ExpressedHope => {
                ["выразил надежду, что {}", "выразила надежду, что {}", "выражает надежду, что {}"]
            }
            V::VoicedConcern => [
                "выразил обеспокоенность тем, что {}",
                "выразила обеспокоенность тем, что {}",
                "выражает обеспокоенность тем, что {}",
            ],
            V::ExpressedRegret => [
                "выразил сожаление в связи с тем, что {}",
                "выразила сожаление в связи с тем, что {}",
                "выражает сожаление в связи с тем, что {}",
            ],
            V::Welcomed => ["приветствовал {}", "приветствовала {}", "приветствует {}"],
            V::Proposed => ["предложил, чтобы {}", "предложила, чтобы {}", "предлагает, чтобы {}"],
            V::CalledFor => ["призвал к {}", "призвала к {}", "призывает к {}"],
            V::Thanked => ["поблагодарил {}", "поблагодарила {}", "благодарит {}"],
            V::Congratulated => ["поздравил {}", "поздравила {}", "поздравляет {}"],
            V::Warned => ["предупредил, что {}", "предупредила, что {}", "предупреждает, что {}"],
            V::Rejected => ["отверг {}", "отвергла {}", "отвергает {}"],
            V::Claimed => ["утверждал, что {}", "утверждала, что {}", "утверждает, что {}"],
            V::Admitted => ["признал, что {}", "признала, что {}", "признаёт, что {}"],
            V::Insisted => [
                "настаивал на том, что {}",
                "настаивала на том, что {}",
                "настаивает на том, что {}",
            ],
            V::Denied => ["отрицал, что {}", "отрицала, что {}", "отрицает, что {}"],
        };
        Grammar::pick(&forms, gender)
    },
    quoted: ["сказал: «{}»", "сказала: «{}»", "говорит: «{}»"],
    chatham_opening: "{part} (по правилу Чатем-Хауса) один из участников {verb}.",
    chatham_following: "Один из участников {verb}.",
    chatham_part: |kind| match kind {
        SegmentKind::IntroductoryRemarks => "В ходе вступительного слова",
        SegmentKind::PlenaryAddress => "В ходе пленарного выступления",
        SegmentKind::Discussion => "В ходе дискуссии",
        SegmentKind::Questions => "В ходе ответов на вопросы",
        SegmentKind::ConcludingNote => "В ходе заключительного слова",
        SegmentKind::Other => "В части «{title}»",
    },
    chatham_names: &["чатем-хаус", "чатем хаус", "чатэм-хаус", "чатем-хауз", "чатам-хаус"],
    interpreted: "перевод {}",
    language_names: &[
        ("en", "с английского"),
        ("ru", "с русского"),
        ("ur", "с урду"),
        ("ar", "с арабского"),
        ("fa", "с персидского"),
        ("fr", "с французского"),
        ("zh", "с китайского"),
        ("tr", "с турецкого"),
        ("ps", "с пушту"),
    ],
    language_unknown: "с языка оригинала ({})",
    this_prevails: "Настоящий текст является оригиналом и имеет преимущественную силу.",
    translation: "Перевод {}. Преимущественную силу имеет оригинал.",
    labels: Labels {
        press_release: "Пресс-релиз",
        immediate: "Для немедленной публикации",
        embargo: "Эмбарго снимается {}",
        issued: "Выпущен {}",
        draft: "Проект, не для публикации",
        withdrawn: "Отозван. Не использовать.",
        contact: "Для прессы",
        about: "Об организаторе",
        version: "Версия {}",
        record: "Материалы мероприятия",
        statements: "Каждый номер ведёт к той секунде записи, когда это было сказано.",
        unbound: "не связано с заявлением или фактом",
        name_withheld: "[имя не раскрывается]",
        moment: "{day}, {time}, {city} ({offset})",
    },
};
