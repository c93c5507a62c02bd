//! A socket that remembers when it was written to and read from.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// When a socket was used.
#[derive(Debug, Default)]
pub struct Stamps {
    /// Just before the last write.
    pub written: Cell<Option<Instant>>,
    /// When the first bytes since [`Stamps::forget_reads`] had been read.
    pub first_read: Cell<Option<Instant>>,
    /// When the last bytes had been read.
    pub last_read: Cell<Option<Instant>>,
}

impl Stamps {
    pub fn forget_reads(&self) {
        self.first_read.set(None);
    }
}

/// A TCP connection below TLS, stamped.
pub struct Stamped {
    tcp: TcpStream,
    stamps: Rc<Stamps>,
}

impl Stamped {
    pub fn new(tcp: TcpStream) -> (Stamped, Rc<Stamps>) {
        tcp.set_nodelay(true).unwrap();
        let stamps = Rc::new(Stamps::default());
        let inner = stamps.clone();
        (Stamped { tcp, stamps: inner }, stamps)
    }
}

impl AsyncRead for Stamped {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = ready!(Pin::new(&mut self.tcp).poll_read(context, buf));
        if buf.filled().len() > before {
            let now = Some(Instant::now());
            if self.stamps.first_read.get().is_none() {
                self.stamps.first_read.set(now);
            }
            self.stamps.last_read.set(now);
        }
        Poll::Ready(result)
    }
}

impl AsyncWrite for Stamped {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stamps.written.set(Some(Instant::now()));
        Pin::new(&mut self.tcp).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(context)
    }
}
