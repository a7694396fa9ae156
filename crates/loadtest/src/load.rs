//! The load test: publishers and hundreds of viewers who speak nothing but standard WHIP and WHEP,
//! so that any server can be measured, and what each packet cost it.
//!
//! Publishers are whole WebRTC clients on str0m. Viewers are lean: ICE, DTLS, SRTP and RTCP as far
//! as a receiver needs them, all on one thread, so that the generator is not what is measured.

pub mod crowd;
pub mod dtls;
pub mod front;
pub mod histogram;
pub mod ice;
mod janus;
pub mod media;
pub mod process;
pub mod publisher;
pub mod report;
pub mod rtcp;
pub mod sdp;
pub mod srtp;
pub mod stream;
pub mod viewer;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use tokio::sync::mpsc;

use crate::http::HttpError;
use crate::live::LiveError;
use crate::session::JoinError;
use crowd::{Crowd, Newcomer};
use dtls::Identity;
use front::{Door, Entrance, PlenaryEvent, PlenaryStage, Visit};
use histogram::Histogram;
use janus::Janus;
use process::Process;
use publisher::{Manner, Publisher};
use viewer::News;

pub use report::LoadReport;

/// Most viewers of one test: a thread of viewers carries some thousand.
pub const VIEWERS_MAX: usize = 5_000;

/// Most publishers: a stage has twelve places, one of them the moderator's.
pub const PUBLISHERS_MAX: usize = 11;

/// Viewers up to which all decrypt by default, and how many do beyond.
const THOROUGH_DEFAULT: usize = 100;

/// Time from the last POST for everybody's first key frame.
const JOIN_TIMEOUT: Duration = Duration::from_secs(15);

/// Time for everything to become steady before the window of measurement begins.
const SETTLE: Duration = Duration::from_secs(3);

/// How often it is told how many have come.
const PROGRESS_STEPS: usize = 10;

/// Sessions that are ended at the same moment.
const ENDING_AT_ONCE: usize = 50;

/// Which server.
#[derive(Debug, Clone)]
pub enum Target {
    /// Plenary at this address, with an event of the test's own.
    Plenary {
        /// Address.
        url: String,
        /// The event.
        event: Box<PlenaryEvent>,
    },
    /// Any server of WHIP and WHEP.
    Plain {
        /// Where publishers come in. With several of them, `{n}` stands for their number.
        whip: String,
        /// Where viewers come in; they watch the first publisher.
        whep: String,
        /// Bearer token, if one is needed.
        token: Option<String>,
    },
    /// The videoroom of a Janus, by the address of its WebSocket.
    Janus {
        /// Such as `ws://127.0.0.1:8188`.
        url: String,
    },
}

/// What to do.
#[derive(Clone)]
pub struct LoadPlan {
    /// Which server.
    pub target: Target,
    /// How many publish, at most [`PUBLISHERS_MAX`].
    pub publishers: usize,
    /// How many watch, at most [`VIEWERS_MAX`].
    pub viewers: usize,
    /// How many viewers come in each second.
    pub ramp_per_second: f64,
    /// Length of the window of measurement.
    pub length: Duration,
    /// How pictures are sent.
    pub manner: Manner,
    /// Every so many viewers one decrypts everything; `None` chooses by their number.
    pub sample: Option<usize>,
    /// The server's process, if it runs on this machine.
    pub server_pid: Option<u32>,
    /// Is told what happens.
    pub progress: Arc<dyn Fn(Progress) + Send + Sync>,
}

/// What happens, for a person who waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// People come into the event.
    Assembling,
    /// Publishers begin.
    Publishing,
    /// Viewers come in.
    Joining {
        /// So many have a picture.
        joined: usize,
        /// Of so many.
        of: usize,
    },
    /// The window of measurement runs.
    Measuring {
        /// For so long.
        length: Duration,
    },
    /// Everybody leaves.
    Leaving,
}

