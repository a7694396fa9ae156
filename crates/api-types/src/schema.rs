//! Words of crate `proceedings` as OpenAPI describes them. The types there know nothing of HTTP;
//! these stand for them in schemas only, and a test holds their words together.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

/// One text in several languages, by language tag.
pub(crate) type Localized = BTreeMap<String, String>;

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($variant:ident),* $(,)? })*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy, Serialize, ToSchema)]
            #[serde(rename_all = "kebab-case")]
            #[cfg_attr(not(test), expect(dead_code, reason = "only the schema is used"))]
            pub(crate) enum $name { $($variant),* }
        )*

        #[cfg(test)]
        mod tests {
            use super::*;

            $(
                /// Fails to compile when a word is added there and not here.
                impl From<proceedings::$name> for $name {
                    fn from(theirs: proceedings::$name) -> Self {
                        match theirs { $(proceedings::$name::$variant => Self::$variant),* }
                    }
                }

                #[test]
                #[expect(non_snake_case, reason = "named as the type")]
                fn $name() {
                    $(
                        let theirs = proceedings::$name::$variant;
                        assert_eq!(
                            serde_json::to_string(&super::$name::from(theirs)).ok(),
                            serde_json::to_string(&theirs).ok(),
                        );
                    )*
                }
            )*
        }
    };
}

words! {
    /// Where an event stands in its life.
    Life { Scheduled, GreenRoom, Live, Suspended, Closed }
    /// Roles of a person.
    Role {
        Organiser, CoOrganiser, Moderator, PlenarySpeaker, Panellist, ConcludingSpeaker,
        Interpreter, Captioner, Rapporteur, Participant,
    }
    /// Kinds of segments.
    SegmentKind {
        IntroductoryRemarks, PlenaryAddress, Discussion, Questions, ConcludingNote, Other,
    }
    /// How far what is said is recorded and attributed.
    RecordStatus { OnTheRecord, ChathamHouseRule, OffTheRecord }
    /// May a person watch and hear.
    Admission { Invited, Waiting, Admitted, Suspended, Removed }
    /// Place on the stage.
    StagePlace { None, Guest, Member }
    /// A person's microphone.
    Microphone { Off, On, Muted }
}

/// An organising body whose approval counts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Party {
    /// Identifier, as `kcfr`.
    id: String,
    /// Full name.
    name: Localized,
    /// Short name, as it is used in the interface.
    short_name: Option<Localized>,
}
