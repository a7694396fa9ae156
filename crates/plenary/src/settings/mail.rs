//! The mail server by which releases go to the press.

use server::MailConfig;

use super::Layers;
use crate::output::{Exit, Failure};

/// Mails in a minute where the settings say nothing, and at most.
const PER_MINUTE_DEFAULT: u32 = 60;
const PER_MINUTE_MAX: u32 = 600;

impl Layers<'_> {
    /// The mail server, if one is named.
    pub(super) fn mail(&mut self) -> Result<Option<MailConfig>, Failure> {
        let known = |smtp: &str| {
            MailConfig::new(smtp, "press@example.org", None, 1).map(|_| smtp.to_owned())
        };
        let sender = |from: &str| {
            MailConfig::new("smtp://localhost", from, None, 1).map(|_| from.to_owned())
        };
        let smtp = self.pick("mail.smtp", known)?;
        let from = self.pick("mail.from", sender)?;
        let user = self.pick("mail.user", |text| Ok(text.to_owned()))?;
        let password = self.pick("mail.password", |text| Ok(text.to_owned()))?;
        let per_minute = self.pick("mail.per_minute", per_minute)?;
        let (Some(smtp), Some(from)) = (&smtp, &from) else {
            return match (smtp.or(from), self.problems.is_empty()) {
                (Some(_), true) => Err(incomplete("`mail.smtp` and `mail.from` are both needed")),
                _ => Ok(None),
            };
        };
        let credentials = match (user, password) {
            (Some(user), Some(password)) => Some((user.value, password.value)),
            (None, None) => None,
            _ => {
                return Err(incomplete("`mail.user` and `mail.password` are both needed, or none"));
            }
        };
        let per_minute = per_minute.map_or(PER_MINUTE_DEFAULT, |number| number.value);
        MailConfig::new(&smtp.value, &from.value, credentials, per_minute)
            .map(Some)
            .map_err(|why| incomplete(&why))
    }
}

fn incomplete(message: &str) -> Failure {
    Failure::new(Exit::BadFile, format!("{message}."))
}

fn per_minute(text: &str) -> Result<u32, String> {
    match text.trim().parse() {
        Ok(number) if (1..=PER_MINUTE_MAX).contains(&number) => Ok(number),
        _ => Err(format!("\"{text}\" is not a number from 1 to {PER_MINUTE_MAX}")),
    }
}
