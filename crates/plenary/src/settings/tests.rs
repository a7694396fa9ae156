use expect_test::{Expect, expect};

use super::*;

fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn file(text: &str) -> File {
    File { path: PathBuf::from("/etc/plenary/plenary.toml"), text: text.to_owned() }
}

fn settled(flags: &[(&'static str, &str)], env: &[(&str, &str)], text: &str) -> Settings {
    let flags = flags.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
    settle(&flags, &environment(env), Some(&file(text)), false)
        .unwrap_or_else(|failure| panic!("{}{}", failure.report, failure.message))
}

fn refused(flags: &[(&'static str, &str)], env: &[(&str, &str)], text: &str, expected: Expect) {
    let flags = flags.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
    let failure = settle(&flags, &environment(env), Some(&file(text)), false)
        .expect_err("it should be refused");
    expected.assert_eq(&format!("{}{}", failure.report, failure.message));
}

#[test]
fn without_anything_there_are_defaults() {
    let settings = settle(&Flags::new(), &BTreeMap::new(), None, false).expect("defaults");
    assert_eq!(settings.listen.value.to_string(), "0.0.0.0:8080");
    assert_eq!(settings.data.value, PathBuf::from("data"));
    assert_eq!(settings.public_url(8080).to_string(), "http://localhost:8080");
    assert_eq!((settings.trusted_proxies.len(), settings.tls), (2, None));
    assert_eq!((settings.metrics_allow.len(), settings.metrics_token), (2, None));
    assert_eq!((settings.store, settings.mail), (None, None));
    assert_eq!(settings.media_workers, None);
}

#[test]
fn flag_before_environment_before_file_before_default() {
    let text = "listen = \"10.0.0.1:1\"\ndata = \"d\"\npublic_url = \"https://file.example\"";
    let settings = settled(&[], &[], text);
    assert_eq!(
        settings.listen,
        Set { value: "10.0.0.1:1".parse().expect("an address"), origin: Origin::File }
    );
    let env = [("PLENARY_LISTEN", "10.0.0.2:2")];
    let settings = settled(&[], &env, text);
    assert_eq!(settings.listen.origin, Origin::Environment("PLENARY_LISTEN"));
    assert_eq!(settings.listen.value.port(), 2);
    let settings = settled(&[("listen", "10.0.0.3:3")], &env, text);
    assert_eq!(settings.listen.origin, Origin::Flag);
    assert_eq!(settings.listen.value.port(), 3);
    // What one flag says leaves every other value as it was.
    assert_eq!(settings.public_url(3).to_string(), "https://file.example");
    assert_eq!(settings.data.value, PathBuf::from("/etc/plenary/d"));
}

/// A flag that was not given must not put its default over the file's value.
#[test]
fn a_flag_left_out_does_not_overwrite_the_file() {
    let serve = <crate::cli::Cli as clap::Parser>::parse_from(["plenary", "serve"]);
    let crate::cli::Command::Serve(serve) = serve.command else { panic!("serve") };
    let flags = crate::serve_flags(&serve);
    assert!(flags.is_empty(), "{flags:?}");
    let file = file("listen = \"127.0.0.1:9999\"\nannounce = [\"203.0.113.7\"]\n");
    let settings = settle(&flags, &BTreeMap::new(), Some(&file), false).expect("right");
    assert_eq!(settings.listen.value.to_string(), "127.0.0.1:9999");
    assert_eq!(settings.announce.value.len(), 1);
}

#[test]
fn paths_of_the_file_are_relative_to_it_and_others_are_not() {
    let text = "[tls]\ncertificate = \"c.pem\"\nkey = \"/k.pem\"";
    let settings = settled(&[], &[("PLENARY_DATA", "here")], text);
    assert_eq!(settings.data.value, PathBuf::from("here"));
    let tls = settings.tls.expect("a certificate");
    assert_eq!(tls.certificate, PathBuf::from("/etc/plenary/c.pem"));
    assert_eq!(tls.key, PathBuf::from("/k.pem"));
}

#[test]
fn all_that_is_wrong_in_a_file_is_told() {
    let text = "lisen = 1\nlisten = \"here\"\nannounce = [\"0.0.0.0\"]\ncolour = 2\ntls = 3\n\
                trusted_proxies = [\"proxy\"]\n[log]\nlevel = \"loud=loud=loud\"\nformat = true\nformt = 1\n";
    refused(
        &[],
        &[],
        text,
        expect![[r#"
            error: there is no option `lisen`
             --> /etc/plenary/plenary.toml:1:1  lisen
              |
            1 | lisen = 1
              | ^^^^^
              = did you mean `listen`?

            error: "here" is not an address with a port; write it as 0.0.0.0:8080, 127.0.0.1:8080 or [::]:8080
             --> /etc/plenary/plenary.toml:2:10  listen
              |
            2 | listen = "here"
              |          ^^^^^^

            error: 0.0.0.0 is no address that one can send to; name one
             --> /etc/plenary/plenary.toml:3:12  announce
              |
            3 | announce = ["0.0.0.0"]
              |            ^^^^^^^^^^^

            error: there is no option `colour`
             --> /etc/plenary/plenary.toml:4:1  colour
              |
            4 | colour = 2
              | ^^^^^^
              = the options are data, listen, public_url, announce, trusted_proxies, recordings, media_workers, store.url, store.endpoint, store.region, store.access_key, store.secret_key, store.keep_local, recognition.model, recognition.languages, recognition.threads, recognition.share_percent, mail.smtp, mail.from, mail.user, mail.password, mail.per_minute, metrics.allow, metrics.token, tls.certificate, tls.key, log.level, log.format

            error: `tls` takes a table
             --> /etc/plenary/plenary.toml:5:7  tls
              |
            5 | tls = 3
              |       ^
              = write [tls] and below it certificate = "certificate.pem" and key = "key.pem"

            error: "proxy" is not an IP address; write it as 203.0.113.7 or 2001:db8::7
             --> /etc/plenary/plenary.toml:6:19  trusted_proxies
              |
            6 | trusted_proxies = ["proxy"]
              |                   ^^^^^^^^^

            error: "loud=loud=loud" is not a level; it is error, warn, info, debug or trace, or by part as "info,sfu=debug"
             --> /etc/plenary/plenary.toml:8:9  log.level
              |
            8 | level = "loud=loud=loud"
              |         ^^^^^^^^^^^^^^^^

            error: `log.format` does not take such a value
             --> /etc/plenary/plenary.toml:9:10  log.format
              |
            9 | format = true
              |          ^^^^
              = for example `format = "text"`

            error: there is no option `log.formt`
              --> /etc/plenary/plenary.toml:10:1  log.formt
               |
            10 | formt = 1
               | ^^^^^
               = did you mean `log.format`?

            /etc/plenary/plenary.toml: 9 errors"#]],
    );
    refused(
        &[],
        &[],
        "listen = \n[[",
        expect![[r#"
            error: string values must be quoted, expected literal string
             --> /etc/plenary/plenary.toml:1:10
              |
            1 | listen = 
              |          ^

            error: unquoted keys cannot be empty, expected letters, numbers, `-`, `_`
             --> /etc/plenary/plenary.toml:2:3
              |
            2 | [[
              |   ^

            /etc/plenary/plenary.toml: 2 errors"#]],
    );
    refused(
        &[],
        &[],
        "[tls]\nkey = \"k.pem\"",
        expect!["`tls.key` is set and `tls.certificate` is not: both are needed."],
    );
}

#[test]
fn a_wrong_flag_or_variable_is_named() {
    refused(
        &[("listen", "8080")],
        &[],
        "",
        expect![[
            r#"--listen: "8080" is not an address with a port; write it as 0.0.0.0:8080, 127.0.0.1:8080 or [::]:8080."#
        ]],
    );
    refused(
        &[],
        &[("PLENARY_PUBLIC_URL", "talks.example.org")],
        "",
        expect![[
            r#"PLENARY_PUBLIC_URL: "talks.example.org" does not begin with https:// or http://; write it as https://talks.example.org or http://localhost:8080."#
        ]],
    );
    refused(
        &[],
        &[("PLENARY_ANNOUNCE", "1.2.3.4,x")],
        "",
        expect![[
            r#"PLENARY_ANNOUNCE: "x" is not an IP address; write it as 203.0.113.7 or 2001:db8::7."#
        ]],
    );
    for (url, word) in [
        ("https://a.example/path", "path"),
        ("ftp://a.example", "begin"),
        ("https://me@a.example", "user name"),
        ("https://", "not an address"),
    ] {
        let why = PublicUrl::parse(url).expect_err(url);
        assert!(why.contains(word), "{url}: {why}");
    }
}

#[test]
fn variables_that_are_nearly_right_are_noticed() {
    let env = environment(&[
        ("PLENARY_LISTN", "x"),
        ("PLENARY_SIM_SEEDS", "9"),
        ("PLENARY_DATA", "d"),
        ("HOME", "/"),
    ]);
    assert_eq!(misspelt(&env), [("PLENARY_LISTN".to_owned(), "PLENARY_LISTEN")]);
}

#[test]
fn browsers_trust_https_and_the_machine_itself() {
    for (url, trusted) in [
        ("https://talks.example.org", true),
        ("http://localhost:8080", true),
        ("http://plenary.localhost", true),
        ("http://127.0.0.1:8080", true),
        ("http://[::1]:8080", true),
        ("http://192.168.1.5:8080", false),
        ("http://talks.example.org", false),
    ] {
        let url = PublicUrl::parse(url).expect(url);
        assert_eq!(url.is_trustworthy(), trusted, "{url}");
    }
    assert_eq!(PublicUrl::parse("https://A.example/").expect("a URL").port, 443);
}

#[test]
fn workers_and_metrics() {
    let text = "media_workers = 3\n[metrics]\nallow = [\"192.0.2.9\"]";
    let settings = settled(&[], &[("PLENARY_METRICS_TOKEN", "0123456789abcdef")], text);
    assert_eq!(settings.media_workers, Some(3));
    assert_eq!(settings.metrics_allow, ["192.0.2.9".parse::<IpAddr>().expect("an address")]);
    assert_eq!(settings.metrics_token.as_ref().map(|t| t.0.as_str()), Some("0123456789abcdef"));
    assert!(!format!("{settings:?}").contains("0123456789abcdef"), "it must not reach a log");

    let wrong = |variable: &str, value: &str| {
        settle(&Flags::new(), &environment(&[(variable, value)]), None, false)
            .expect_err(value)
            .message
    };
    for value in ["0", "65", "many", "-1"] {
        let message = wrong("PLENARY_MEDIA_WORKERS", value);
        assert!(message.ends_with("is not a number from 1 to 64."), "{message}");
    }
    for value in ["hunter2", "with spaces in the middle of it"] {
        let message = wrong("PLENARY_METRICS_TOKEN", value);
        assert!(message.starts_with("PLENARY_METRICS_TOKEN: it "), "{message}");
        assert!(!message.contains(value), "a secret is not repeated: {message}");
    }
}

#[test]
fn the_example_file_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/plenary.example.toml");
    let current = example_file();
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::write(path, &current).expect("the file can be written");
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == current,
        "docs/plenary.example.toml is stale; run UPDATE_GENERATED=1 cargo test -p plenary"
    );
}

/// Every line of the example is right when its comment sign is taken away.
#[test]
fn the_example_file_is_right() {
    let mut text = String::new();
    for line in example_file().lines() {
        let line = line.trim_start_matches("# ");
        if line.starts_with('[') && line.ends_with(']')
            || OPTIONS.iter().any(|option| option.line == line)
        {
            text += &format!("{line}\n");
        }
    }
    let settings = settled(&[], &[], &text);
    assert!(settings.tls.is_some());
    assert_eq!(settings.announce.value.len(), 1);
    assert_eq!(text.lines().count(), OPTIONS.len() + 6);
}