/// Why there was no test.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The plan cannot be carried out.
    #[error("{0}")]
    Plan(String),
    /// The server cannot be reached.
    #[error(transparent)]
    Server(#[from] HttpError),
    /// The live socket of somebody with a part.
    #[error(transparent)]
    Live(#[from] LiveError),
    /// A publisher could not come in.
    #[error("publisher {number} cannot come in: {error}")]
    Publisher {
        /// Which, from 1.
        number: usize,
        /// Why.
        error: JoinError,
    },
    /// The process of the server cannot be watched.
    #[error("process {pid} cannot be watched: {error}")]
    Process {
        /// Its id.
        pid: u32,
        /// Why.
        error: std::io::Error,
    },
    /// The machine of the generator refused something.
    #[error("the generator cannot go on: {0}")]
    Generator(String),
}

/// Loads a server and measures it.
///
/// # Errors
/// [`LoadError`] when it cannot begin. Viewers who do not come in are counted, not an error.
pub async fn load(plan: &LoadPlan) -> Result<LoadReport, LoadError> {
    check(plan)?;
    let identity =
        Identity::new().ok_or_else(|| LoadError::Generator("no certificate".to_owned()))?;
    let server = plan.server_pid.map(Process::new);
    let usage = || match (server, plan.server_pid) {
        (Some(process), Some(pid)) => {
            process.usage().map(Some).map_err(|error| LoadError::Process { pid, error })
        }
        _ => Ok(None),
    };
    let before = usage()?;
    let mut stage = Stage::assemble(plan).await?;
    stage.publish(plan).await?;
    let empty = usage()?.or(before);

    let (news, mut told) = mpsc::unbounded_channel();
    let generator = |error: std::io::Error| LoadError::Generator(error.to_string());
    let crowd = Crowd::start(identity.clone(), news).map_err(generator)?;
    let joins = stage.fill(plan, &identity, &crowd, &mut told).await?;
    tokio::time::sleep(SETTLE).await;

    (plan.progress)(Progress::Measuring { length: plan.length });
    let gone = || LoadError::Generator("the viewers' thread has ended".to_owned());
    let (server_from, own_from) = (usage()?, Process::own().usage().map_err(generator)?);
    let machine_from = process::machine().map_err(generator)?;
    if !crowd.begin().await {
        return Err(gone());
    }
    tokio::time::sleep(plan.length).await;
    let count = crowd.end().await.ok_or_else(gone)?;
    let (server_to, own_to) = (usage()?, Process::own().usage().map_err(generator)?);
    let machine_to = process::machine().map_err(generator)?;

    (plan.progress)(Progress::Leaving);
    let sent = stage.leave(joins.visits).await;
    let server = report::ServerUsage::between(empty, server_from, server_to);
    Ok(report::make(
        plan,
        &report::Findings {
            joins: joins.times,
            refusals: joins.refusals,
            count,
            server,
            own_cpu: own_to.cpu.saturating_sub(own_from.cpu),
            machine_cpu: machine_to.saturating_sub(machine_from),
            sent,
        },
    ))
}

fn check(plan: &LoadPlan) -> Result<(), LoadError> {
    let wrong = |reason: String| Err(LoadError::Plan(reason));
    if plan.publishers == 0 || plan.publishers > PUBLISHERS_MAX {
        return wrong(format!("there must be 1 to {PUBLISHERS_MAX} publishers"));
    }
    if plan.viewers == 0 || plan.viewers > VIEWERS_MAX {
        return wrong(format!("there must be 1 to {VIEWERS_MAX} viewers"));
    }
    if !(plan.ramp_per_second > 0.0 && plan.ramp_per_second.is_finite()) {
        return wrong("the ramp must be more than 0 viewers a second".to_owned());
    }
    if plan.sample == Some(0) {
        return wrong("the sample must be 1 or more".to_owned());
    }
    if plan.length < Duration::from_secs(1) {
        return wrong("the test must last a second at least".to_owned());
    }
    Ok(())
}

/// Every so many viewers one decrypts everything.
fn sample(plan: &LoadPlan) -> usize {
    plan.sample.unwrap_or(match plan.viewers {
        few if few <= THOROUGH_DEFAULT => 1,
        many => many.div_ceil(THOROUGH_DEFAULT / 2),
    })
}

/// The server with everybody who publishes.
struct Stage {
    front: Front,
    publishers: Vec<(Publisher, Visit)>,
}

/// How one comes in.
enum Front {
    Plenary(Box<PlenaryStage>),
    Plain { whip: String, whep: String, token: Option<String> },
    Janus(Arc<Janus>),
}

/// How the viewers came in.
struct Joins {
    times: Histogram,
    refusals: Vec<String>,
    visits: Vec<Visit>,
}

impl Front {
    fn publishing(&self, number: usize) -> Result<Entrance, LoadError> {
        match self {
            Self::Plenary(stage) => stage.publishing(number),
            Self::Plain { whip, token, .. } => {
                let url = whip.replace("{n}", &(number + 1).to_string());
                Ok(Entrance::Http(Door::at(&url, token.as_deref())?, (1, 1)))
            }
            Self::Janus(janus) => Ok(Entrance::Janus(Arc::clone(janus))),
        }
    }

    fn watching(&self, number: usize) -> Result<Entrance, LoadError> {
        match self {
            Self::Plenary(stage) => stage.watching(number),
            Self::Plain { whep, token, .. } => {
                let url = whep.replace("{n}", "1");
                Ok(Entrance::Http(Door::at(&url, token.as_deref())?, (1, 1)))
            }
            Self::Janus(janus) => Ok(Entrance::Janus(Arc::clone(janus))),
        }
    }
}

impl Stage {
    async fn assemble(plan: &LoadPlan) -> Result<Self, LoadError> {
        (plan.progress)(Progress::Assembling);
        let front = match &plan.target {
            Target::Plenary { url, event } => {
                Front::Plenary(Box::new(PlenaryStage::assemble(url, (**event).clone()).await?))
            }
            Target::Plain { whip, whep, token } => {
                Front::Plain { whip: whip.clone(), whep: whep.clone(), token: token.clone() }
            }
            Target::Janus { url } => Front::Janus(Janus::connect(url).await?),
        };
        Ok(Self { front, publishers: Vec::new() })
    }

    async fn publish(&mut self, plan: &LoadPlan) -> Result<(), LoadError> {
        (plan.progress)(Progress::Publishing);
        for number in 0..plan.publishers {
            let name = u8::try_from(number).unwrap_or(u8::MAX);
            let publisher = self.front.publishing(number)?.publish(name, plan.manner).await;
            let number = number + 1;
            self.publishers
                .push(publisher.map_err(|error| LoadError::Publisher { number, error })?);
        }
        if let Front::Plenary(stage) = &self.front {
            stage.open().await?;
        }
        Ok(())
    }

    /// Lets the viewers in, at the pace of the plan.
    async fn fill(
        &self,
        plan: &LoadPlan,
        identity: &Identity,
        crowd: &Crowd,
        told: &mut mpsc::UnboundedReceiver<(usize, News)>,
    ) -> Result<Joins, LoadError> {
        let every = Duration::from_secs_f64(1.0 / plan.ramp_per_second);
        let sample = sample(plan);
        let begin = Instant::now();
        let mut joins =
            Joins { times: Histogram::default(), refusals: Vec::new(), visits: Vec::new() };
        let mut coming = tokio::task::JoinSet::new();
        let (mut asked, mut over) = (0, 0);
        let mut deadline = begin + every.mul_f64(plan.viewers as f64) + JOIN_TIMEOUT;
        while over < plan.viewers && Instant::now() < deadline {
            let next_at = begin + every.mul_f64(asked as f64);
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(next_at.into()), if asked < plan.viewers => {
                    let entrance = self.front.watching(asked)?;
                    let (identity, number) = (identity.clone(), asked);
                    let thorough = asked.is_multiple_of(sample);
                    coming.spawn(async move {
                        (number, entrance.watch(&identity, thorough).await)
                    });
                    asked += 1;
                    if asked == plan.viewers {
                        deadline = Instant::now() + JOIN_TIMEOUT;
                    }
                }
                Some(answered) = coming.join_next() => match answered {
                    Ok((number, Ok((socket, setup, visit)))) => {
                        joins.visits.push(visit);
                        crowd.add(Newcomer { number, socket, setup });
                    }
                    Ok((number, Err(error))) => {
                        over += 1;
                        joins.refusals.push(format!("viewer {}: {error}", number + 1));
                    }
                    Err(error) => {
                        over += 1;
                        joins.refusals.push(error.to_string());
                    }
                },
                Some((number, news)) = told.recv() => {
                    over += 1;
                    match news {
                        News::Joined(ns) => joins.times.add(ns),
                        News::Ended(why) => {
                            joins.refusals.push(format!("viewer {}: {why}", number + 1));
                        }
                    }
                    let joined = usize::try_from(joins.times.total()).unwrap_or(0);
                    if joined.is_multiple_of(plan.viewers.div_ceil(PROGRESS_STEPS)) {
                        (plan.progress)(Progress::Joining { joined, of: plan.viewers });
                    }
                }
                () = tokio::time::sleep_until(deadline.into()) => {}
            }
        }
        if over < plan.viewers {
            joins.refusals.push(format!(
                "{} viewers had no whole key frame within {} s",
                plan.viewers - over,
                JOIN_TIMEOUT.as_secs()
            ));
        }
        Ok(joins)
    }

    /// Everybody leaves. Returns what the publishers had sent.
    async fn leave(self, visits: Vec<Visit>) -> report::Sent {
        let ended = futures_util::stream::iter(visits).map(Visit::end);
        ended.buffer_unordered(ENDING_AT_ONCE).collect::<Vec<()>>().await;
        let mut sent = report::Sent::default();
        for (publisher, visit) in self.publishers {
            sent.add(publisher.sent());
            visit.end().await;
            publisher.stop().await;
        }
        if let Front::Plenary(stage) = self.front {
            stage.close().await;
        }
        sent
    }
}
