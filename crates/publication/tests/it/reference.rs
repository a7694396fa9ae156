//! The reference event of PRODUCT.md: every fact of it stands in its release, in three languages
//! and every format. Facts are compared, not sentences.

use publication::output::web_vtt;
use publication::{Part, Source};

use crate::support::{
    edition, formats, holds, language, languages, problems, reference_facts, release_of,
};

/// Facts by language, grouped by the part of the release in which they must stand.
struct Expected {
    language: &'static str,
    lede: &'static [&'static str],
    around: &'static [&'static str],
    kazi: &'static [&'static str],
    ganich: &'static [&'static str],
    sehgal: &'static [&'static str],
}

const EXPECTED: [Expected; 3] = [
    Expected {
        language: "en",
        lede: &[
            "Karachi, 10 February 2021",
            "webinar",
            "Russia–Pakistan relations",
            "Tuesday, 9 February 2021",
            "Karachi Council on Foreign Relations",
            "Russian Diplomats’ Day",
            "Ambassador Dr Mustafa Kamal Kazi, Senior Vice Chairman of the Karachi Council on Foreign Relations",
            "moderated",
            "His Excellency Danila Ganich, Ambassador of the Russian Federation to Pakistan",
            "plenary speaker",
            "Ikram Sehgal, Chairman of the Karachi Council on Foreign Relations",
            "concluding note",
        ],
        around: &[
            "Press release",
            "###",
            "press@kcfr.example",
            "reconstruction from press coverage",
        ],
        kazi: &[
            "Ambassador Kazi, in his introductory remarks, stressed",
            "Shanghai Cooperation Organisation",
            "platform for regional cooperation",
            "multilateral order",
            "unilateralism",
            "closer cooperation between the two countries",
            "Belt and Road Initiative (BRI)",
            "(CPEC)",
            "new engine of growth joining Asia, Europe and Africa",
            "new era",
        ],
        ganich: &[
            "Ambassador Ganich, in his plenary address, thanked the organisers for the invitation",
            "expressed confidence",
            "consensus reached",
            "common interests",
            "stability of the region",
            "peace in Afghanistan",
            "voiced concern that the United States has imposed sanctions on Iran",
            "voiced concern that Russia is misjudged as marginal in the Indo-Pacific",
            "expressed the hope that CPEC would open new avenues",
            "development is a way to independence",
            "withstand sanctions",
        ],
        sehgal: &[
            "Chairman Sehgal, in his concluding note, said",
            "corridor from north-east to south-west",
            "from Russia and Central Asia down to the Arabian Gulf",
            "geographical pivot",
            "use its position and stay neutral",
            "thanked the ambassador",
            "expressed the hope that the engagement would continue",
        ],
    },
    Expected {
        language: "ru",
        lede: &[
            "Карачи, 10 февраля 2021 года",
            "вебинар",
            "Российско-пакистанские отношения",
            "Во вторник, 9 февраля 2021 года",
            "Карачинский совет по международным отношениям",
            "посвящённый Дню российского дипломата",
            "Модератор: посол, д-р Мустафа Камаль Кази, старший вице-председатель Карачинского совета по международным отношениям",
            "С пленарным выступлением к участникам обратился Его Превосходительство Данила Ганич, Посол Российской Федерации в Пакистане",
            "С заключительным словом выступил Икрам Сехгал, Председатель Карачинского совета по международным отношениям",
        ],
        around: &["Пресс-релиз", "###", "press@kcfr.example", "воссоздан по сообщениям печати"],
        kazi: &[
            "Посол Кази во вступительном слове подчеркнул, что",
            "Шанхайская организация сотрудничества",
            "площадкой регионального сотрудничества",
            "многосторонний порядок",
            "односторонность",
            "тесное сотрудничество двух стран",
            "«Пояс и путь»",
            "КПЭК",
            "двигатель роста, который соединяет Азию, Европу и Африку",
            "новую эру",
        ],
        ganich: &[
            "Посол Ганич в ходе пленарного выступления поблагодарил организаторов за приглашение",
            "Он выразил уверенность",
            "достигнутого согласия",
            "общие интересы",
            "стабильность региона",
            "мир в Афганистане",
            "выразил обеспокоенность тем, что Соединённые Штаты ввели санкции против Ирана",
            "Россию ошибочно считают второстепенной в Индо-Тихоокеанском регионе",
            "выразил надежду, что КПЭК откроет новые возможности",
            "развитие ведёт к независимости",
            "противостоять санкциям",
        ],
        sehgal: &[
            "Председатель Сехгал в заключительном слове сказал, что",
            "с северо-востока на юго-запад",
            "от России и Центральной Азии вниз к Арабскому заливу",
            "географическим стержнем",
            "сохранять нейтралитет",
            "поблагодарил посла",
            "выразил надежду, что взаимодействие продолжится",
        ],
    },
    Expected {
        language: "ur",
        lede: &[
            "کراچی، 10 فروری 2021",
            "ویبینار",
            "روس پاکستان تعلقات",
            "منگل، 9 فروری 2021",
            "کراچی کونسل برائے خارجہ تعلقات کے زیرِ اہتمام",
            "روسی سفارت کاروں کے دن کے موقع پر",
            "نظامت کے فرائض کراچی کونسل برائے خارجہ تعلقات کے سینئر وائس چیئرمین سفیر ڈاکٹر مصطفیٰ کمال قاضی نے",
            "پاکستان میں روسی فیڈریشن کے سفیر عزت مآب دانیلا گانیچ نے مرکزی مقرر کی حیثیت سے",
            "کراچی کونسل برائے خارجہ تعلقات کے چیئرمین اکرام سہگل نے اختتامی کلمات",
        ],
        around: &["پریس ریلیز", "###", "press@kcfr.example", "اخباری رپورٹوں"],
        kazi: &[
            "سفیر قاضی نے اپنے افتتاحی کلمات میں اس بات پر زور دیا کہ",
            "شنگھائی تعاون تنظیم",
            "علاقائی تعاون کا پلیٹ فارم",
            "کثیرالجہتی نظام",
            "یک طرفہ پسندی",
            "قریبی تعاون",
            "بیلٹ اینڈ روڈ",
            "CPEC",
            "ایشیا، یورپ اور افریقہ",
            "نئے دور",
        ],
        ganich: &[
            "سفیر گانیچ نے اپنے مرکزی خطاب میں دعوت پر منتظمین کا شکریہ ادا کیا",
            "انہوں نے اس اعتماد کا اظہار کیا کہ",
            "اتفاقِ رائے",
            "مفادات مشترک",
            "خطے کا استحکام",
            "افغانستان میں امن",
            "تشویش کا اظہار کیا کہ امریکا نے ایران پر پابندیاں عائد کی ہیں",
            "ہند بحرالکاہل کے خطے میں روس کو غلط طور پر غیر اہم",
            "امید ظاہر کی کہ سی پیک (CPEC) نئی راہیں کھولے گا",
            "ترقی آزادی کا",
            "پابندیوں کا مقابلہ",
        ],
        sehgal: &[
            "چیئرمین سہگل نے اپنے اختتامی کلمات میں کہا کہ",
            "شمال مشرق سے جنوب مغرب",
            "روس اور وسطی ایشیا سے نیچے خلیجِ عرب",
            "جغرافیائی محور",
            "غیر جانب دار",
            "سفیر کا شکریہ ادا کیا",
            "روابط کا سلسلہ جاری رہے گا",
        ],
    },
];

