//! The TypeScript types of the web client are generated from the Rust messages. This test compares
//! the committed file; `UPDATE_GENERATED=1 cargo test -p api-types` writes it anew.

use std::any::TypeId;
use std::collections::BTreeMap;

use api_types::{
    ClearanceView, ClientMessage, CommandAccepted, ErrorBody, EventSummary, JoinView, LinkIssued,
    MailAgain, PressList, PressView, RecordingsView, Registration, ReleaseView, ServerMessage,
    StatementsView, TranscriptView, VersionSaved,
};
use proceedings::{Acceptance, Event};
use ts_rs::{Config, TS, TypeVisitor};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/src/api/types.ts");

/// Declarations by name, so that the file's order does not depend on the order of visits.
struct Declarations<'a> {
    config: &'a Config,
    seen: Vec<TypeId>,
    by_name: BTreeMap<String, String>,
}

impl TypeVisitor for Declarations<'_> {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        if self.seen.contains(&TypeId::of::<T>()) {
            return;
        }
        self.seen.push(TypeId::of::<T>());
        if T::output_path().is_some() {
            let docs = T::docs().unwrap_or_default();
            let declaration = format!("{docs}export {}\n", T::decl(self.config));
            self.by_name.insert(T::ident(self.config), declaration);
        }
        T::visit_dependencies(self);
        T::visit_generics(self);
    }
}

#[test]
fn typescript_types_are_current() {
    let config = Config::new();
    let mut all = Declarations { config: &config, seen: Vec::new(), by_name: BTreeMap::new() };
    all.visit::<ClientMessage>();
    all.visit::<ServerMessage>();
    all.visit::<EventSummary>();
    all.visit::<JoinView>();
    all.visit::<LinkIssued>();
    all.visit::<Registration>();
    all.visit::<ErrorBody>();
    all.visit::<CommandAccepted>();
    all.visit::<TranscriptView>();
    all.visit::<StatementsView>();
    all.visit::<ClearanceView>();
    all.visit::<ReleaseView>();
    all.visit::<VersionSaved>();
    all.visit::<RecordingsView>();
    all.visit::<PressView>();
    all.visit::<PressList>();
    all.visit::<MailAgain>();
    // Named only within a map, whose type is written by hand.
    all.visit::<Acceptance>();
    all.visit::<Event>();

    let mut text = String::from(
        "// Generated from crates/api-types. Write anew: UPDATE_GENERATED=1 cargo test -p api-types\n",
    );
    for declaration in all.by_name.values() {
        text.push('\n');
        text.push_str(declaration);
    }
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::write(FILE, &text).expect("the file can be written");
    }
    let committed = std::fs::read_to_string(FILE).unwrap_or_default();
    assert!(
        committed == text,
        "web/src/api/types.ts is stale; run UPDATE_GENERATED=1 cargo test -p api-types"
    );
}
