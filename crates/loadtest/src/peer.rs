//! One WebRTC client: str0m as the engine, a UDP socket of its own, one task.
//!
//! Every client has its own socket, as people have: a server that routes by address must tell two
//! of them apart. A task costs little, so hundreds of clients share the threads of the runtime.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, Input, Output, Rtc};
use tokio::net::UdpSocket;
use tokio::sync::oneshot;

use crate::http::Server;

/// Longest datagram that is read, in bytes; media packets are below 1,500.
const DATAGRAM_BYTES_MAX: usize = 2_000;

/// Steps of one client before others get their turn.
const STEPS_PER_TURN_MAX: u32 = 64;

/// Longest sleep of a client without anything to do. Bounds the harm of a lost wake-up.
const SLEEP_MAX: Duration = Duration::from_secs(1);

/// Time for the farewell packets once a client is told to stop.
const FAREWELL: Duration = Duration::from_millis(200);

/// Why a client has no connection.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// The UDP socket failed.
    #[error("the UDP socket failed: {0}")]
    Socket(#[from] std::io::Error),
    /// The WebRTC engine failed.
    #[error("the WebRTC engine failed: {0}")]
    Engine(#[from] str0m::RtcError),
    /// The own address is of no use.
    #[error("this machine's address cannot be offered: {0}")]
    Candidate(#[from] str0m::error::IceError),
}

/// How a connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// Not connected yet.
    Connecting,
    /// Encrypted media can flow.
    Connected,
    /// The path is down; the engine keeps trying.
    Lost,
    /// It is over: ended by one of the two sides, or given up.
    Ended,
}

/// What a client does with its connection.
pub trait Role: Send + 'static {
    /// The engine reports something.
    fn event(&mut self, now: Instant, event: Event, rtc: &mut Rtc);

    /// When [`Role::act`] wants to be called next, once connected.
    fn due(&self) -> Option<Instant> {
        None
    }

    /// Does one thing that is due, for example sends one packet.
    fn act(&mut self, now: Instant, rtc: &mut Rtc) {
        let _ = (now, rtc);
    }

    /// The connection changed.
    fn link(&mut self, now: Instant, link: Link);
}

/// An engine as a synthetic person's browser has it: RTP packets as they are, Opus and VP8.
pub(crate) fn engine() -> Box<Rtc> {
    let config =
        Rtc::builder().set_rtp_mode(true).clear_codecs().enable_opus(true, false).enable_vp8(true);
    Box::new(config.build(Instant::now()))
}

/// An engine with a socket, before it runs.
pub struct Peer {
    /// The engine; offers are made on it before [`Peer::run`]. Boxed, for it is too large to be
    /// moved through futures.
    pub rtc: Box<Rtc>,
    socket: UdpSocket,
    local: SocketAddr,
}

impl Peer {
    /// Opens a socket on the address that reaches `server` and gives the engine its candidate.
    ///
    /// # Errors
    /// [`PeerError`] when there is no socket.
    pub async fn open(server: &Server, rtc: Box<Rtc>) -> Result<Self, PeerError> {
        let ip = server.local_ip().await.map_err(std::io::Error::other)?;
        Self::open_at(ip, rtc).await
    }

    /// Opens a socket on this address of the machine.
    ///
    /// # Errors
    /// [`PeerError`] when there is no socket.
    pub async fn open_at(ip: IpAddr, mut rtc: Box<Rtc>) -> Result<Self, PeerError> {
        let socket = UdpSocket::bind((ip, 0)).await?;
        let local = socket.local_addr()?;
        rtc.add_local_candidate(Candidate::host(local, "udp")?);
        Ok(Self { rtc, socket, local })
    }

    /// Drives the client until the connection is over or `stop` is used or dropped.
    pub async fn run(mut self, mut role: impl Role, mut stop: oneshot::Receiver<()>) {
        let end = self.drive(&mut role, &mut stop).await;
        if let Err(error) = end {
            tracing::debug!(%error, "a synthetic client ended");
        }
        self.farewell().await;
        role.link(Instant::now(), Link::Ended);
    }

