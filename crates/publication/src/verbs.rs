//! Reporting verbs: how a statement is introduced. The list is closed, so that each has its
//! translation and its tone, and nobody "claims" or "admits" by accident.

use serde::{Deserialize, Serialize};

/// A verb that introduces a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReportingVerb {
    /// said that
    Said,
    /// stated that
    Stated,
    /// noted that
    Noted,
    /// drew attention to the fact that
    Observed,
    /// pointed out that
    PointedOut,
    /// explained that
    Explained,
    /// recalled that
    Recalled,
    /// added that
    Added,
    /// concluded that
    Concluded,
    /// held that
    Held,
    /// stressed that
    Stressed,
    /// underlined that
    Underlined,
    /// reiterated that
    Reiterated,
    /// affirmed that
    Affirmed,
    /// expressed confidence that
    ExpressedConfidence,
    /// expressed the hope that
    ExpressedHope,
    /// voiced concern that
    VoicedConcern,
    /// expressed regret that
    ExpressedRegret,
    /// welcomed something
    Welcomed,
    /// proposed that
    Proposed,
    /// called for something
    CalledFor,
    /// thanked somebody
    Thanked,
    /// congratulated somebody
    Congratulated,
    /// warned that
    Warned,
    /// rejected something
    Rejected,
    /// claimed that: casts doubt
    Claimed,
    /// admitted that: implies guilt
    Admitted,
    /// insisted that: implies that others disagree
    Insisted,
    /// denied that: implies an accusation
    Denied,
}

/// What a reporting verb does to what it reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tone {
    /// Says only that it was said.
    Neutral,
    /// Gives it weight.
    Emphatic,
    /// Reports an attitude, which is an act of its own that a ministry clears.
    Attitude,
    /// Thanks and good wishes.
    Courtesy,
    /// Asks for something to be done, or refuses it.
    Position,
    /// Judges the speaker: to be used only deliberately.
    Loaded,
}

/// What follows the verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Complement {
    /// A clause, after "that".
    Clause,
    /// A phrase, in the case that the verb governs.
    Phrase,
}

impl ReportingVerb {
    /// All verbs, neutral ones first, as a list shows them.
    pub const ALL: [Self; 29] = [
        Self::Said,
        Self::Stated,
        Self::Noted,
        Self::Observed,
        Self::PointedOut,
        Self::Explained,
        Self::Recalled,
        Self::Added,
        Self::Concluded,
        Self::Held,
        Self::Stressed,
        Self::Underlined,
        Self::Reiterated,
        Self::Affirmed,
        Self::ExpressedConfidence,
        Self::ExpressedHope,
        Self::VoicedConcern,
        Self::ExpressedRegret,
        Self::Welcomed,
        Self::Proposed,
        Self::CalledFor,
        Self::Thanked,
        Self::Congratulated,
        Self::Warned,
        Self::Rejected,
        Self::Claimed,
        Self::Admitted,
        Self::Insisted,
        Self::Denied,
    ];

    /// What the verb does to what it reports.
    pub fn tone(self) -> Tone {
        match self {
            Self::Said
            | Self::Stated
            | Self::Noted
            | Self::Observed
            | Self::PointedOut
            | Self::Explained
            | Self::Recalled
            | Self::Added
            | Self::Concluded
            | Self::Held => Tone::Neutral,
            Self::Stressed | Self::Underlined | Self::Reiterated | Self::Affirmed => Tone::Emphatic,
            Self::ExpressedConfidence
            | Self::ExpressedHope
            | Self::VoicedConcern
            | Self::ExpressedRegret
            | Self::Welcomed => Tone::Attitude,
            Self::Thanked | Self::Congratulated => Tone::Courtesy,
            Self::Proposed | Self::CalledFor | Self::Warned | Self::Rejected => Tone::Position,
            Self::Claimed | Self::Admitted | Self::Insisted | Self::Denied => Tone::Loaded,
        }
    }

    /// What the rapporteur writes after it.
    pub fn complement(self) -> Complement {
        match self {
            Self::Welcomed
            | Self::CalledFor
            | Self::Thanked
            | Self::Congratulated
            | Self::Rejected => Complement::Phrase,
            _ => Complement::Clause,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_whole() {
        let mut seen = ReportingVerb::ALL.to_vec();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), ReportingVerb::ALL.len());
        // Denied is the last by order of declaration.
        assert_eq!(ReportingVerb::Denied as usize + 1, ReportingVerb::ALL.len());
        let loaded = ReportingVerb::ALL.iter().filter(|verb| verb.tone() == Tone::Loaded).count();
        assert_eq!(loaded, 4);
    }
}
