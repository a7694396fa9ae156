//! The program `plenary`: serve, event, verify, rehearse, load, doctor. It reads the command line and the
//! settings, hands the system's clock and randomness to the crates that do the work, and prints.

mod cli;
mod doctor;
mod event;
mod load;
mod output;
mod proof;
mod rehearse;
mod serve;
mod settings;
mod sign;
mod store;
mod system;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use cli::{Cli, Command, Event, Package, Place, Serve};
use output::{Exit, Failure, Terminal};
use settings::{File, Flags, Settings};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let terminal = Terminal::new(cli.json);
    match run(terminal, cli.command) {
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some(exit)) => ExitCode::from(exit as u8),
        Err(failure) => {
            terminal.fail(&failure);
            ExitCode::from(failure.exit as u8)
        }
    }
}

/// Carries the command out. `Some` exit code: it was carried out, and what it found is not good.
fn run(terminal: Terminal, command: Command) -> Result<Option<Exit>, Failure> {
    match command {
        Command::Serve(serve) => {
            let settings = settings(terminal, serve.place.config.as_deref(), &serve_flags(&serve))?;
            serve::run(terminal, &settings).map(|()| None)
        }
        Command::Doctor(serve) => {
            let settings = settings(terminal, serve.place.config.as_deref(), &serve_flags(&serve))?;
            doctor::run(terminal, &settings)
        }
        Command::Event(Event::Check { file }) => event::check(terminal, &file),
        Command::Event(Event::Create { file, place }) => {
            event::create(terminal, &file, &place_settings(terminal, &place)?)
        }
        Command::Event(Event::List { place }) => {
            event::list(terminal, &place_settings(terminal, &place)?)
        }
        Command::Event(Event::Links { event, person, place }) => {
            let settings = place_settings(terminal, &place)?;
            event::print_all_links(terminal, &event, person.as_deref(), &settings)
        }
        Command::Event(Event::Revoke { event, person, place }) => {
            event::revoke(terminal, &event, &person, &place_settings(terminal, &place)?)
        }
        Command::Event(Event::Package { event, output, place }) => {
            proof::make(terminal, &event, &output, &place_settings(terminal, &place)?)
        }
        Command::Package(Package::Sign(wanted)) => sign::sign(terminal, &wanted),
        Command::Package(Package::Attach(wanted)) => sign::attach(terminal, &wanted),
        Command::Verify { package, key } => proof::verify(terminal, &package, &key),
        Command::Rehearse(wanted) => {
            let place = Place {
                config: wanted.config.clone(),
                data: wanted.data.clone(),
                public_url: None,
            };
            rehearse::run(terminal, &wanted, &place_settings(terminal, &place)?)
        }
        Command::Load(wanted) => load::run(terminal, &wanted),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "plenary", &mut script);
            terminal.print(&String::from_utf8_lossy(&script)).map(|()| None)
        }
    }
}

fn place_settings(terminal: Terminal, place: &Place) -> Result<Settings, Failure> {
    settings(terminal, place.config.as_deref(), &place_flags(place))
}

/// The values that stand on the command line. What was left out is absent, so that it cannot hide
/// the file's value.
fn place_flags(place: &Place) -> Flags {
    let mut flags = Flags::new();
    if let Some(data) = &place.data {
        flags.insert("data", data.to_string_lossy().into_owned());
    }
    if let Some(url) = &place.public_url {
        flags.insert("public_url", url.clone());
    }
    flags
}

fn serve_flags(serve: &Serve) -> Flags {
    let mut flags = place_flags(&serve.place);
    if let Some(listen) = &serve.listen {
        flags.insert("listen", listen.clone());
    }
    if !serve.announce.is_empty() {
        let addresses: Vec<_> = serve.announce.iter().map(ToString::to_string).collect();
        flags.insert("announce", addresses.join(","));
    }
    flags
}

/// The settings in force.
fn settings(
    terminal: Terminal,
    config: Option<&std::path::Path>,
    flags: &Flags,
) -> Result<Settings, Failure> {
    let environment: BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name.starts_with("PLENARY_"))
        .collect();
    for (name, meant) in settings::misspelt(&environment) {
        terminal.note(&format!("The variable {name} is not known; did you mean {meant}?"));
    }
    let named = environment.get("PLENARY_CONFIG").filter(|path| !path.is_empty());
    let path = config.map(PathBuf::from).or_else(|| named.map(PathBuf::from));
    let file = path.as_deref().map(File::read).transpose()?;
    settings::settle(flags, &environment, file.as_ref(), terminal.colour_of_errors)
}