#[test]
fn every_fact_stands_where_it_belongs() {
    let facts = reference_facts();
    let release = release_of(&facts);
    assert_eq!(problems(&release, &facts), []);
    for expected in EXPECTED {
        let language = language(expected.language);
        let lede = release.text_of(&language, Part::Lede);
        for fact in expected.lede {
            assert!(holds(&lede, fact), "{language}: {fact:?} is not in the lede:\n{lede}");
        }
        let version = &release.versions[&language];
        let paragraphs: Vec<_> =
            version.blocks.iter().filter(|block| block.part == Part::Intervention).collect();
        assert_eq!(paragraphs.len(), 3, "one paragraph an intervention");
        let parts = [
            ("introductory-remarks", expected.kazi),
            ("plenary-address", expected.ganich),
            ("concluding-note", expected.sehgal),
        ];
        for (paragraph, (segment, said)) in paragraphs.iter().zip(parts) {
            assert_eq!(paragraph.segment.as_ref().unwrap().as_str(), segment);
            for fact in said {
                let text = paragraph.text();
                assert!(
                    holds(&text, fact),
                    "{language}: {fact:?} is not said in {segment}:\n{text}"
                );
            }
            for run in &paragraph.runs {
                assert!(matches!(run.source, Source::Statement(_)), "{run:?}");
            }
        }
    }
}

#[test]
fn every_fact_is_in_every_format() {
    let facts = reference_facts();
    let release = release_of(&facts);
    let edition = edition(&release);
    for expected in EXPECTED {
        let language = language(expected.language);
        for (format, text) in formats(&edition, &language) {
            // Structured data names the event; it does not retell it.
            if format == "JSON-LD" {
                continue;
            }
            let said =
                [expected.lede, expected.around, expected.kazi, expected.ganich, expected.sehgal];
            for fact in said.into_iter().flatten() {
                assert!(holds(&text, fact), "{language}, {format}: {fact:?} is missing in\n{text}");
            }
        }
    }
}

#[test]
fn structured_data_names_the_event() {
    let facts = reference_facts();
    let release = release_of(&facts);
    let graph = publication::output::json_ld::graph(&edition(&release), &language("ru"));
    let [article, event, video] = [0, 1, 2].map(|at| graph["@graph"][at].clone());
    assert_eq!(article["datePublished"], "2021-02-10T06:00:00Z");
    assert_eq!(event["startDate"], "2021-02-09T15:00:00+05:00");
    assert_eq!(event["name"], "Российско-пакистанские отношения");
    assert_eq!(event["organizer"][0]["name"], "Карачинский совет по международным отношениям");
    let performers: Vec<_> =
        event["performer"].as_array().unwrap().iter().map(|p| p["name"].clone()).collect();
    assert_eq!(performers, ["Данила Ганич", "Икрам Сехгал", "Мустафа Камаль Кази"]);
    let clips = video["hasPart"].as_array().unwrap();
    assert_eq!(clips.len(), facts.statements.len());
    assert_eq!(clips[0]["startOffset"], 252);
    assert!(clips[0]["url"].as_str().unwrap().ends_with("/record#t=252,275"));
}

