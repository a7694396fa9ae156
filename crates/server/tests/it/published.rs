//! The issued release as everybody reads it.

use api_types::VersionSaved;
use axum::body::Body;
use axum::http::Method;
use base::{Millis, Revision, StatementId};
use proceedings::testing::{parsed, recorded_event};
use proceedings::{
    Clearance, Command, RecordCommand, RecordStatus, ReportingVerb, StatementEdit, Wording,
};

use crate::record::{approve, at, clear, edit, issue, live, must, path, save, statement};
use crate::support::{Answer, EVENT, TestApp, request, token, wide_limits};

/// Every address of the release without the feed.
const FORMS: [&str; 9] = [
    "release",
    "release.txt",
    "release.md",
    "release.json",
    "release.docx",
    "release.pdf",
    "release/en",
    "release/en.txt",
    "release/en.json",
];

fn public(rest: &str) -> String {
    format!("/e/{EVENT}/{rest}")
}

async fn with(app: &TestApp, path: &str, headers: &[(&'static str, &str)]) -> Answer {
    let mut asked = request(Method::GET, path, None, Body::empty());
    for (name, value) in headers {
        asked.headers_mut().insert(*name, value.parse().unwrap());
    }
    app.send(asked).await
}

/// The answer without the line breaks of a text.
fn text(answer: &Answer) -> String {
    answer.body.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A version that may be issued: one cleared statement, both parties agree.
pub(crate) async fn ready(app: &TestApp) -> VersionSaved {
    statement(app, 1, "ganich", 70, "Moscow is confident of good relations").await;
    must(app, "ganich", clear(1)).await;
    let draft = app.get_as(&token("press"), &path("release/draft")).await;
    let saved = save(app, &draft.body).await;
    approve(app, &saved).await;
    saved
}

/// Nobody reads anything, whoever they are and in whatever form.
async fn is_nowhere(app: &TestApp) {
    for form in FORMS {
        for person in [None, Some("desk"), Some("press"), Some("ganich"), Some("anwar")] {
            let token = person.map(token);
            let asked = request(Method::GET, &public(form), token.as_deref(), Body::empty());
            let answer = app.send(asked).await;
            assert_eq!(answer.status, 404, "{form} for {person:?}");
            assert!(!answer.body.contains("Moscow"), "{}", answer.body);
            assert_eq!(answer.header("cache-control"), "no-store", "{form}");
        }
    }
    let feed = app.get("/releases.atom").await;
    assert_eq!(feed.status, 200);
    assert!(!feed.body.contains("<entry>"), "{}", feed.body);
}

#[tokio::test]
async fn everybody_reads_what_was_issued_and_nothing_before() {
    let app = live().await;
    is_nowhere(&app).await;
    let saved = ready(&app).await;
    is_nowhere(&app).await;
    must(&app, "desk", issue(&saved)).await;
    for form in FORMS {
        let answer = app.get(&public(form)).await;
        assert_eq!(answer.status, 200, "{form}");
        let is_packed = form.ends_with("docx") || form.ends_with("pdf");
        assert!(
            is_packed || text(&answer).contains("Moscow is confident of good relations"),
            "{form}"
        );
        assert_eq!(answer.header("cache-control"), "public, no-cache");
        assert_eq!(answer.header("content-language"), "en");
        let tag = answer.header("etag").to_owned();
        let again = with(&app, &public(form), &[("if-none-match", &tag)]).await;
        assert_eq!((again.status.as_u16(), again.body.as_str()), (304, ""), "{form}");
    }
    let page = app.get(&public("release")).await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert!(page.body.contains("<script type=\"application/ld+json\">{"), "{}", page.body);
    assert_eq!(page.body.matches("<script").count(), 1, "nothing runs");
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(!policy.contains("unsafe") && !policy.contains("script-src"), "{policy}");
    for (ending, magic) in [("docx", "PK\u{3}\u{4}"), ("pdf", "%PDF-")] {
        let file = app.get(&public(&format!("release.{ending}"))).await;
        assert_eq!(file.status, 200);
        assert!(file.body.starts_with(magic), "{ending}");
        let name = format!("attachment; filename=\"{EVENT}-en.{ending}\"");
        assert_eq!(file.header("content-disposition"), name);
    }
    let item: serde_json::Value = app.get(&public("release.json")).await.json();
    assert_eq!(item["pubstatus"], "usable");
    assert_eq!(item["uri"], format!("http://localhost/e/{EVENT}/release/en"));

    for wrong in ["release/ru", "release/en.exe", "release/..", "release/en.html"] {
        assert_eq!(app.get(&public(wrong)).await.status, 404, "{wrong}");
    }
    app.get(&public("release?lang=!")).await.is_error(400, "bad-request");
    app.get("/e/nowhere/release.txt").await.is_error(404, "no-such-event");
    assert_eq!(app.get("/e/nowhere/release").await.status, 404);
    assert_eq!(app.get(&public("join")).await.status, 200, "the client's own pages are there");
}

#[tokio::test]
async fn an_embargo_hides_it_until_its_moment() {
    let app = live().await;
    let saved = ready(&app).await;
    let until = app.clock_now().plus(Millis::from_minutes(60));
    must(&app, "desk", RecordCommand::SetEmbargo { until: Some(until) }).await;
    must(&app, "desk", issue(&saved)).await;
    is_nowhere(&app).await;
    app.clock.advance(Millis(60 * 60_000 - 1));
    is_nowhere(&app).await;
    app.clock.advance(Millis(1));
    let page = app.get(&public("release")).await;
    assert_eq!(page.status, 200);
    let feed = app.get("/releases.atom").await;
    assert_eq!(feed.body.matches("<entry>").count(), 1, "{}", feed.body);
    let moment = "<published>2021-02-09T11:02:00Z</published>";
    assert!(feed.body.contains(moment), "the end of the embargo: {}", feed.body);
}

#[tokio::test]
async fn what_was_recalled_answers_with_its_notice() {
    let app = live().await;
    let saved = ready(&app).await;
    must(&app, "desk", issue(&saved)).await;
    let before = app.get(&public("release")).await;
    app.clock.advance(Millis::from_minutes(1));
    let reason = "Wormwood is not authentic.".to_owned();
    must(&app, "desk", RecordCommand::KillRelease { reason }).await;
    for form in FORMS {
        let tag = before.header("etag").to_owned();
        let answer = with(&app, &public(form), &[("if-none-match", &tag)]).await;
        assert_eq!(answer.status, 410, "{form}");
        assert!(!answer.body.contains("Moscow") && !answer.body.contains("Wormwood"), "{form}");
        let is_packed = form.ends_with("docx") || form.ends_with("pdf");
        let says = answer.body.to_lowercase().contains("withdrawn");
        assert!(is_packed || says, "{form}: {}", answer.body);
    }
    let item: serde_json::Value = app.get(&public("release.json")).await.json();
    assert_eq!(item["pubstatus"], "canceled");
    let feed = app.get("/releases.atom").await;
    assert_eq!(feed.body.matches("<entry>").count(), 1, "{}", feed.body);
    assert!(!feed.body.contains("Moscow"), "{}", feed.body);
}

#[tokio::test]
async fn a_corrigendum_under_embargo_leaves_what_was_public_before() {
    let app = live().await;
    let saved = ready(&app).await;
    must(&app, "desk", issue(&saved)).await;
    app.clock.advance(Millis::from_minutes(1));
    let notes = "{\"headline\":{\"en\":\"A new era\"}}".to_owned();
    let put = app.json_as(Method::PUT, &token("press"), &path("release/notes"), notes).await;
    assert_eq!(put.status, 204);
    let draft = app.get_as(&token("press"), &path("release/draft")).await;
    let next = save(&app, &draft.body).await;
    approve(&app, &next).await;
    let until = app.clock_now().plus(Millis::from_minutes(5));
    must(&app, "desk", RecordCommand::SetEmbargo { until: Some(until) }).await;
    let (version, document) = (next.version, next.document);
    let correction = Some("The <headline>.".to_owned());
    must(&app, "desk", RecordCommand::IssueRelease { version, document, correction }).await;
    let before = app.get(&public("release")).await;
    assert_eq!(before.status, 200);
    assert!(
        !before.body.contains("A new era") && before.body.contains("Issued on "),
        "{}",
        before.body
    );
    app.clock.advance(Millis::from_minutes(5));
    let after = app.get(&public("release")).await.body;
    assert!(after.contains("A new era") && after.contains("Corrected on "), "{after}");
    let reason = "<p class=\"correction\" dir=\"auto\">The &lt;headline&gt;.</p>";
    assert!(after.contains(reason), "{after}");
    for form in ["release.txt", "release.md"] {
        assert!(text(&app.get(&public(form)).await).contains("headline"), "{form}");
    }
    let feed = app.get("/releases.atom").await.body;
    assert!(feed.contains("<published>2021-02-09T10:02:00Z</published>"), "{feed}");
    assert!(feed.contains("<updated>2021-02-09T10:08:00Z</updated>"), "{feed}");
}

/// The recalled release came back when another was issued under embargo.
#[tokio::test]
async fn a_recalled_release_does_not_come_back_under_the_embargo_of_the_next() {
    let app = live().await;
    let saved = ready(&app).await;
    must(&app, "desk", issue(&saved)).await;
    app.clock.advance(Millis::from_minutes(1));
    must(&app, "desk", RecordCommand::KillRelease { reason: "Wrong.".to_owned() }).await;
    app.clock.advance(Millis::from_minutes(1));
    let until = app.clock_now().plus(Millis::from_minutes(5));
    must(&app, "desk", RecordCommand::SetEmbargo { until: Some(until) }).await;
    let (version, document) = (saved.version, saved.document);
    let correction = Some("As agreed now.".to_owned());
    must(&app, "desk", RecordCommand::IssueRelease { version, document, correction }).await;
    assert_eq!(app.get(&public("release")).await.status, 410);
    app.clock.advance(Millis::from_minutes(5));
    let answer = app.get(&public("release")).await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("Moscow"));
}

#[tokio::test]
async fn a_recall_before_the_embargo_ends_tells_the_public_nothing() {
    let app = live().await;
    let saved = ready(&app).await;
    let until = app.clock_now().plus(Millis::from_minutes(5));
    must(&app, "desk", RecordCommand::SetEmbargo { until: Some(until) }).await;
    must(&app, "desk", issue(&saved)).await;
    must(&app, "desk", RecordCommand::KillRelease { reason: "Too early.".to_owned() }).await;
    is_nowhere(&app).await;
    app.clock.advance(Millis::from_minutes(6));
    is_nowhere(&app).await;
}

/// The concluding note is under the Chatham House Rule; nobody may learn that Sehgal gave it.
#[tokio::test]
async fn names_under_the_chatham_house_rule_are_nowhere() {
    let mut definition = recorded_event();
    definition.languages = vec![parsed("en"), parsed("ru")];
    // Each word of a name is looked for, and "the" stands in every text.
    for (id, name) in [("desk", "Amina Rao"), ("embassy-desk", "Pavel Orlov")] {
        let found = definition.people.iter_mut().find(|person| person.id == parsed(id));
        found.unwrap().name = proceedings::testing::text(name);
    }
    definition.segments.remove(2);
    definition.segments[2].record_status = RecordStatus::ChathamHouseRule;
    let mut app = TestApp::with(definition, wide_limits()).await;
    let mut kazi = app.join("kazi").await;
    kazi.must(Command::EnterStage).await;
    let (mut ganich, mut sehgal) = (app.join("ganich").await, app.join("sehgal").await);
    ganich.must(Command::EnterStage).await;
    sehgal.must(Command::EnterStage).await;
    kazi.must(Command::OpenEvent).await;
    app.clock.advance(Millis::from_minutes(1));
    kazi.must(Command::NextSegment).await;
    app.clock.advance(Millis::from_minutes(1));
    kazi.must(Command::NextSegment).await;
    app.clock.advance(Millis::from_minutes(1));
    let said = ["relations are good", "отношения хорошие", "trade is slow", "торговля вялая"];
    for (number, person, from, texts) in
        [(1, "ganich", 70, [said[0], said[1]]), (2, "sehgal", 130, [said[2], said[3]])]
    {
        let mark = RecordCommand::MarkStatement {
            speaker: Some(parsed(person)),
            start: at(from),
            end: at(from + 8),
            language: parsed("en"),
        };
        must(&app, "press", mark).await;
        let verb = StatementEdit::Verb { verb: ReportingVerb::Noted };
        must(&app, "press", edit(number, 1, verb)).await;
        for (revision, (language, text)) in (2..).zip(["en", "ru"].into_iter().zip(texts)) {
            let wording = Some(Wording::Indirect { text: text.to_owned() });
            let wording = StatementEdit::Wording { language: parsed(language), wording };
            must(&app, "press", edit(number, revision, wording)).await;
        }
        let (statement, revision) = (StatementId(number), Revision(4));
        must(&app, "press", RecordCommand::CheckStatement { statement, revision }).await;
        let deadline = at(24 * 3_600);
        let send = RecordCommand::SendForClearance { statement, revision, deadline };
        must(&app, "press", send).await;
        let clearance = Clearance::Cleared;
        let answer = RecordCommand::AnswerClearance { statement, revision, clearance };
        must(&app, if number == 1 { "ganich" } else { "kazi" }, answer).await;
    }
    let draft = app.get_as(&token("press"), &path("release/draft")).await;
    let check = path("release/check");
    let problems = app.json_as(Method::POST, &token("press"), &check, draft.body.clone()).await;
    assert_eq!(problems.body, "[]", "{}", draft.body);
    let saved = save(&app, &draft.body).await;
    approve(&app, &saved).await;
    must(&app, "desk", issue(&saved)).await;

    for (language, under_the_rule) in [("en", said[2]), ("ru", said[3])] {
        for rest in ["", ".txt", ".md", ".json"] {
            let address = public(&format!("release/{language}{rest}"));
            let answer = app.get(&address).await;
            assert_eq!(answer.status, 200, "{address}: {}", answer.body);
            assert!(text(&answer).contains(under_the_rule), "{address}: {}", answer.body);
            assert!(!answer.body.to_lowercase().contains("sehgal"), "{address}: {}", answer.body);
        }
        let feed = app.get(&format!("/releases.atom?lang={language}")).await;
        assert!(feed.body.contains(under_the_rule) && !feed.body.contains("Sehgal"));
    }
    kazi.must(Command::CloseEvent).await;
    must(&app, "kazi", RecordCommand::PublishRecord).await;
    // Its number leads nowhere: where it was said would tell who said it.
    let page = app.get(&public("release/en")).await.body;
    assert!(page.contains("data-statement=\"1\"") && !page.contains("data-statement=\"2\""));

    let like = |accepted| [("accept-language", accepted)];
    for (accepted, language) in [("ru-RU, en;q=0.5", "ru"), ("de", "en"), ("en, ru;q=0.9", "en")] {
        let answer = with(&app, &public("release"), &like(accepted)).await;
        assert_eq!(answer.header("content-language"), language, "{accepted}");
        assert!(answer.header("vary").contains("accept-language"));
    }
    let asked = with(&app, &public("release?lang=ru"), &like("en")).await;
    assert_eq!(asked.header("content-language"), "ru");
}
