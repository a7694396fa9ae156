//! All viewers on one thread: each has a socket of its own, as people have, and whatever came for
//! any of them is taken up in a few system calls.
//!
//! Arrival times are the kernel's, so that a busy generator does not count as a slow server.

use std::io::IoSliceMut;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use dimpl::SrtpProfile;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, MultiHeaders, recvmmsg, setsockopt, sockopt,
};
use nix::sys::time::{TimeSpec, TimeValLike};
use nix::time::{ClockId, clock_gettime};
use tokio::sync::{mpsc as tokio_mpsc, oneshot};

use super::dtls::Identity;
use super::media::now_ns;
use super::viewer::{Delays, News, Setup, Tally, Viewer};

/// Datagrams taken by one call, and room for each: with GRO one may be a whole frame.
const BATCH: usize = 8;
const READ_BYTES: usize = 64 << 10;

/// Asked of the system for each socket: half a second at 1.5 Mbit/s, as in browsers.
const BUFFER_BYTES: usize = 256 << 10;

/// How often each viewer is asked what it has to do.
const TICK: Duration = Duration::from_millis(10);

/// Pause between two rounds of reading. Many datagrams are then taken by one call; delays do not
/// grow by it, for arrival is stamped by the kernel.
const PAUSE: Duration = Duration::from_millis(1);

/// Sockets looked at in one round; the rest comes with the next.
const EVENTS_MAX: usize = 1_024;

/// Newcomers taken up in one round: a handshake is a millisecond of work.
const NEWCOMERS_MAX: usize = 16;

/// Who comes, with an own socket connected to the server.
pub struct Newcomer {
    /// Which one, for the news.
    pub number: usize,
    /// The socket.
    pub socket: UdpSocket,
    /// What was agreed.
    pub setup: Setup,
}

enum Command {
    Add(Box<Newcomer>),
    Begin(oneshot::Sender<()>),
    End(oneshot::Sender<Count>),
}

/// What all viewers had in the window of measurement.
#[derive(Debug, Clone, Default)]
pub struct Count {
    /// Of each.
    pub tallies: Vec<Tally>,
    /// Of those who decrypt.
    pub delays: Delays,
    /// How long the window was.
    pub length: Duration,
    /// Processor time of the thread in it.
    pub thread_cpu: Duration,
    /// Viewers that have had a key frame.
    pub joined: usize,
    /// The cipher of the first.
    pub profile: Option<SrtpProfile>,
}

/// The handle of the thread, which ends when it is dropped.
pub struct Crowd {
    commands: mpsc::Sender<Command>,
}

impl Crowd {
    /// Starts the thread. What happens to viewers is told by number.
    ///
    /// # Errors
    /// When the system gives no thread or no epoll.
    pub fn start(
        identity: Identity,
        news: tokio_mpsc::UnboundedSender<(usize, News)>,
    ) -> std::io::Result<Self> {
        let (commands, inbox) = mpsc::channel();
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        std::thread::Builder::new().name("viewers".to_owned()).spawn(move || {
            let room = vec![0; BATCH * READ_BYTES];
            let (viewers, delays) = (Vec::new(), Delays::default());
            let mut hall =
                Hall { epoll, identity, news, viewers, delays, room, began: None, offset_ns: 0 };
            hall.run(&inbox);
        })?;
        Ok(Self { commands })
    }

    /// Adds a viewer.
    pub fn add(&self, newcomer: Newcomer) {
        // A thread that is gone has panicked; the next question shows it.
        let _ = self.commands.send(Command::Add(Box::new(newcomer)));
    }

    /// Begins the window of measurement; false when the thread is gone.
    pub async fn begin(&self) -> bool {
        let (reply, done) = oneshot::channel();
        self.commands.send(Command::Begin(reply)).is_ok() && done.await.is_ok()
    }

    /// Ends the window and tells what was counted; `None` when the thread is gone.
    pub async fn end(&self) -> Option<Count> {
        let (reply, count) = oneshot::channel();
        self.commands.send(Command::End(reply)).ok()?;
        count.await.ok()
    }
}

struct Place {
    number: usize,
    socket: UdpSocket,
    remote: SocketAddr,
    viewer: Viewer,
}

struct Hall {
    epoll: Epoll,
    identity: Identity,
    news: tokio_mpsc::UnboundedSender<(usize, News)>,
    viewers: Vec<Place>,
    delays: Delays,
    room: Vec<u8>,
    began: Option<(Instant, Duration)>,
    /// From the clock of the kernel's time stamps to the monotonic one.
    offset_ns: u64,
}

