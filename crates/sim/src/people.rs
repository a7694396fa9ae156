//! What people ask for: most behave, some drop their lines, and some try everything.

use base::{ConnectionId, Millis, PersonId, Random, SplitMix, Timestamp};
use proceedings::testing::{parsed, person};
use proceedings::{Actor, Admission, Command, EventDefinition, EventState, Life, Role};

use crate::definition::{STATUSES, one};
use crate::desk;

/// Strangers who may register, beside one who is known to nobody.
const STRANGERS: u64 = 8;

pub(crate) struct Crowd {
    /// Everybody who is known, may register, or pretends to be somebody.
    names: Vec<PersonId>,
    connections: u64,
    /// How often somebody is hostile or foolish, in a hundred.
    hostile: u64,
    /// How often the moderator acts, in a hundred.
    zeal: u64,
}

impl Crowd {
    pub(crate) fn new(definition: &EventDefinition, random: &mut SplitMix) -> Self {
        let mut names: Vec<_> = definition.people.iter().map(|other| other.id.clone()).collect();
        names.extend((0..STRANGERS).map(|number| parsed(&format!("p-{number}"))));
        names.push(parsed("nobody"));
        Self { names, connections: 0, hostile: random.below(50), zeal: 5 + random.below(40) }
    }

    /// After a restart the server numbers connections anew, above all that it has seen.
    pub(crate) fn learn(&mut self, state: &EventState) {
        let seen = state.people.values().filter_map(|other| other.connections.last());
        let last = seen.map(|connection| connection.0).max().unwrap_or(0);
        self.connections = self.connections.max(last);
    }

    /// What somebody asks for next; towards the end of the time, the end of the event.
    pub(crate) fn wish(
        &mut self,
        state: &EventState,
        now: Timestamp,
        ending: bool,
        random: &mut SplitMix,
    ) -> (Actor, Command) {
        let draw = random.below(100);
        if draw < self.hostile {
            return self.anything(state, now, random);
        }
        if random.below(4) == 0 {
            let (actor, command) = desk::step(state, now, random);
            return (actor, Command::Record(command));
        }
        if random.below(100) < self.zeal {
            let moderator = parsed("moderator");
            let here = state.is_present(&moderator);
            let actor = if here { Actor::Person(moderator.clone()) } else { Actor::Operator };
            if !here && state.life != Life::Closed && random.below(2) == 0 {
                return self.arrive(moderator);
            }
            return (actor, self.moderate(state, ending, random));
        }
        self.take_part(state, random)
    }

    /// Any command by anybody about anybody, the server's own included.
    pub(crate) fn anything(
        &mut self,
        state: &EventState,
        now: Timestamp,
        random: &mut SplitMix,
    ) -> (Actor, Command) {
        use Command as C;
        let actor = match random.below(12) {
            0 => Actor::Server,
            1 => Actor::Operator,
            _ => Actor::Person(one(random, &self.names).clone()),
        };
        let person = one(random, &self.names).clone();
        let on = random.below(2) == 0;
        let connection = ConnectionId(random.below(self.connections + 2));
        let length = *one(
            random,
            &[Millis(0), Millis::from_secs(10), Millis::from_minutes(7), Millis(u64::MAX)],
        );
        let command = match random.below(40) {
            0 => C::OpenGreenRoom,
            1 => C::OpenEvent,
            2 => C::SuspendEvent { reason: on.then(|| "x".repeat(3_000)) },
            3 => C::ResumeEvent,
            // An operator who closes at random would end most events before they begin.
            4 if actor != Actor::Operator => C::CloseEvent,
            5 => C::Register { person: registrant(&person, random) },
            6 => C::Arrive { person, connection },
            7 => C::Depart { person, connection },
            8 => C::Admit { person },
            9 => C::AdmitAll,
            10 => C::SuspendPerson { person },
            11 => C::RemovePerson { person },
            12 => C::Readmit { person },
            13 => C::Lock,
            14 => C::Unlock,
            15 => C::EnterStage,
            16 => C::LeaveStage,
            17 => C::BringOnStage { person },
            18 => C::SendFromStage { person },
            19 => C::NextSegment,
            20 => C::PreviousSegment,
            21 => C::ExtendSegment { by: length },
            22 => C::SetRecordStatus {
                segment: parsed(&format!("segment-{}", random.below(7))),
                status: *one(random, &STATUSES),
            },
            23 => C::GiveFloor { person, limit: on.then_some(length) },
            24 => C::TakeFloor,
            25 => C::YieldFloor,
            26 => C::SetAnswering { person, allowed: on },
            27 => C::RaiseHand,
            28 => C::LowerHand,
            29 => C::DismissHand { person },
            30 => C::SetMicrophone { on },
            31 => C::SetCamera { on },
            32 => C::SetScreen { on },
            33 => C::Mute { person },
            34 => C::AllowMicrophone { person },
            35..=38 => C::Record(desk::anything(state, now, random)),
            _ => match &state.floor {
                Some(grant) => C::RemovePerson { person: grant.person.clone() },
                None => C::TakeFloor,
            },
        };
        // Whoever is neither moderates nor serves gets nowhere with most of these, which is the
        // point.
        (actor, command)
    }

