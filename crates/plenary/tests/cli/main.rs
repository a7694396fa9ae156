//! The program as people call it: results, exit codes, and what stays untouched when something is
//! wrong.

mod off_the_record;

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use expect_test::expect;
use package::SecretKey;
use serde_json::Value;
use tempfile::TempDir;

const EXAMPLE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/russian-diplomats-day.toml");
const EVENT: &str = "russian-diplomats-day";

/// A debug build on a busy machine answers within this time.
const START_TIMEOUT: Duration = Duration::from_secs(30);

fn plenary(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plenary"));
    command.args(args);
    // What the developer has set does not count here.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PLENARY_") {
            command.env_remove(name);
        }
    }
    command
}

fn run(args: &[&str]) -> Output {
    plenary(args).output().expect("the program runs")
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("an exit code")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("text")
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{}", stdout(output), stderr(output)))
}

/// A data folder of the test's own, with the reference event in it.
struct Data(TempDir);

impl Data {
    fn empty() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn with_event() -> Self {
        let data = Self::empty();
        let created = data.run(&["event", "create", EXAMPLE]);
        assert_eq!(code(&created), 0, "{}", stderr(&created));
        data
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("data")
    }

    fn run(&self, args: &[&str]) -> Output {
        plenary(args).arg("--data").arg(self.path()).output().expect("the program runs")
    }
}

