//! House styles as data: which parts stand in which order.

use serde::{Deserialize, Serialize};

use crate::release::Part;

/// How a house lays out its releases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HouseStyle {
    /// Parts in their order. A part that is not named is not drafted; one named twice is drafted
    /// once.
    pub order: Vec<Part>,
    /// Order of the interventions among themselves.
    pub interventions: InterventionOrder,
    /// What stands at the end.
    pub end_mark: String,
}

/// In which order the interventions are reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InterventionOrder {
    /// As they were made.
    Programme,
    /// The plenary addresses first, then the others as they were made.
    PlenaryFirst,
}

impl HouseStyle {
    /// The form that councils on foreign relations use: the programme's order, the house's own
    /// particulars under the end mark.
    pub fn council() -> Self {
        Self {
            order: vec![
                Part::Letterhead,
                Part::Headline,
                Part::Deck,
                Part::Lede,
                Part::Intervention,
                Part::Thanks,
                Part::Outlook,
                Part::EndMark,
                Part::Boilerplate,
                Part::Contact,
                Part::Notice,
                Part::Prevailing,
            ],
            interventions: InterventionOrder::Programme,
            end_mark: "###".to_owned(),
        }
    }

    /// The form of agencies: what weighs most first, the contact above, the end mark last.
    pub fn agency() -> Self {
        Self {
            order: vec![
                Part::Letterhead,
                Part::Contact,
                Part::Headline,
                Part::Lede,
                Part::Intervention,
                Part::Outlook,
                Part::Boilerplate,
                Part::Notice,
                Part::Prevailing,
                Part::EndMark,
            ],
            interventions: InterventionOrder::PlenaryFirst,
            end_mark: "-30-".to_owned(),
        }
    }
}

impl Default for HouseStyle {
    fn default() -> Self {
        Self::council()
    }
}
