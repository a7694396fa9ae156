//! The press list and its mails, in conversations with a mail server on loopback.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use api_types::{MailState, PressView};
use axum::http::Method;
use base::Millis;
use proceedings::RecordCommand;
use server::MailConfig;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::published::ready;
use crate::record::{english, issue, live_on, must, path};
use crate::support::{EVENT, FaultyStorage, TestApp, create, token, wide_limits};

/// A mail as the server took it.
#[derive(Debug, Clone)]
struct Taken {
    from: String,
    to: Vec<String>,
    bytes: Vec<u8>,
}

/// What the server does to whom.
#[derive(Debug, Default)]
struct Manners {
    refused: BTreeSet<String>,
    later: BTreeSet<String>,
    /// Takes the whole mail and never says so.
    silent: BTreeSet<String>,
}

/// A mail server (RFC 5321) that keeps what it takes.
struct MailServer {
    port: u16,
    taken: Arc<Mutex<Vec<Taken>>>,
    manners: Arc<Mutex<Manners>>,
}

impl MailServer {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (taken, manners) = (Arc::default(), Arc::default());
        let (keep, behave) = (Arc::clone(&taken), Arc::clone(&manners));
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (keep, behave) = (Arc::clone(&keep), Arc::clone(&behave));
                // A client that hangs up has had enough.
                tokio::spawn(async move { drop(converse(socket, keep, behave).await) });
            }
        });
        Self { port, taken, manners }
    }

    fn config(&self) -> MailConfig {
        let smtp = format!("smtp://127.0.0.1:{}", self.port);
        MailConfig::new(&smtp, "KCFR <press@kcfr.example>", None, 60_000).unwrap()
    }

    fn taken(&self) -> Vec<Taken> {
        self.taken.lock().unwrap().clone()
    }

    fn to(&self, address: &str) -> Vec<Taken> {
        self.taken().into_iter().filter(|mail| mail.to == [address]).collect()
    }
}

