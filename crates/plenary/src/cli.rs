//! The command line as people type it.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueHint};
use clap_complete::Shell;

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed, or the doctor, the rehearsal or the verification found something wrong
  2  the command line is wrong, or what should be verified is no package
  3  a programme file or the configuration is wrong
  4  there is no such event or person
  5  the event exists already

`plenary COMMAND --help` tells more, with examples.";

/// Plenary: webinars for bodies that hold public talks across borders.
///
/// One program, one data folder, one port.
#[derive(Debug, Parser)]
#[command(name = "plenary", version, after_help = EXIT_CODES, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Print results as JSON; `serve` writes its log so
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server
    #[command(
        long_about = "Run the server until it is interrupted.\n\n\
            Options come from the command line, then from environment variables PLENARY_…, then \
            from the configuration file, then from defaults. docs/plenary.example.toml documents \
            every option.",
        after_help = "Examples:\n  \
            plenary serve\n  \
            plenary serve --data /srv/plenary --listen 0.0.0.0:443 --public-url https://talks.example.org\n  \
            PLENARY_LISTEN=[::]:8080 plenary serve --config /etc/plenary.toml"
    )]
    Serve(Serve),
    /// Check, create and list events, and print their personal links
    #[command(subcommand)]
    Event(Event),
    /// Sign a record package as a party
    #[command(subcommand)]
    Package(Package),
    /// Say of a record package what is as it was signed, and what is not
    #[command(
        long_about = "Say of a record package what is as it was signed, and what is not.\n\n\
            Every altered, missing or added file is named, the first line of the proceedings that \
            is not as it was written, and each signature with who made it, also those that lie \
            beside the package as PACKAGE.NAME.minisig. Nothing is extracted. No server, data \
            folder or network is needed.",
        after_help = "Examples:\n  \
            plenary verify russian-diplomats-day.zip\n  \
            plenary verify russian-diplomats-day.zip --key council.pub --key embassy.pub\n\n\
            The exit code is 0 when everything is intact, 1 when something is not, and 2 when the \
            file is no package. docs/PACKAGE.md says how to verify without this program."
    )]
    Verify {
        /// The package
        #[arg(value_hint = ValueHint::FilePath)]
        package: PathBuf,
        /// Public key, or its file, that must have signed; may be repeated
        #[arg(long, value_name = "KEY", value_hint = ValueHint::FilePath)]
        key: Vec<String>,
    },
    /// Take an event through its whole programme with synthetic people, before the day
    #[command(
        long_about = "Take an event through its whole programme with synthetic people.\n\n\
            They are real WebRTC clients: they speak, show pictures, raise hands, and try what \
            they may not. Every participant checks who was heard and seen, and when. Where there \
            is a file of statements, what is said is put down and marked meanwhile; after the close \
            the statements are worded, checked and cleared, and the release is drafted, approved by \
            every party and issued, each by the personal link of whoever does it. Without \
            --url a server is started in this process on a free port, with a data folder of its \
            own that is thrown away afterwards.",
        after_help = "Examples:\n  \
            plenary rehearse examples/russian-diplomats-day.toml --out rehearsal\n  \
            plenary rehearse talk.toml --out rehearsal --pace 1 --participants 200\n  \
            plenary rehearse talk.toml --out rehearsal --url https://talks.example.org --data /srv/plenary\n\n\
            With --url the event must exist on that server, and its links are read from --data. \
            The event is over afterwards: rehearse a copy with an id of its own, not the one \
            that people will come to."
    )]
    Rehearse(Rehearse),
    /// Load a server with synthetic publishers and viewers, and measure what each packet costs it
    #[command(
        long_about = "Load a server with synthetic publishers and viewers, and measure it.\n\n\
            They speak standard WHIP and WHEP, so that any server can be measured. Packets carry \
            the time at which they were sent; viewers find loss, whole frames and delay by \
            themselves. With --url and --data an event of its own is made on a running Plenary; \
            it is closed afterwards and stays in the list of events.",
        after_help = "Examples:\n  \
            plenary load --url http://127.0.0.1:8080 --data data --viewers 300 --server-pid 1234\n  \
            plenary load --url http://127.0.0.1:8080 --data data --viewers 300 --paced --report load.json\n  \
            plenary load --whip http://127.0.0.1:8889/talk/whip --whep http://127.0.0.1:8889/talk/whep\n  \
            plenary load --janus ws://127.0.0.1:8188 --viewers 50\n\n\
            The exit code is 1 when somebody could not join or more than 1 % was lost."
    )]
    Load(Load),
    /// Examine this machine and its settings, with a remedy for everything that is wrong
    #[command(after_help = "Examples:\n  \
            plenary doctor\n  \
            plenary doctor --config /etc/plenary.toml --json\n\n\
            Each line is ok, warning or wrong. The exit code is 1 when something is wrong.")]
    Doctor(Serve),
    /// Print a script that completes commands in a shell
    #[command(after_help = "Example:\n  \
            plenary completions bash > /usr/share/bash-completion/completions/plenary")]
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// Where the configuration and the data are.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Place {
    /// Configuration file [environment: PLENARY_CONFIG]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) config: Option<PathBuf>,
    /// Data folder [default: data] [environment: PLENARY_DATA]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) data: Option<PathBuf>,
    /// Address by which people reach the server [default: http://localhost:PORT] [environment:
    /// PLENARY_PUBLIC_URL]
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    pub(crate) public_url: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Address and port, for TCP and UDP alike [default: 0.0.0.0:8080] [environment:
    /// PLENARY_LISTEN]
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) listen: Option<String>,
    /// Address that browsers send sound and pictures to; may be repeated [default: those of this
    /// machine] [environment: PLENARY_ANNOUNCE]
    #[arg(long, value_name = "IP")]
    pub(crate) announce: Vec<IpAddr>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Event {
    /// Check a programme file; everything that is wrong is named at once
    #[command(after_help = "Example:\n  \
            plenary event check examples/russian-diplomats-day.toml\n\n\
            docs/PROGRAMME-FILE.md describes the file.")]
    Check {
        /// Programme file
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
    /// Create an event from a programme file, and print its links
    #[command(after_help = "Examples:\n  \
            plenary event create examples/russian-diplomats-day.toml\n  \
            plenary event create talk.toml --data /srv/plenary --json\n\n\
            The exit code is 5, and nothing is changed, when the event exists already.")]
    Create {
        /// Programme file
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        #[command(flatten)]
        place: Place,
    },
    /// List the events
    #[command(after_help = "Examples:\n  plenary event list\n  plenary event list --json")]
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Print the personal links of an event
    #[command(after_help = "Examples:\n  \
            plenary event links russian-diplomats-day\n  \
            plenary event links russian-diplomats-day --person ganich\n\n\
            A link is like a key: whoever has it is let in as that person. Revoke a link that \
            went astray with `plenary event revoke`.")]
    Links {
        /// Identifier of the event
        event: String,
        /// Only the link of this person
        #[arg(long, value_name = "KEY")]
        person: Option<String>,
        #[command(flatten)]
        place: Place,
    },
    /// Make a person's link invalid and print a new one
    #[command(after_help = "Example:\n  \
            plenary event revoke russian-diplomats-day mirza\n\n\
            The old link stops working at once, also while the server runs.")]
    Revoke {
        /// Identifier of the event
        event: String,
        /// Key of the person
        person: String,
        #[command(flatten)]
        place: Place,
    },
    /// Pack the whole record of a closed event into one signed file
    #[command(after_help = "Example:\n  \
            plenary event package russian-diplomats-day --output russian-diplomats-day.zip\n\n\
            Everything goes in, also who spoke under the Chatham House Rule as far as the \
            proceedings know it: the package is for the parties and their archives. docs/PACKAGE.md \
            describes it; `plenary verify` checks it.")]
    Package {
        /// Identifier of the event
        event: String,
        /// File to make; there must be none of this name
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        output: PathBuf,
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Package {
    /// Sign a package with a party's key
    #[command(after_help = "Examples:\n  \
            minisign -G -W -p kcfr.pub -s kcfr.key\n  \
            plenary package sign record.zip --key kcfr.key --comment 'agreed by the Council'\n  \
            plenary package sign record.zip --key kcfr.key --beside\n\n\
            The key is one of minisign, without a password. What is signed is the package's \
            manifest; it is not looked at whether the package is as the manifest says: verify it \
            before.")]
    Sign(Sign),
    /// Add a signature that a party made with minisign
    #[command(after_help = "Example:\n  \
            unzip -p record.zip manifest.json > manifest.json\n  \
            minisign -S -s embassy.key -m manifest.json -x embassy.minisig -t 'agreed'\n  \
            plenary package attach record.zip embassy.minisig --key embassy.pub\n\n\
            A signature that does not fit is not added.")]
    Attach(Attach),
}

#[derive(Debug, Args)]
pub(crate) struct Sign {
    /// The package
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) package: PathBuf,
    /// Secret key of the party, in the format of minisign
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) key: PathBuf,
    /// Name of the signature [default: that of the key's file]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// What is signed besides, for everybody to read [default: agreed by NAME]
    #[arg(long, value_name = "TEXT")]
    pub(crate) comment: Option<String>,
    /// Leave the package as it is: write PACKAGE.NAME.minisig and PACKAGE.NAME.pub
    #[arg(long)]
    pub(crate) beside: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Attach {
    /// The package
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) package: PathBuf,
    /// Signature of the package's manifest
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) signature: PathBuf,
    /// Public key of the party
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) key: PathBuf,
    /// Name of the signature [default: that of its file]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Rehearse {
    /// Programme file
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// What is said, and what its record says of it [default: the file beside the programme whose
    /// name ends in .statements.toml, if there is one]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) statements: Option<PathBuf>,
    /// Folder for the proceedings, the attendance, the report, the recording and the record package
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) out: PathBuf,
    /// A server that runs already
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    pub(crate) url: Option<String>,
    /// How many times faster than planned; each segment lasts a few seconds at least
    #[arg(long, default_value_t = 60.0)]
    pub(crate) pace: f64,
    /// Participants beside those whom the file names
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) participants: u32,
    /// Data folder of the server at --url, for the personal links
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, requires = "url")]
    pub(crate) data: Option<PathBuf>,
    /// Configuration file of the server at --url
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "url")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Load {
    /// A Plenary that runs on this machine
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url, requires = "data")]
    #[arg(required_unless_present_any = ["whip", "janus"])]
    pub(crate) url: Option<String>,
    /// Data folder of the server at --url, for an event of the test's own
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, requires = "url")]
    pub(crate) data: Option<PathBuf>,
    /// Where publishers come in on any other server; {n} stands for their number
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url, requires = "whep")]
    #[arg(conflicts_with = "url")]
    pub(crate) whip: Option<String>,
    /// Where viewers come in there; {n} is 1
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url, requires = "whip")]
    pub(crate) whep: Option<String>,
    /// The videoroom of a Janus, by the address of its WebSocket
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    #[arg(conflicts_with_all = ["url", "whip"])]
    pub(crate) janus: Option<String>,
    /// Bearer token for --whip and --whep
    #[arg(long, value_name = "TOKEN", requires = "whip")]
    pub(crate) token: Option<String>,
    /// How many publish
    #[arg(long, default_value_t = 1, value_name = "P")]
    pub(crate) publishers: u16,
    /// How many watch
    #[arg(long, default_value_t = 50, value_name = "N")]
    pub(crate) viewers: u16,
    /// How many viewers come in each second
    #[arg(long, default_value_t = 50.0, value_name = "R")]
    pub(crate) ramp: f64,
    /// Seconds for which it is measured, once everybody is in
    #[arg(long = "for", default_value_t = 15, value_name = "SECONDS")]
    pub(crate) seconds: u16,
    /// Spread each frame over 13 ms, as a thin uplink does, instead of sending it at once
    #[arg(long)]
    pub(crate) paced: bool,
    /// Publish three layers (150, 500 and 1,500 kbit/s) instead of the largest alone
    #[arg(long)]
    pub(crate) simulcast: bool,
    /// Of so many viewers one decrypts everything, the others count [default: all up to 100
    /// viewers, else 50 of them]
    #[arg(long, value_name = "K")]
    pub(crate) sample: Option<u16>,
    /// Process of the server, to measure its processor time and memory
    #[arg(long, value_name = "PID")]
    pub(crate) server_pid: Option<u32>,
    /// File for the report as JSON
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) report: Option<PathBuf>,
}
