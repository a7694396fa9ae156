//! Media over a TCP connection to the one port: ICE's passive TCP candidates (RFC 6544), each
//! datagram behind its length (RFC 4571).
//!
//! A connection is a tunnel of the media engine. It is kept only while the engine finds authentic
//! checks of a session in it; everybody else is put out at their first frame.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use sfu::{Entrance, Exit, Opener, Tunnels};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::OwnedSemaphorePermit;

/// Longest frame: the largest datagram of a browser, with room for its tunnel headers.
const FRAME_BYTES_MAX: usize = 2_048;

/// Time in which a connection must have shown an authentic check. A browser sends its first one
/// with the connection and repeats it every half second.
const PROOF_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection on which nothing came for so long is dead. Browsers check every 2.5 s.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// Time for the system to take what is written. Beyond it the line is as good as dead.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// Written at once at most: what waits in a tunnel is gathered up to this.
const WRITE_BYTES: usize = 16 << 10;

/// Serves a connection until it, or the session it belongs to, is over. `waiting` is its place
/// among those that have not shown an authentic check yet.
pub(crate) async fn serve(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin,
    local: Option<IpAddr>,
    tunnels: &Tunnels,
    waiting: OwnedSemaphorePermit,
) {
    let Some((entrance, exit)) = tunnels.open(Opener::Stranger) else { return };
    let (read, write) = tokio::io::split(stream);
    // What goes wrong on a connection ends it; the browser tries another way by itself.
    tokio::select! {
        _ = deliver(read, &entrance, local) => {}
        _ = send(write, exit) => {}
        () = unproven(&entrance, waiting) => {}
    }
}

/// Resolves when the connection did not prove itself in time.
async fn unproven(entrance: &Entrance, waiting: OwnedSemaphorePermit) {
    let proven = tokio::time::timeout(PROOF_TIMEOUT, entrance.proven()).await;
    if matches!(proven, Ok(true)) {
        drop(waiting);
        std::future::pending::<()>().await;
    }
}

async fn deliver(
    stream: impl AsyncRead + Unpin,
    entrance: &Entrance,
    local: Option<IpAddr>,
) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let frame = tokio::time::timeout(SILENCE_MAX, frame(&mut stream)).await??;
        // A frame without content keeps the connection open (RFC 4571 does not forbid it).
        if !frame.is_empty() {
            entrance.deliver(local, frame);
        }
    }
}

async fn frame(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let length = usize::from(stream.read_u16().await?);
    if length > FRAME_BYTES_MAX {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut frame = vec![0; length];
    stream.read_exact(&mut frame).await?;
    Ok(frame)
}

async fn send(mut stream: impl AsyncWrite + Unpin, mut exit: Exit) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(2 * WRITE_BYTES);
    while let Some(first) = exit.next().await {
        buffer.clear();
        let mut next = Some(first);
        while let Some(datagram) = next {
            let Ok(length) = u16::try_from(datagram.bytes.len()) else { break };
            buffer.extend_from_slice(&length.to_be_bytes());
            buffer.extend_from_slice(&datagram.bytes);
            next = if buffer.len() < WRITE_BYTES { exit.try_next() } else { None };
        }
        let write = async {
            stream.write_all(&buffer).await?;
            stream.flush().await
        };
        tokio::time::timeout(WRITE_TIMEOUT, write).await??;
    }
    Ok(())
}