#[test]
fn a_right_file_is_right() {
    let checked = run(&["event", "check", EXAMPLE]);
    assert_eq!(code(&checked), 0);
    expect![[r#"
        right russian-diplomats-day: 4 segments in 70 minutes, 8 people, in en, ru, ur
    "#]]
    .assert_eq(&stdout(&checked));
    let checked = json(&run(&["event", "check", EXAMPLE, "--json"]));
    assert_eq!(checked["event"], EVENT);
}

#[test]
fn a_broken_file_is_told_with_its_places_and_nothing_is_created() {
    let data = Data::empty();
    let text = fs::read_to_string(EXAMPLE).expect("the example");
    let broken =
        text.replace("kind = \"questions\"", "knd = \"questions\"").replace("\"RU\"", "\"RUS\"");
    let file = data.0.path().join("broken.toml");
    fs::write(&file, broken).expect("written");
    let file = file.to_str().expect("a path");

    let checked = run(&["event", "check", file]);
    assert_eq!(code(&checked), 3);
    assert!(stdout(&checked).is_empty());
    let told = stderr(&checked);
    assert!(
        told.contains("did you mean `kind`?") && told.contains("did you mean \"RU\"?"),
        "{told}"
    );
    assert!(told.contains("broken.toml:") && told.contains("2 errors"), "{told}");
    assert!(!told.contains('\x1b'), "no colours where there is no terminal");

    let created = data.run(&["event", "create", file, "--json"]);
    assert_eq!(code(&created), 3);
    assert_eq!(json(&created)["error"], "bad-file");
    assert_eq!(json(&created)["errors"].as_array().map(Vec::len), Some(2));
    assert!(!data.path().exists(), "a wrong file makes no data folder");

    let missing = run(&["event", "check", "no-such-file.toml"]);
    assert_eq!(code(&missing), 3);
    assert!(stderr(&missing).contains("no-such-file.toml"));
}

#[test]
fn an_event_is_created_once_and_its_links_stay_the_same() {
    let data = Data::empty();
    let created = data.run(&["event", "create", EXAMPLE, "--json"]);
    let created = json(&created);
    assert_eq!(created["event"], EVENT);
    assert_eq!(created["url"], format!("http://localhost:8080/e/{EVENT}"));
    let links = created["links"].as_array().expect("links");
    assert_eq!(links.len(), 8);
    assert_eq!(links[0]["name"], "HE Danila Ganich");
    assert_eq!(links[0]["roles"][0], "plenary-speaker");
    let prefix = format!("http://localhost:8080/e/{EVENT}/join#");
    assert!(links[0]["link"].as_str().is_some_and(|link| link.starts_with(&prefix)));

    let again = data.run(&["event", "create", EXAMPLE]);
    assert_eq!(code(&again), 5);
    assert!(stderr(&again).contains("exists already"));
    let printed = json(&data.run(&["event", "links", EVENT, "--json"]));
    assert_eq!(printed["links"], created["links"]);
    let elsewhere = data.run(&[
        "event",
        "links",
        EVENT,
        "--person",
        "kazi",
        "--public-url",
        "https://a.example",
    ]);
    assert!(stdout(&elsewhere).contains("https://a.example/e/"), "{}", stdout(&elsewhere));
    assert!(stdout(&elsewhere).contains("Ambassador Dr Mustafa Kamal Kazi, moderator"));
    assert!(!stdout(&elsewhere).contains("Ganich"));

    let listed = json(&data.run(&["event", "list", "--json"]));
    assert_eq!(listed["events"][0]["event"], EVENT);
    assert_eq!(listed["events"][0]["start"], "2021-02-09T10:00:00Z");
    assert_eq!(listed["events"][0]["life"], "scheduled");
}

#[test]
fn a_revoked_link_is_replaced_and_the_others_stay() {
    let data = Data::with_event();
    let before = json(&data.run(&["event", "links", EVENT, "--json"]));
    let revoked = json(&data.run(&["event", "revoke", EVENT, "mirza", "--json"]));
    let after = json(&data.run(&["event", "links", EVENT, "--json"]));
    let of = |links: &Value, person: &str| -> Value {
        let links = links["links"].as_array().expect("links");
        links.iter().find(|link| link["person"] == person).expect("a link")["link"].clone()
    };
    assert_ne!(of(&before, "mirza"), of(&after, "mirza"));
    assert_eq!(of(&revoked, "mirza"), of(&after, "mirza"));
    assert_eq!(of(&before, "ganich"), of(&after, "ganich"));
}

#[test]
fn what_is_not_there_is_named_with_what_is() {
    let data = Data::with_event();
    let event = data.run(&["event", "links", "russian-diplomat-day"]);
    assert_eq!(code(&event), 4);
    assert!(stderr(&event).contains("Did you mean russian-diplomats-day?"), "{}", stderr(&event));
    let person = data.run(&["event", "revoke", EVENT, "ganitch"]);
    assert_eq!(code(&person), 4);
    assert!(stderr(&person).contains("Did you mean ganich?"), "{}", stderr(&person));
    let person = data.run(&["event", "revoke", EVENT, "../etc", "--json"]);
    assert_eq!((code(&person), json(&person)["error"].as_str()), (4, Some("not-found")));
}

#[test]
fn the_data_folder_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let data = Data::with_event();
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&data.path()), 0o700);
    for entry in fs::read_dir(data.path()).expect("the folder") {
        let path = entry.expect("an entry").path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[test]
fn a_wrong_command_line_and_a_wrong_configuration_differ() {
    assert_eq!(code(&run(&["event", "chek"])), 2);
    assert_eq!(code(&run(&["serve", "--listen", "8080"])), 2);
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("plenary.toml");
    fs::write(&config, "lisen = \"0.0.0.0:1\"\n").expect("written");
    let wrong = plenary(&["serve", "--config"]).arg(&config).output().expect("it runs");
    assert_eq!(code(&wrong), 3);
    assert!(stderr(&wrong).contains("did you mean `listen`?"), "{}", stderr(&wrong));
    let named = plenary(&["event", "list"]).env("PLENARY_CONFIG", &config).output().expect("runs");
    assert_eq!(code(&named), 3);
    let near = plenary(&["event", "list", "--data"])
        .arg(folder.path().join("d"))
        .env("PLENARY_LISTN", "x")
        .output()
        .expect("it runs");
    assert!(stderr(&near).contains("did you mean PLENARY_LISTEN?"), "{}", stderr(&near));
}

#[test]
fn help_has_examples_and_exit_codes() {
    let help = stdout(&run(&["--help"]));
    for word in ["serve", "event", "rehearse", "load", "doctor", "completions", "Exit codes:"] {
        assert!(help.contains(word), "{word} is not in the help");
    }
    for command in [
        &["serve"][..],
        &["event", "check"],
        &["event", "create"],
        &["event", "list"],
        &["event", "links"],
        &["event", "revoke"],
        &["package", "sign"],
        &["package", "attach"],
        &["rehearse"],
        &["doctor"],
        &["completions"],
    ] {
        let args: Vec<_> = command.iter().copied().chain(["--help"]).collect();
        assert!(stdout(&run(&args)).contains("Example"), "{command:?} has no example");
    }
    for shell in ["bash", "zsh", "fish"] {
        assert!(stdout(&run(&["completions", shell])).contains("rehearse"));
    }
}

#[test]
fn a_rehearsal_leaves_the_issued_release_in_a_package_in_which_one_altered_byte_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().to_str().expect("a path");
    let rehearsed = run(&["rehearse", EXAMPLE, "--out", out, "--pace", "3000"]);
    assert_eq!(code(&rehearsed), 0, "{}{}", stdout(&rehearsed), stderr(&rehearsed));
    let report = fs::read_to_string(folder.path().join("report.json")).expect("a report");
    let report: Value = serde_json::from_str(&report).expect("JSON");
    let record = &report["record"];
    assert_eq!((&record["statements"], &record["cleared"]), (&15.into(), &15.into()), "{record}");
    assert_eq!(record["languages"], serde_json::json!(["en", "ru", "ur"]));
    let package = folder.path().join("record.zip");
    let path = package.to_str().expect("a path");
    let packed = fs::read(&package).expect("the package");
    let holds = |name: &str| packed.windows(name.len()).any(|seen| seen == name.as_bytes());
    for language in ["en", "ru", "ur"] {
        for form in ["html", "txt", "md", "docx", "pdf", "json"] {
            let name = format!("release/issued/{language}.{form}");
            assert!(holds(&name), "{name} is not in the package");
        }
    }
    let intact = run(&["verify", path]);
    assert_eq!(code(&intact), 0, "{}{}", stdout(&intact), stderr(&intact));
    assert!(stdout(&intact).contains("everything is as it was signed"), "{}", stdout(&intact));

    parties_sign(folder.path(), path);

    let mut bytes = fs::read(&package).expect("the package");
    let word = b"introductory-remarks";
    let at = bytes.windows(word.len()).position(|seen| seen == word).expect("a segment's name");
    bytes[at] ^= 1;
    fs::write(&package, bytes).expect("written");
    let altered = run(&["verify", path, "--json"]);
    assert_eq!(code(&altered), 1, "{}", stdout(&altered));
    assert!(stdout(&altered).contains("proceedings.jsonl"), "{}", stdout(&altered));
    let report = folder.path().join("report.json");
    let none = run(&["verify", report.to_str().expect("a path")]);
    assert_eq!(code(&none), 2, "{}", stderr(&none));
}

