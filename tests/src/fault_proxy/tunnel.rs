//! A stream, from its handshake: what the host sends goes through as it is, what the exchange sends frame by frame.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::connection::{Client, Next, drip, write, write_broken};
use super::fault::{Fault, Place};
use super::message::{Message, more, page, read};
use super::wire::Writing;
use super::{Shared, frame};

/// What becomes of a stream after a frame.
enum After {
    Goes,
    Ends(Next),
}

/// Opens a stream and carries it to its end.
pub(super) async fn carry(
    request: &Message,
    client: &mut Client,
    upstream: &mut TcpStream,
    shared: &Shared,
) -> io::Result<Next> {
    match shared.draw(Place::Handshake) {
        Some(Fault::HandshakeRefused) => {
            write(client, &page("503 Service Unavailable")).await?;
            return Ok(Next::Close);
        }
        Some(Fault::HandshakeSwallowed) => return Ok(Next::Hold),
        _ => {}
    }
    upstream.write_all(&request.bytes()).await?;
    let mut inbox = Vec::new();
    let Some(answer) = read(upstream, &mut inbox).await? else {
        return Ok(Next::Close);
    };
    write(client, &answer.bytes()).await?;
    if !answer.opens_stream() {
        return Ok(Next::More);
    }
    let mut from_client = vec![0; 16 << 10];
    loop {
        while let Some(frame) = frame::take(&mut inbox) {
            if let After::Ends(next) = deliver(&frame, client, shared).await? {
                return Ok(next);
            }
        }
        tokio::select! {
            read = client.read(&mut from_client) => match read? {
                0 => return Ok(Next::Close),
                length => upstream.write_all(&from_client[..length]).await?,
            },
            read = more(upstream, &mut inbox) => {
                if read? == 0 {
                    return Ok(Next::Close);
                }
            }
        }
    }
}

/// Hands a frame over, well or badly.
async fn deliver(frame: &[u8], client: &mut Client, shared: &Shared) -> io::Result<After> {
    let fault = frame::is_message(frame).then(|| shared.draw(Place::Frame)).flatten();
    let end = match fault {
        Some(Fault::FrameDropped) => return Ok(After::Goes),
        Some(Fault::FrameDuplicated) => {
            write(client, frame).await?;
            None
        }
        Some(Fault::FrameDripped) => {
            drip(client, frame, shared).await?;
            return Ok(After::Goes);
        }
        Some(Fault::StreamStalled) => {
            tokio::time::sleep(shared.pause(300, 2_500)).await;
            None
        }
        Some(Fault::FrameCut) => {
            write(client, &frame[..frame.len() / 2]).await?;
            Some(Next::Reset)
        }
        Some(Fault::FrameRecordCut) => Some(write_broken(client, frame, Writing::Half).await?),
        Some(Fault::FrameGarbage) => {
            write(client, b"\xf7\x00 no frame begins like this").await?;
            Some(Next::Close)
        }
        Some(Fault::StreamReset) => Some(Next::Reset),
        Some(Fault::StreamClosed) => Some(Next::Close),
        Some(Fault::StreamHalfOpen) => Some(Next::Hold),
        _ => None,
    };
    if let Some(next) = end {
        return Ok(After::Ends(next));
    }
    write(client, frame).await?;
    Ok(After::Goes)
}
