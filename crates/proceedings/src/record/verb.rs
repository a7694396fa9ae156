//! How the record reports that somebody spoke: a closed list, each with its tone.

use serde::{Deserialize, Serialize};

/// A reporting verb. The words in each language belong to those who write documents; here is only
/// which act of speech is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum ReportingVerb {
    /// "said"
    Said,
    /// "stated"
    Stated,
    /// "noted"
    Noted,
    /// "added"
    Added,
    /// "explained"
    Explained,
    /// "recalled"
    Recalled,
    /// "pointed out"
    PointedOut,
    /// "informed"
    Informed,
    /// "asked"
    Asked,
    /// "replied"
    Replied,
    /// "held" (was of the view)
    Held,
    /// "agreed"
    Agreed,
    /// "suggested"
    Suggested,
    /// "proposed"
    Proposed,
    /// "called for"
    CalledFor,
    /// "thanked"
    Thanked,
    /// "welcomed"
    Welcomed,
    /// "stressed"
    Stressed,
    /// "underlined"
    Underlined,
    /// "emphasised"
    Emphasised,
    /// "reaffirmed"
    Reaffirmed,
    /// "reiterated"
    Reiterated,
    /// "expressed confidence"
    ExpressedConfidence,
    /// "expressed hope"
    ExpressedHope,
    /// "voiced concern"
    VoicedConcern,
    /// "expressed appreciation"
    ExpressedAppreciation,
    /// "expressed regret"
    ExpressedRegret,
    /// "criticised"
    Criticised,
    /// "warned"
    Warned,
    /// "rejected"
    Rejected,
    /// "claimed": casts doubt.
    Claimed,
    /// "alleged": casts doubt.
    Alleged,
    /// "admitted": implies guilt.
    Admitted,
    /// "conceded": implies defeat.
    Conceded,
    /// "insisted": implies that others disagreed.
    Insisted,
    /// "denied": implies an accusation.
    Denied,
}

/// What a verb says beside the fact that somebody spoke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum Tone {
    /// Nothing.
    Neutral,
    /// Weight, which the speaker gave it.
    Emphatic,
    /// An attitude, which the speaker voiced.
    Attitude,
    /// A judgement of the reporter's: who uses it is warned.
    Loaded,
}

impl ReportingVerb {
    /// Every verb, in the order in which a list shows them.
    pub const ALL: [Self; 36] = [
        Self::Said,
        Self::Stated,
        Self::Noted,
        Self::Added,
        Self::Explained,
        Self::Recalled,
        Self::PointedOut,
        Self::Informed,
        Self::Asked,
        Self::Replied,
        Self::Held,
        Self::Agreed,
        Self::Suggested,
        Self::Proposed,
        Self::CalledFor,
        Self::Thanked,
        Self::Welcomed,
        Self::Stressed,
        Self::Underlined,
        Self::Emphasised,
        Self::Reaffirmed,
        Self::Reiterated,
        Self::ExpressedConfidence,
        Self::ExpressedHope,
        Self::VoicedConcern,
        Self::ExpressedAppreciation,
        Self::ExpressedRegret,
        Self::Criticised,
        Self::Warned,
        Self::Rejected,
        Self::Claimed,
        Self::Alleged,
        Self::Admitted,
        Self::Conceded,
        Self::Insisted,
        Self::Denied,
    ];

    /// What the verb says beside the fact that somebody spoke.
    pub fn tone(self) -> Tone {
        match self {
            Self::Said
            | Self::Stated
            | Self::Noted
            | Self::Added
            | Self::Explained
            | Self::Recalled
            | Self::PointedOut
            | Self::Informed
            | Self::Asked
            | Self::Replied
            | Self::Held
            | Self::Agreed
            | Self::Suggested
            | Self::Proposed
            | Self::CalledFor => Tone::Neutral,
            Self::Stressed
            | Self::Underlined
            | Self::Emphasised
            | Self::Reaffirmed
            | Self::Reiterated => Tone::Emphatic,
            Self::Thanked
            | Self::Welcomed
            | Self::ExpressedConfidence
            | Self::ExpressedHope
            | Self::VoicedConcern
            | Self::ExpressedAppreciation
            | Self::ExpressedRegret
            | Self::Criticised
            | Self::Warned
            | Self::Rejected => Tone::Attitude,
            Self::Claimed
            | Self::Alleged
            | Self::Admitted
            | Self::Conceded
            | Self::Insisted
            | Self::Denied => Tone::Loaded,
        }
    }
}