#[test]
fn each_statement_leads_to_its_second() {
    let facts = reference_facts();
    let release = release_of(&facts);
    let edition = edition(&release);
    for language in languages() {
        let page = publication::output::html::page(&edition, &language, &[]);
        for statement in &facts.statements {
            let (start, end) = (statement.start.0 / 1_000, statement.end.0 / 1_000);
            assert!(page.contains(&format!("/record#t={start},{end}\"")), "{}", statement.id);
        }
        assert!(page.contains("<bdi>15:04:12</bdi>"), "by the clock of Karachi");
    }
}

#[test]
fn a_page_asks_nobody_for_anything() {
    let facts = reference_facts();
    let release = release_of(&facts);
    for language in languages() {
        let page = publication::output::html::page(&edition(&release), &language, &[]);
        for fetching in
            ["src=", "@import", "url(", "<img", "<iframe", "rel=\"stylesheet\"", "<form"]
        {
            assert!(!page.contains(fetching), "{fetching}");
        }
        assert_eq!(page.matches("<script").count(), 1, "structured data only");
        let direction = if language.as_str() == "ur" { "rtl" } else { "ltr" };
        assert!(page.contains(&format!("<html lang=\"{language}\" dir=\"{direction}\">")));
    }
}

#[test]
fn the_original_prevails_and_translations_say_so() {
    let facts = reference_facts();
    let release = release_of(&facts);
    let note = |tag: &str| release.text_of(&language(tag), Part::Prevailing);
    assert!(note("en").contains("original text"));
    assert!(note("ru").contains("Перевод с английского"));
    assert!(note("ur").contains("انگریزی سے ترجمہ"));
}

#[test]
fn chapters_follow_the_programme() {
    let facts = reference_facts();
    let chapters = web_vtt::chapters(&facts, &language("ru"));
    assert!(chapters.starts_with("WEBVTT\n"), "{chapters}");
    assert!(
        chapters.contains("00:10:00.000 --> 00:40:00.000\nПленарное выступление\n"),
        "{chapters}"
    );
    assert!(chapters.contains("\nВопросы\n") && chapters.contains("\nЗаключительное слово\n"));
}

#[test]
fn the_same_facts_give_the_same_bytes() {
    let facts = reference_facts();
    let release = release_of(&facts);
    let bytes = release.to_json().unwrap();
    assert_eq!(bytes, release_of(&facts).to_json().unwrap());
    let read = publication::Release::from_json(&bytes).unwrap();
    assert_eq!(read, release);
    assert_eq!(read.hash().unwrap(), release.hash().unwrap());
    // White space would make another hash of the same document.
    let spaced = [b" ".as_slice(), &bytes].concat();
    assert!(publication::Release::from_json(&spaced).is_err());
    assert!(publication::Release::from_json(&vec![b' '; 2 << 20]).is_err());
}

/// Text of a PDF by poppler's `pdftotext`, another program than the one that wrote it.
fn text_of_pdf(bytes: &[u8]) -> String {
    let file =
        std::env::temp_dir().join(format!("plenary-{}-{}.pdf", std::process::id(), bytes.len()));
    std::fs::write(&file, bytes).unwrap();
    let output = std::process::Command::new("pdftotext").arg("-raw").arg(&file).arg("-").output();
    std::fs::remove_file(&file).unwrap();
    let output = output.expect("pdftotext is installed: Debian's package poppler-utils");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Without what line ends do to words: hyphens, and the numbers of statements.
fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphabetic()).collect()
}

#[test]
fn every_fact_is_in_the_pdf() {
    let facts = reference_facts();
    let release = release_of(&facts);
    let edition = edition(&release);
    for expected in EXPECTED {
        let language = language(expected.language);
        let bytes = publication::output::pdf::pdf(&edition, &language).unwrap();
        assert_eq!(bytes, publication::output::pdf::pdf(&edition, &language).unwrap());
        assert!(bytes.len() < 200_000, "{} bytes: the typefaces are cut", bytes.len());
        let text = letters(&text_of_pdf(&bytes));
        let said =
            [expected.lede, expected.around, expected.kazi, expected.ganich, expected.sehgal];
        for fact in said.into_iter().flatten().filter(|_| expected.language != "ur") {
            assert!(text.contains(&letters(fact)), "{language}: {fact:?} is missing in\n{text}");
        }
        // Nastaliq stands on slopes, so that the order of its letters is lost on the way out; none
        // of the letters is.
        let count = |text: &str, c: char| text.chars().filter(|other| *other == c).count();
        let whole: String =
            release.versions[&language].blocks.iter().map(|block| letters(&block.text())).collect();
        for c in whole.chars() {
            assert!(count(&text, c) >= count(&whole, c), "{language}: {c} is missing in\n{text}");
        }
    }
}