async fn converse(
    socket: TcpStream,
    keep: Arc<Mutex<Vec<Taken>>>,
    manners: Arc<Mutex<Manners>>,
) -> std::io::Result<()> {
    let mut socket = BufReader::new(socket);
    socket.write_all(b"220 mail.example ESMTP\r\n").await?;
    let (mut from, mut to) = (String::new(), Vec::<String>::new());
    loop {
        let mut line = String::new();
        if socket.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let line = line.trim_end();
        let address = || line.split(['<', '>']).nth(1).map(str::to_owned).unwrap_or_default();
        let answer: String = match line.split([' ', ':']).next().unwrap_or_default() {
            "EHLO" => "250-mail.example\r\n250 8BITMIME".to_owned(),
            "MAIL" => {
                (from, to) = (address(), Vec::new());
                "250 go on".to_owned()
            }
            "RCPT" => {
                let manners = manners.lock().unwrap();
                if manners.refused.contains(&address()) {
                    "550 5.1.1 nobody of that name".to_owned()
                } else if manners.later.contains(&address()) {
                    "451 4.7.1 come back later".to_owned()
                } else {
                    to.push(address());
                    "250 go on".to_owned()
                }
            }
            "DATA" => {
                socket.write_all(b"354 the mail, please\r\n").await?;
                let mut bytes = Vec::new();
                loop {
                    let mut line = Vec::new();
                    socket.read_until(b'\n', &mut line).await?;
                    if line == b".\r\n" {
                        break;
                    }
                    bytes.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
                }
                keep.lock().unwrap().push(Taken { from: from.clone(), to: to.clone(), bytes });
                if to.iter().any(|to| manners.lock().unwrap().silent.contains(to)) {
                    std::future::pending::<()>().await;
                }
                "250 taken".to_owned()
            }
            "QUIT" => {
                socket.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            _ => "502 what?".to_owned(),
        };
        socket.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
}

fn entry(name: &str, address: &str, language: &str) -> String {
    format!("{{\"name\":\"{name}\",\"address\":\"{address}\",\"language\":\"{language}\"}}")
}

async fn put_list(app: &TestApp, person: &str, entries: &[String]) -> u16 {
    let body = format!("{{\"recipients\":[{}]}}", entries.join(","));
    let put = app.json_as(Method::PUT, &token(person), &path("press-list"), body).await;
    put.status.as_u16()
}

async fn view(app: &TestApp) -> PressView {
    app.get_as(&token("desk"), &path("press-list")).await.json()
}

async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waited = tokio::time::timeout(Duration::from_secs(60), async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    waited.await.expect(what);
}

/// A live event on a server that mails.
async fn mailing(storage: &Arc<FaultyStorage>, server: &MailServer) -> TestApp {
    create(&**storage, english()).await;
    live_on(TestApp::mailing(Arc::clone(storage), wide_limits(), server.config())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_press_gets_one_mail_each_when_it_is_public_and_the_recall() {
    let server = MailServer::start().await;
    let app = mailing(&Arc::new(FaultyStorage::default()), &server).await;
    let list = [
        entry("Аня Петрова", "anya@agency.example", "ru"),
        entry("", "desk@daily.example", "en"),
        entry("Gone", "gone@daily.example", "en"),
        entry("Slow", "slow@daily.example", "en"),
        entry("The desk again", "DESK@daily.example", "en"),
    ];
    for person in ["press", "kazi", "ganich", "anwar"] {
        assert_eq!(put_list(&app, person, &list).await, 403, "{person}");
        let shown = app.get_as(&token(person), &path("press-list")).await;
        shown.is_error(403, "may-not-read");
    }
    for wrong in [entry("A", "nobody", "en"), entry("A\\nBcc: x@y.example", "a@b.example", "en")] {
        assert_eq!(put_list(&app, "desk", &[wrong]).await, 400);
    }
    assert_eq!(put_list(&app, "desk", &list).await, 204);
    assert_eq!(view(&app).await.recipients.len(), 4, "nobody gets two");
    {
        let mut manners = server.manners.lock().unwrap();
        manners.refused.insert("gone@daily.example".to_owned());
        manners.later.insert("slow@daily.example".to_owned());
    }

    let saved = ready(&app).await;
    let end = app.clock_now().plus(Millis::from_minutes(60));
    must(&app, "desk", RecordCommand::SetEmbargo { until: Some(end) }).await;
    must(&app, "desk", issue(&saved)).await;
    // A later save of the list has been looked through, so the embargo was seen, too.
    assert_eq!(put_list(&app, "desk", &list).await, 204);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(server.taken().is_empty(), "nothing before its moment");
    app.clock.advance(Millis::from_minutes(60));
    until("two are sent, one is refused, one waits", async || {
        let mailings = view(&app).await.mailings;
        mailings.first().is_some_and(|one| (one.sent, one.troubles.len()) == (2, 2))
    })
    .await;
    let mailing = view(&app).await.mailings.remove(0);
    assert_eq!((mailing.notice.as_str(), mailing.waiting), ("issue-1", 0));
    let trouble = |address: &str| {
        mailing.troubles.iter().find(|one| one.address == address).cloned().expect("it is told")
    };
    let gone = trouble("gone@daily.example");
    assert_eq!(gone.state, MailState::Refused);
    assert!(gone.said.unwrap().contains("nobody of that name"));
    assert_eq!(trouble("slow@daily.example").state, MailState::Waiting);

    let taken = server.taken();
    assert_eq!(taken.len(), 2);
    for mail in &taken {
        assert_eq!((mail.from.as_str(), mail.to.len()), ("press@kcfr.example", 1));
        let text = String::from_utf8_lossy(&mail.bytes);
        let others = ["anya@", "desk@", "gone@", "slow@"];
        let seen = others.iter().filter(|other| text.to_lowercase().contains(**other));
        assert_eq!(seen.count(), 1, "nobody sees another's address: {text}");
        let parsed = mail_parser::MessageParser::default().parse(&mail.bytes).expect("a mail");
        assert!(parsed.subject().unwrap().contains("Russia"), "{:?}", parsed.subject());
        let body = parsed.body_text(0).unwrap();
        let body = body.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(body.contains("Moscow is confident of good relations"), "{body}");
        let html = parsed.body_html(0).unwrap();
        assert!(html.contains("<article class=\"release\"") && !html.contains("<script"), "{html}");
        assert!(parsed.message_id().unwrap().ends_with("@kcfr.example"));
        assert!(parsed.date().is_some() && parsed.bcc().is_none());
    }
    let anya = server.to("anya@agency.example").remove(0);
    let parsed = mail_parser::MessageParser::default().parse(&anya.bytes).unwrap();
    let to = parsed.to().unwrap().first().unwrap();
    assert_eq!(to.name(), Some("Аня Петрова"));

    // Who was asked to come back later is asked again.
    server.manners.lock().unwrap().later.clear();
    app.clock.advance(Millis::from_minutes(15));
    until("the slow one is sent", async || server.to("slow@daily.example").len() == 1).await;
    assert_eq!(server.taken().len(), 3, "and nobody else a second time");

    must(&app, "desk", RecordCommand::KillRelease { reason: "Wrong.".to_owned() }).await;
    until("the recall is sent", async || server.taken().len() == 6).await;
    assert!(server.to("gone@daily.example").is_empty(), "who never had it is not told");
    let last = server.to("desk@daily.example").remove(1);
    let parsed = mail_parser::MessageParser::default().parse(&last.bytes).unwrap();
    assert!(!parsed.body_text(0).unwrap().contains("Moscow"));
    until("it is put down", async || {
        view(&app).await.mailings.last().is_some_and(|one| one.notice == "kill-1" && one.sent == 3)
    })
    .await;
}

/// A mail that was being handed over when the program was killed may have arrived: it is told, and
/// sent again only when an organiser says so. The others are sent once.
#[test]
fn no_restart_sends_a_mail_twice() {
    let servers = tokio::runtime::Runtime::new().unwrap();
    let server = servers.block_on(MailServer::start());
    let storage = Arc::new(FaultyStorage::default());
    let addresses = ["a@daily.example", "b@daily.example", "c@daily.example"];
    server.manners.lock().unwrap().silent.extend(addresses.map(str::to_owned));
    let first = tokio::runtime::Runtime::new().unwrap();
    first.block_on(async {
        let app = mailing(&storage, &server).await;
        let list = addresses.map(|address| entry("", address, "en"));
        assert_eq!(put_list(&app, "desk", &list).await, 204);
        let saved = ready(&app).await;
        must(&app, "desk", issue(&saved)).await;
        until("one is on its way", async || server.taken().len() == 1).await;
    });
    // As if it were killed: every task ends where it is.
    first.shutdown_background();
    server.manners.lock().unwrap().silent.clear();
    let unclear = server.taken().remove(0).to.remove(0);

    let second = tokio::runtime::Runtime::new().unwrap();
    second.block_on(async {
        let app = TestApp::mailing(Arc::clone(&storage), wide_limits(), server.config());
        // The clock of a new server stands at the planned opening, before the issue.
        app.clock.advance(Millis::from_minutes(60));
        until("the others are sent", async || {
            view(&app).await.mailings.first().is_some_and(|one| one.sent == 2)
        })
        .await;
        for address in addresses {
            assert_eq!(server.to(address).len(), 1, "{address}");
        }
        let mailing = view(&app).await.mailings.remove(0);
        assert_eq!(mailing.troubles.len(), 1);
        assert_eq!(mailing.troubles[0].address, unclear);
        assert_eq!(mailing.troubles[0].state, MailState::Unclear);
        let again = |address: &str| format!("{{\"notice\":\"issue-1\",\"address\":\"{address}\"}}");
        let post = async |person: &str, body: String| {
            let path = path("press-list/again");
            app.json_as(Method::POST, &token(person), &path, body).await.status.as_u16()
        };
        assert_eq!(post("press", again(&unclear)).await, 403);
        let sent = addresses.iter().find(|address| **address != unclear).unwrap();
        assert_eq!(post("desk", again(sent)).await, 400, "that one arrived");
        assert_eq!(post("desk", again(&unclear)).await, 204);
        until("it is sent again", async || server.to(&unclear).len() == 2).await;
        let ids: BTreeSet<String> = server
            .to(&unclear)
            .iter()
            .map(|mail| {
                let parsed = mail_parser::MessageParser::default().parse(&mail.bytes).unwrap();
                parsed.message_id().unwrap().to_owned()
            })
            .collect();
        assert_eq!(ids.len(), 1, "the same mail, to a reader that knows it");
    });
    second.shutdown_background();
    servers.shutdown_background();
    assert_eq!(EVENT, "russian-diplomats-day");
}

/// A mail server that is not there keeps nothing from being sent later.
#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_that_is_away_is_told_and_tried_again() {
    let away = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = away.local_addr().unwrap().port();
    drop(away);
    let smtp = format!("smtp://127.0.0.1:{port}");
    let config = MailConfig::new(&smtp, "press@kcfr.example", None, 600).unwrap();
    let storage = Arc::new(FaultyStorage::default());
    create(&*storage, english()).await;
    let app = live_on(TestApp::mailing(storage, wide_limits(), config)).await;
    let list = [entry("", "desk@daily.example", "en")];
    assert_eq!(put_list(&app, "desk", &list).await, 204);
    let saved = ready(&app).await;
    must(&app, "desk", issue(&saved)).await;
    until("it is told", async || view(&app).await.trouble.is_some()).await;
    let mailing = view(&app).await.mailings.remove(0);
    assert_eq!((mailing.sent, mailing.waiting), (0, 1));
}
