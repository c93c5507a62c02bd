//! The socket below TLS, which can break within a record.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// How long a connection is held on which nothing flows: longer than any test lasts.
const HELD: Duration = Duration::from_secs(600);

/// What becomes of the next bytes that are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writing {
    /// They go out.
    Whole,
    /// Half of them go out, and nothing after them.
    Half,
    /// Others go out, as many, and nothing after them.
    Garbage,
    /// None go out.
    Nothing,
}

/// A TCP connection to the host.
#[derive(Debug)]
pub(super) struct Wire {
    tcp: TcpStream,
    pub(super) writing: Writing,
}

impl Wire {
    pub(super) fn new(tcp: TcpStream, writing: Writing) -> Wire {
        Wire { tcp, writing }
    }

    /// From here on the connection's end is a reset.
    pub(super) fn end_with_reset(&self) {
        // It fails where the connection is gone already.
        let _ = self.tcp.set_zero_linger();
    }
}

/// Ends a connection with a reset.
pub(super) fn reset(tcp: TcpStream) {
    Wire::new(tcp, Writing::Nothing).end_with_reset();
}

/// Holds a connection on which nothing flows any more.
pub(super) async fn hold<T>(connection: T) {
    tokio::time::sleep(HELD).await;
    drop(connection);
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_read(context, into)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let broken = match self.writing {
            Writing::Whole => return Pin::new(&mut self.tcp).poll_write(context, bytes),
            Writing::Half => bytes[..bytes.len() / 2].to_vec(),
            Writing::Garbage => bytes.iter().map(|byte| byte ^ 0x5a).collect(),
            Writing::Nothing => Vec::new(),
        };
        if !broken.is_empty() {
            ready!(Pin::new(&mut self.tcp).poll_write(context, &broken))?;
        }
        self.writing = Writing::Nothing;
        Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(context)
    }
}