/// One party signs in the package, the other beside it; everybody sees who did.
fn parties_sign(folder: &Path, package: &str) {
    let place = |name: &str| folder.join(name).to_str().expect("a path").to_owned();
    let secret = SecretKey::from_random([9; 40]).expect("a key");
    fs::write(place("kcfr.key"), secret.to_file()).expect("room");
    let key = place("kcfr.key");
    let sign = ["package", "sign", package, "--key", &key];
    let signed = run(&[&sign[..], &["--comment", "agreed by the Council"]].concat());
    assert_eq!(code(&signed), 0, "{}", stderr(&signed));
    let again = run(&sign);
    assert_eq!(code(&again), 1, "{}", stdout(&again));
    assert!(stderr(&again).contains("signatures/kcfr.minisig"), "{}", stderr(&again));
    let beside = run(&[&sign[..], &["--beside", "--name", "embassy"]].concat());
    assert_eq!(code(&beside), 0, "{}", stderr(&beside));
    let public = secret.public().encoded();
    let verified = run(&["verify", package, "--key", &public]);
    assert_eq!(code(&verified), 0, "{}", stdout(&verified));
    for told in [
        "Signature signatures/kcfr.minisig: good",
        "signed with it: agreed by the Council",
        "Signature record.zip.embassy.minisig: good",
        "signed with it: agreed by embassy",
    ] {
        assert!(stdout(&verified).contains(told), "{told}: {}", stdout(&verified));
    }
    // A signature of something else is not added, and beside the package it is named.
    let other = place("other.minisig");
    fs::write(&other, secret.sign(b"something else", "")).expect("room");
    fs::write(place("kcfr.pub"), secret.public().to_file()).expect("room");
    let attached = run(&["package", "attach", package, &other, "--key", &place("kcfr.pub")]);
    assert_eq!(code(&attached), 1);
    assert!(stderr(&attached).contains("is not one of its manifest"), "{}", stderr(&attached));
    fs::rename(&other, place("record.zip.other.minisig")).expect("ours");
    let named = run(&["verify", package]);
    assert_eq!(code(&named), 1);
    assert!(stdout(&named).contains("altered: record.zip.other.minisig"), "{}", stdout(&named));
    fs::remove_file(place("record.zip.other.minisig")).expect("ours");
}

