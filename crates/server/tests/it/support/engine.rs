//! A media engine that answers every offer and writes down what it is asked.

use std::sync::Mutex;

use async_trait::async_trait;
use base::{EventId, PersonId};
use server::MediaEngine;
use sfu::{
    Answer, Audible, Listening, OfferError, PatchError, ReceiverClass, SessionId, Source, StagePlan,
};

/// What the engine was asked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Asked {
    Publish(PersonId, Source),
    Subscribe(PersonId, ReceiverClass),
    End(SessionId),
    SetClass(PersonId, ReceiverClass),
    EndPerson(PersonId),
    SetPlan(StagePlan),
    EndEvent,
}

#[derive(Default)]
pub(crate) struct RecordingEngine {
    asked: Mutex<Vec<Asked>>,
    sessions: Mutex<u64>,
    /// What who listens hears, whatever their class.
    pub(crate) audible: Audible,
}

impl RecordingEngine {
    fn note(&self, asked: Asked) {
        self.asked.lock().unwrap().push(asked);
    }

    /// Everything asked since the last call.
    pub(crate) fn take(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    fn answer(&self, person: &PersonId, offer: &str) -> Result<Answer, OfferError> {
        if !offer.starts_with("v=0") {
            return Err(OfferError::Malformed("it does not begin with v=0".to_owned()));
        }
        let mut sessions = self.sessions.lock().unwrap();
        *sessions += 1;
        let session = format!("{:032x}", *sessions).parse().unwrap();
        Ok(Answer { session, sdp: "v=0\r\n".to_owned(), owner: person.clone() })
    }
}

#[async_trait]
impl MediaEngine for RecordingEngine {
    async fn publish(
        &self,
        _: &EventId,
        person: &PersonId,
        source: Source,
        offer: &str,
    ) -> Result<Answer, OfferError> {
        self.note(Asked::Publish(person.clone(), source));
        self.answer(person, offer)
    }

    async fn subscribe(
        &self,
        _: &EventId,
        person: &PersonId,
        class: ReceiverClass,
        offer: &str,
    ) -> Result<Answer, OfferError> {
        self.note(Asked::Subscribe(person.clone(), class));
        self.answer(person, offer)
    }

    async fn listen(&self, _: &EventId, _: ReceiverClass) -> Option<Listening> {
        Some(self.audible.listen())
    }

    async fn patch(&self, _: &SessionId, fragment: &str) -> Result<Option<String>, PatchError> {
        if !fragment.starts_with("a=ice-ufrag") {
            return Err(PatchError::Malformed("it has no user fragment"));
        }
        Ok(fragment.contains("new").then(|| "a=ice-ufrag:answer\r\n".to_owned()))
    }

    async fn end(&self, session: &SessionId) -> bool {
        self.note(Asked::End(*session));
        true
    }

    fn set_class(&self, _: &EventId, person: &PersonId, class: ReceiverClass) {
        self.note(Asked::SetClass(person.clone(), class));
    }

    fn end_person(&self, _: &EventId, person: &PersonId) {
        self.note(Asked::EndPerson(person.clone()));
    }

    fn set_plan(&self, _: &EventId, plan: StagePlan) {
        self.note(Asked::SetPlan(plan));
    }

    fn end_event(&self, _: &EventId) {
        self.note(Asked::EndEvent);
    }

    async fn overview(&self) -> sfu::Overview {
        sfu::Overview::default()
    }
}