    async fn drive(
        &mut self,
        role: &mut impl Role,
        stop: &mut oneshot::Receiver<()>,
    ) -> Result<(), PeerError> {
        let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
        let mut connected = false;
        let mut steps = 0;
        loop {
            let wake = self.drain(role, &mut connected)?;
            if !self.rtc.is_alive()
                || !matches!(stop.try_recv(), Err(oneshot::error::TryRecvError::Empty))
            {
                return Ok(());
            }
            steps += 1;
            if steps > STEPS_PER_TURN_MAX {
                steps = 0;
                tokio::task::yield_now().await;
            }
            let now = Instant::now();
            if wake <= now {
                self.rtc.handle_input(Input::Timeout(now))?;
                continue;
            }
            let due = role.due().filter(|_| connected);
            if due.is_some_and(|due| due <= now) {
                role.act(now, &mut self.rtc);
                // The engine sends what was written when time next moves.
                self.drain(role, &mut connected)?;
                self.rtc.handle_input(Input::Timeout(now))?;
                continue;
            }
            match self.socket.try_recv_from(&mut buffer) {
                Ok((length, from)) => {
                    self.receive(&buffer[..length], from)?;
                    continue;
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                // A closed port of the other side is reported here; the engine times out by itself.
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => continue,
                Err(error) => return Err(error.into()),
            }
            steps = 0;
            let until = wake.min(due.unwrap_or(wake)).min(now + SLEEP_MAX);
            tokio::select! {
                biased;
                _ = &mut *stop => return Ok(()),
                ready = self.socket.readable() => ready?,
                () = tokio::time::sleep_until(until.into()) => {}
            }
        }
    }

    fn receive(&mut self, datagram: &[u8], from: SocketAddr) -> Result<(), PeerError> {
        // What is no STUN, DTLS, RTP or RTCP is not for the engine.
        if let Ok(received) = Receive::new(Protocol::Udp, from, self.local, datagram) {
            self.rtc.handle_input(Input::Receive(Instant::now(), received))?;
        }
        Ok(())
    }

    /// Empties the engine and returns when it wants to be woken.
    fn drain(&mut self, role: &mut impl Role, connected: &mut bool) -> Result<Instant, PeerError> {
        loop {
            match self.rtc.poll_output()? {
                Output::Timeout(at) => return Ok(at),
                // A datagram that cannot leave is lost, as on any network.
                Output::Transmit(packet) => {
                    let _ = self.socket.try_send_to(&packet.contents, packet.destination);
                }
                Output::Event(event) => {
                    let now = Instant::now();
                    match &event {
                        Event::Connected => {
                            *connected = true;
                            role.link(now, Link::Connected);
                        }
                        Event::IceConnectionStateChange(state) if *connected => {
                            role.link(
                                now,
                                if state.is_disconnected() { Link::Lost } else { Link::Connected },
                            );
                        }
                        _ => {}
                    }
                    role.event(now, event, &mut self.rtc);
                }
            }
        }
    }

    /// Tells the other side that this one leaves, as far as the engine has packets for that.
    async fn farewell(&mut self) {
        if self.rtc.close().is_err() {
            return;
        }
        let last = Instant::now() + FAREWELL;
        while self.rtc.is_alive() && Instant::now() < last {
            match self.rtc.poll_output() {
                Ok(Output::Transmit(packet)) => {
                    let _ = self.socket.send_to(&packet.contents, packet.destination).await;
                }
                Ok(Output::Event(_)) => {}
                Ok(Output::Timeout(at)) => {
                    tokio::time::sleep_until(at.min(last).into()).await;
                    if self.rtc.handle_input(Input::Timeout(Instant::now())).is_err() {
                        return;
                    }
                }
                Err(_) => return,
            }
        }
    }
}