#[test]
fn the_doctor_reports_every_line_with_a_remedy_unless_it_is_ok() {
    let data = Data::empty();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let listen = taken.local_addr().expect("an address").to_string();
    let sick = data.run(&["doctor", "--listen", &listen, "--json"]);
    assert_eq!(code(&sick), 1);
    let findings = json(&sick)["findings"].as_array().expect("findings").clone();
    assert!(findings.len() > 8, "{findings:#?}");
    for finding in &findings {
        let ok = finding["verdict"] == "ok";
        assert_eq!(finding["remedy"].is_null(), ok, "{finding}");
    }
    drop(taken);
    let well = data.run(&["doctor", "--listen", &listen]);
    assert_eq!(code(&well), 0, "{}", stdout(&well));
    assert!(!data.path().exists(), "the doctor changes nothing");
}

/// A running server; killed when the test is over, however it ends.
struct Serving {
    child: Child,
    port: u16,
    log: PathBuf,
}

impl Serving {
    fn start(data: &Data) -> Self {
        Self::start_with(data, "info")
    }

    fn start_with(data: &Data, log_level: &str) -> Self {
        // A pipe that nobody empties would stop the server.
        let log = data.0.path().join("log");
        let writer = fs::File::create(&log).expect("a file");
        let port = free_port();
        let child = plenary(&["serve", "--listen", &format!("127.0.0.1:{port}"), "--data"])
            .arg(data.path())
            .env("PLENARY_LOG", log_level)
            .stdout(Stdio::piped())
            .stderr(writer)
            .spawn()
            .expect("the program runs");
        let serving = Self { child, port, log };
        let start = Instant::now();
        while serving.get("/api/health").is_none_or(|(status, _)| status != 200) {
            assert!(start.elapsed() < START_TIMEOUT, "the server does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
        serving
    }

    /// Status and body.
    fn get(&self, path: &str) -> Option<(u16, String)> {
        self.request(path, "")
    }

    fn request(&self, path: &str, header: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(START_TIMEOUT)).ok()?;
        let head =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{header}\r\n");
        stream.write_all(head.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let status = answer.split(' ').nth(1)?.parse().ok()?;
        Some((status, answer))
    }

    /// Asks the server to end, as a service manager does, and returns its exit code and log.
    fn stop(mut self) -> (Option<i32>, String) {
        let terminated =
            Command::new("kill").arg(self.child.id().to_string()).status().expect("kill runs");
        assert!(terminated.success());
        let code = self.child.wait().expect("it ends").code();
        (code, fs::read_to_string(&self.log).expect("text"))
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // Both fail when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that is free for TCP and UDP.
fn free_port() -> u16 {
    for _ in 0..50 {
        let tcp = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = tcp.local_addr().expect("an address").port();
        if UdpSocket::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no port is free for both");
}

#[test]
fn a_server_sees_what_the_command_line_does_and_ends_in_order() {
    let data = Data::empty();
    let serving = Serving::start(&data);
    let created = json(&data.run(&["event", "create", EXAMPLE, "--json"]));
    let (status, _) = serving.get(&format!("/api/events/{EVENT}")).expect("an answer");
    assert_eq!(status, 200, "an event created beside the running server");

    let link = created["links"][3]["link"].as_str().expect("a link");
    assert_eq!(created["links"][3]["person"], "mirza");
    let token = link.split('#').nth(1).expect("a token");
    let join = format!("/api/events/{EVENT}/join");
    let bearer = format!("Authorization: Bearer {token}\r\n");
    assert_eq!(serving.request(&join, &bearer).expect("an answer").0, 200);
    assert_eq!(code(&data.run(&["event", "revoke", EVENT, "mirza"])), 0);
    assert_eq!(serving.request(&join, &bearer).expect("an answer").0, 401);

    let listen = format!("127.0.0.1:{}", serving.port);
    let examined = data.run(&["doctor", "--listen", &listen]);
    assert_eq!(code(&examined), 0, "{}", stdout(&examined));
    assert!(stdout(&examined).contains("a Plenary server runs on"));
    let second = data.run(&["serve", "--listen", &listen]);
    assert_eq!(code(&second), 1);
    assert!(stderr(&second).contains(&listen), "{}", stderr(&second));

    let (exit, log) = serving.stop();
    assert_eq!(exit, Some(0), "{log}");
    for secret in [token, "Ganich", "Mirza"] {
        assert!(!log.contains(secret), "the log tells {secret}: {log}");
    }
    assert!(log.contains(&listen) && !log.contains("ERROR"), "{log}");
}

#[test]
fn a_load_test_measures_a_running_server_and_leaves_it_as_it_was() {
    let data = Data::empty();
    let serving = Serving::start(&data);
    let (url, pid) = (format!("http://127.0.0.1:{}", serving.port), serving.child.id().to_string());
    let report = data.0.path().join("load.json");
    let report = report.to_str().expect("text");
    let loaded = data.run(&[
        "load",
        "--url",
        &url,
        "--viewers",
        "5",
        "--publishers",
        "2",
        "--ramp",
        "20",
        "--for",
        "2",
        "--sample",
        "2",
        "--server-pid",
        &pid,
        "--report",
        report,
    ]);
    assert_eq!(code(&loaded), 0, "{}{}", stdout(&loaded), stderr(&loaded));
    assert!(stdout(&loaded).contains("µs a packet"), "{}", stdout(&loaded));
    let report: Value =
        serde_json::from_str(&fs::read_to_string(report).expect("a report")).expect("JSON");
    assert_eq!((&report["joined"], &report["thorough"]), (&5.into(), &3.into()), "{report}");
    assert_eq!(report["received"], report["expected"], "{report}");
    // Each of three viewers sees one or both of two publishers; how many frames a busy machine sends
    // is not promised.
    let (seen, sent) = (report["frames"].as_u64(), report["sent"]["frames"].as_u64());
    assert!(sent > Some(0) && seen.map(|seen| 2 * seen) > sent, "{report}");
    // The event of the test is over, and nobody has a place in it any more.
    let events = json(&data.run(&["event", "list", "--json"]));
    assert_eq!(events["events"][0]["life"], "closed", "{events}");
    let (ended, log) = serving.stop();
    assert_eq!(ended, Some(0), "{log}");
}

#[test]
fn a_load_test_of_nothing_is_refused() {
    for (arguments, word) in [
        (&["load"][..], "--url"),
        (&["load", "--url", "http://127.0.0.1:9"], "--data"),
        (&["load", "--whip", "http://127.0.0.1:9"], "--whep"),
    ] {
        let refused = run(arguments);
        assert_eq!(code(&refused), 2);
        assert!(stderr(&refused).contains(word), "{}", stderr(&refused));
    }
    let nobody = run(&["load", "--whip", "http://127.0.0.1:9/a", "--whep", "http://127.0.0.1:9/b"]);
    assert_eq!(code(&nobody), 1);
    assert!(stderr(&nobody).contains("Publisher 1 cannot come in"), "{}", stderr(&nobody));
}