impl Hall {
    fn run(&mut self, inbox: &mpsc::Receiver<Command>) {
        let mut events = vec![EpollEvent::empty(); EVENTS_MAX];
        let mut next_tick = Instant::now();
        loop {
            for _ in 0..NEWCOMERS_MAX {
                match inbox.try_recv() {
                    Ok(command) => self.obey(command),
                    Err(mpsc::TryRecvError::Empty) => break,
                    Err(mpsc::TryRecvError::Disconnected) => return,
                }
            }
            self.offset_ns = realtime_ns().wrapping_sub(now_ns());
            let ready = self.epoll.wait(&mut events, EpollTimeout::ZERO).unwrap_or(0);
            for event in &events[..ready] {
                if let Ok(at) = usize::try_from(event.data()) {
                    self.read(at);
                }
            }
            let now = Instant::now();
            if now >= next_tick {
                next_tick = now + TICK;
                self.tick(now);
            }
            if ready < EVENTS_MAX {
                std::thread::sleep(PAUSE);
            }
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Add(newcomer) => {
                let number = newcomer.number;
                if let Err(error) = self.seat(*newcomer) {
                    tracing::debug!(%error, "a viewer has no socket");
                    let _ = self.news.send((number, News::Ended("its socket failed")));
                }
            }
            Command::Begin(reply) => {
                self.delays = Delays::default();
                self.viewers.iter_mut().for_each(|place| place.viewer.begin_window());
                self.began = Some((Instant::now(), thread_cpu()));
                let _ = reply.send(());
            }
            Command::End(reply) => {
                let (began, cpu) = self.began.unwrap_or((Instant::now(), thread_cpu()));
                let viewers = || self.viewers.iter().map(|place| &place.viewer);
                let count = Count {
                    tallies: viewers().map(Viewer::tally).collect(),
                    delays: self.delays.clone(),
                    length: began.elapsed(),
                    thread_cpu: thread_cpu().saturating_sub(cpu),
                    joined: viewers().filter(|viewer| viewer.is_joined()).count(),
                    profile: viewers().find_map(Viewer::profile),
                };
                let _ = reply.send(count);
            }
        }
    }

    fn seat(&mut self, newcomer: Newcomer) -> std::io::Result<()> {
        let Newcomer { number, socket, setup } = newcomer;
        socket.set_nonblocking(true)?;
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
        // Older systems hand over one datagram at a time, which works as well.
        let _ = setsockopt(&socket, sockopt::UdpGroSegment, &true);
        let _ = setsockopt(&socket, sockopt::RcvBuf, &BUFFER_BYTES);
        let remote = socket.peer_addr()?;
        let data = self.viewers.len() as u64;
        self.epoll.add(&socket, EpollEvent::new(EpollFlags::EPOLLIN, data))?;
        let viewer = Viewer::new(setup, &self.identity, Instant::now());
        self.viewers.push(Place { number, socket, remote, viewer });
        Ok(())
    }

    /// Takes up one batch for a viewer. What is left makes the socket ready again.
    fn read(&mut self, at: usize) {
        let Some(place) = self.viewers.get_mut(at) else { return };
        let Place { number, socket, remote, viewer } = place;
        let mut slices: Vec<[IoSliceMut<'_>; 1]> =
            self.room.chunks_exact_mut(READ_BYTES).map(|room| [IoSliceMut::new(room)]).collect();
        let space = nix::cmsg_space!(TimeSpec, i32);
        let mut headers = MultiHeaders::<()>::preallocate(BATCH, Some(space));
        let flags = MsgFlags::MSG_DONTWAIT;
        let mut reads = [(0, 0, 0_u64); BATCH];
        let fd = socket.as_raw_fd();
        // An error of the socket, as of a closed port, is taken off by reading it.
        let Ok(results) = recvmmsg(fd, &mut headers, slices.iter_mut(), flags, None) else {
            return;
        };
        let mut count = 0;
        for (read, message) in reads.iter_mut().zip(results) {
            let (mut segment, mut at_ns) = (message.bytes, None);
            for control in message.cmsgs().into_iter().flatten() {
                match control {
                    ControlMessageOwned::ScmTimestampns(at) => {
                        at_ns = u64::try_from(at.num_nanoseconds()).ok();
                    }
                    ControlMessageOwned::UdpGroSegments(bytes) => {
                        segment = usize::try_from(bytes).unwrap_or(segment);
                    }
                    _ => {}
                }
            }
            let at_ns = at_ns.map_or_else(now_ns, |at| at.wrapping_sub(self.offset_ns));
            *read = (message.bytes, segment, at_ns);
            count += 1;
        }
        let rooms = self.room.chunks_exact_mut(READ_BYTES);
        for ((bytes, segment, at_ns), room) in reads.into_iter().take(count).zip(rooms) {
            for datagram in room[..bytes].chunks_mut(segment.max(1)) {
                // A datagram that cannot leave is lost, as on any network.
                let send = |datagram: &[u8]| drop(socket.send(datagram));
                let news = viewer.handle(datagram, (*remote, at_ns), &mut self.delays, send);
                if let Some(news) = news {
                    let _ = self.news.send((*number, news));
                }
            }
        }
    }

    fn tick(&mut self, now: Instant) {
        let now_ns = now_ns();
        for Place { number, socket, viewer, .. } in &mut self.viewers {
            let send = |datagram: &[u8]| drop(socket.send(datagram));
            if let Some(news) = viewer.tick(now, now_ns, send) {
                let _ = self.news.send((*number, news));
            }
        }
    }
}

fn realtime_ns() -> u64 {
    clock_gettime(ClockId::CLOCK_REALTIME)
        .map_or(0, |time| u64::try_from(time.num_nanoseconds()).unwrap_or(0))
}

/// Processor time of this thread so far.
fn thread_cpu() -> Duration {
    getrusage(UsageWho::RUSAGE_THREAD).map_or(Duration::ZERO, |usage| {
        let us = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
        Duration::from_micros(u64::try_from(us).unwrap_or(0))
    })
}
