//! One request and its answer, and what is done to them.

use std::io;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::Shared;
use super::connection::{Client, Next, drip, write, write_broken};
use super::fault::{Fault, Place};
use super::message::{Message, page, read};
use super::wire::Writing;

/// Answers a request, well or badly.
pub(super) async fn answer(
    request: &Message,
    client: &mut Client,
    upstream: &mut TcpStream,
    from_upstream: &mut Vec<u8>,
    shared: &Shared,
) -> io::Result<Next> {
    let fault = shared.draw(Place::Request);
    match fault {
        Some(Fault::RequestReset) => return Ok(Next::Reset),
        Some(Fault::RequestSwallowed) => return Ok(Next::Hold),
        Some(Fault::Status503) => {
            write(client, &page("503 Service Unavailable")).await?;
            return Ok(Next::More);
        }
        Some(Fault::RequestDelayed) => tokio::time::sleep(shared.pause(100, 2_000)).await,
        _ => {}
    }
    upstream.write_all(&request.bytes()).await?;
    let Some(answer) = read(upstream, from_upstream).await? else {
        return Ok(Next::Close);
    };
    let bytes = answer.bytes();
    match fault {
        Some(Fault::AnswerReset) => return Ok(Next::Reset),
        Some(Fault::AnswerSwallowed) => return Ok(Next::Hold),
        Some(Fault::AnswerDelayed) => {
            tokio::time::sleep(shared.pause(100, 3_000)).await;
            write(client, &bytes).await?;
        }
        Some(Fault::BodyCut) => {
            let kept = answer.head.len() + answer.body.len() / 2;
            write(client, &bytes[..kept]).await?;
            return Ok(Next::Close);
        }
        Some(Fault::RecordCut) => return write_broken(client, &bytes, Writing::Half).await,
        Some(Fault::RecordGarbage) => return write_broken(client, &bytes, Writing::Garbage).await,
        Some(Fault::NoHttp) => {
            write(client, b"\x16\x03\x01 what is this\r\n\r\n\xff\xfe\0\0").await?;
            return Ok(Next::Close);
        }
        Some(Fault::Html200) => write(client, &page("200 OK")).await?,
        Some(Fault::Status502) => write(client, &page("502 Bad Gateway")).await?,
        Some(Fault::AnswerDripped) => drip(client, &bytes, shared).await?,
        _ => write(client, &bytes).await?,
    }
    Ok(Next::More)
}