    /// The moderator's next act, as the console would propose it, with a whim now and then.
    fn moderate(&mut self, state: &EventState, ending: bool, random: &mut SplitMix) -> Command {
        use Command as C;
        let somebody = self.somebody_here(state, random);
        match state.life {
            Life::Scheduled => {
                one(random, &[C::EnterStage, C::OpenGreenRoom, C::OpenEvent]).clone()
            }
            Life::GreenRoom => {
                let bring = C::BringOnStage { person: somebody };
                one(random, &[C::EnterStage, C::OpenEvent, C::Lock, bring]).clone()
            }
            Life::Suspended if ending => C::CloseEvent,
            Life::Suspended => C::ResumeEvent,
            Life::Live if ending => C::CloseEvent,
            Life::Live | Life::Closed => {
                let next_hand = state.hands.first().map(|hand| hand.person.clone());
                let limit = (random.below(2) == 0).then_some(Millis::from_minutes(2));
                let give = |person| C::GiveFloor { person, limit };
                match random.below(20) {
                    0..=4 => give(next_hand.unwrap_or(somebody)),
                    5 => C::TakeFloor,
                    6 | 7 => C::NextSegment,
                    8 => C::PreviousSegment,
                    9 => C::AdmitAll,
                    10 => C::SetAnswering { person: somebody, allowed: random.below(3) > 0 },
                    11 => C::Mute { person: somebody },
                    12 => C::AllowMicrophone { person: somebody },
                    13 => C::ExtendSegment { by: Millis::from_minutes(5) },
                    14 => C::SetRecordStatus {
                        segment: parsed(&format!("segment-{}", random.below(6))),
                        status: *one(random, &STATUSES),
                    },
                    15 => C::SuspendEvent { reason: None },
                    16 => C::BringOnStage { person: somebody },
                    17 => C::SendFromStage { person: somebody },
                    18 => C::SuspendPerson { person: somebody },
                    _ => C::Readmit { person: one(random, &self.names).clone() },
                }
            }
        }
    }

    /// Somebody comes, goes, or does what they are here for.
    fn take_part(&mut self, state: &EventState, random: &mut SplitMix) -> (Actor, Command) {
        use Command as C;
        let name = one(random, &self.names).clone();
        let Some(attendance) = state.people.get(&name) else {
            return (Actor::Server, C::Register { person: registrant(&name, random) });
        };
        let Some(connection) = attendance.connections.last() else {
            return self.arrive(name);
        };
        if random.below(12) == 0 {
            let connection = *connection;
            return (Actor::Server, C::Depart { person: name, connection });
        }
        if random.below(12) == 0 {
            return self.arrive(name);
        }
        if attendance.admission != Admission::Admitted {
            return (Actor::Operator, C::Admit { person: name });
        }
        let on = random.below(4) > 0;
        let command = if attendance.is_on_stage() {
            match random.below(8) {
                0 | 1 => C::SetMicrophone { on },
                2 | 3 => C::SetCamera { on },
                4 => C::SetScreen { on },
                5 => C::YieldFloor,
                6 => C::RaiseHand,
                _ => C::LeaveStage,
            }
        } else if attendance.person.may_enter_stage() && random.below(4) > 0 {
            C::EnterStage
        } else {
            one(random, &[C::RaiseHand, C::RaiseHand, C::LowerHand]).clone()
        };
        (Actor::Person(name), command)
    }

    fn arrive(&mut self, person: PersonId) -> (Actor, Command) {
        self.connections += 1;
        let connection = ConnectionId(self.connections);
        (Actor::Server, Command::Arrive { person, connection })
    }

    /// Somebody who is here, rather on stage; anybody when nobody is.
    fn somebody_here(&self, state: &EventState, random: &mut SplitMix) -> PersonId {
        if !state.stage.is_empty() && random.below(2) == 0 {
            return one(random, &state.stage).clone();
        }
        let here: Vec<_> = state.people.values().filter(|other| other.is_present()).collect();
        match here.is_empty() {
            true => one(random, &self.names).clone(),
            false => one(random, &here).person.id.clone(),
        }
    }
}

/// Most who register are participants with a name; some try to be more.
fn registrant(id: &PersonId, random: &mut SplitMix) -> proceedings::Person {
    let role = if random.below(10) == 0 { Role::Moderator } else { Role::Participant };
    let name = if random.below(20) == 0 { " " } else { "Registered" };
    person(id.as_str(), name, role)
}
