//! HTTP/1.1 messages as bytes: a head, and a body of a stated length (RFC 9112, "Message Format").

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// The most bytes of a head.
const LONGEST_HEAD: usize = 64 << 10;
/// So many bytes are read at once.
const CHUNK: usize = 16 << 10;

/// A request or an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// First line and headers, with the empty line behind them.
    pub head: Vec<u8>,
    /// The body.
    pub body: Vec<u8>,
}

impl Message {
    /// A header's value; names are compared without case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let head = std::str::from_utf8(&self.head).ok()?;
        head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// Whether it asks for a WebSocket.
    #[must_use]
    pub fn wants_stream(&self) -> bool {
        self.header("upgrade")
            .is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
    }

    /// Whether it is the answer that turns a connection into a stream.
    #[must_use]
    pub fn opens_stream(&self) -> bool {
        self.head.starts_with(b"HTTP/1.1 101 ")
    }

    /// As it goes over the wire.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        [self.head.as_slice(), self.body.as_slice()].concat()
    }
}

/// An answer of a status with a page for people, as a front server gives.
#[must_use]
pub fn page(status: &str) -> Vec<u8> {
    let body = format!("<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>");
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/html\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Reads the next message; what came behind it stays in `inbox`. `None` where the connection ended between two messages.
///
/// # Errors
/// The connection broke, ended within a message, or what came is no HTTP/1.1 with a stated length.
pub async fn read(from: &mut (impl AsyncRead + Unpin), inbox: &mut Vec<u8>) -> io::Result<Option<Message>> {
    let head = loop {
        if let Some(at) = inbox.windows(4).position(|four| four == b"\r\n\r\n") {
            break inbox.drain(..at + 4).collect();
        }
        if inbox.len() > LONGEST_HEAD {
            return Err(io::ErrorKind::InvalidData.into());
        }
        if more(from, inbox).await? == 0 {
            return if inbox.is_empty() {
                Ok(None)
            } else {
                Err(io::ErrorKind::UnexpectedEof.into())
            };
        }
    };
    let mut message = Message { head, body: Vec::new() };
    if message.header("transfer-encoding").is_some() {
        return Err(io::ErrorKind::Unsupported.into());
    }
    let length: usize = match message.header("content-length").map(str::parse) {
        None => 0,
        Some(Ok(length)) => length,
        Some(Err(_)) => return Err(io::ErrorKind::InvalidData.into()),
    };
    while inbox.len() < length {
        if more(from, inbox).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    message.body = inbox.drain(..length).collect();
    Ok(Some(message))
}

/// Reads what there is; cancel-safe.
pub(super) async fn more(from: &mut (impl AsyncRead + Unpin), inbox: &mut Vec<u8>) -> io::Result<usize> {
    inbox.reserve(CHUNK);
    from.read_buf(inbox).await
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn messages_are_told_apart_by_their_lengths() {
        let mut wire: &[u8] =
            b"POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /b HTTP/1.1\r\nUpgrade: WebSocket\r\n\r\n";
        let mut inbox = Vec::new();
        let first = read(&mut wire, &mut inbox).await.unwrap().unwrap();
        assert_eq!(
            (first.body.as_slice(), first.wants_stream()),
            (b"abc".as_slice(), false)
        );
        let second = read(&mut wire, &mut inbox).await.unwrap().unwrap();
        assert!(second.body.is_empty() && second.wants_stream());
        assert_eq!(read(&mut wire, &mut inbox).await.unwrap(), None);
        let mut torn: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf";
        let error = read(&mut torn, &mut Vec::new()).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
