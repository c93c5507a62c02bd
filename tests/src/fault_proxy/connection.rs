//! One connection of the host, from its first byte.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::fault::Fault;
use super::wire::{Wire, Writing, hold, reset};
use super::{Shared, exchange, message, tunnel};

/// What the host and the proxy say to each other.
pub(super) type Client = TlsStream<Wire>;

/// What becomes of a connection after something was done on it.
pub(super) enum Next {
    /// It goes on.
    More,
    /// It is closed.
    Close,
    /// It is reset.
    Reset,
    /// Nothing flows on it any more.
    Hold,
}

/// Serves a connection that met `fault` to its end. Whatever breaks on the way ends it.
pub(super) async fn serve(mut tcp: TcpStream, fault: Option<Fault>, shared: Arc<Shared>) {
    let ids = &shared.identities;
    let (identity, writing) = match fault {
        Some(Fault::ConnectionReset) => return reset(tcp),
        Some(Fault::TlsStalled) => return hold(tcp).await,
        Some(Fault::TlsGarbage) => {
            // Whether it still arrives is the host's affair.
            let _ = tcp.write_all(b"220 mail.example ESMTP ready\r\n\0\0\0\0").await;
            return;
        }
        Some(Fault::TlsCut) => (&ids.right, Writing::Half),
        Some(Fault::UntrustedCertificate) => (&ids.untrusted, Writing::Whole),
        Some(Fault::OthersCertificate) => (&ids.others, Writing::Whole),
        Some(Fault::ExpiredCertificate) => (&ids.expired, Writing::Whole),
        _ => (&ids.right, Writing::Whole),
    };
    let acceptor = TlsAcceptor::from(identity.clone());
    let wire = Wire::new(tcp, writing);
    let Ok(mut client) = acceptor.accept(wire).await else {
        return;
    };
    let Ok(mut upstream) = TcpStream::connect(shared.upstream).await else {
        return;
    };
    let (mut from_client, mut from_upstream) = (Vec::new(), Vec::new());
    while let Ok(Some(request)) = message::read(&mut client, &mut from_client).await {
        shared.requests.fetch_add(1, Ordering::Relaxed);
        let next = if request.wants_stream() {
            tunnel::carry(&request, &mut client, &mut upstream, &shared).await
        } else {
            exchange::answer(&request, &mut client, &mut upstream, &mut from_upstream, &shared).await
        };
        match next {
            Ok(Next::More) => {}
            Ok(Next::Close) => {
                // The host may have let go first.
                let _ = client.shutdown().await;
                return;
            }
            Ok(Next::Reset) => return client.get_ref().0.end_with_reset(),
            Ok(Next::Hold) => return hold((client, upstream)).await,
            Err(_) => return,
        }
    }
}

/// Writes `bytes` and sees them off.
pub(super) async fn write(client: &mut Client, bytes: &[u8]) -> std::io::Result<()> {
    client.write_all(bytes).await?;
    client.flush().await
}

/// Writes `bytes`, and the socket breaks on the way.
pub(super) async fn write_broken(client: &mut Client, bytes: &[u8], how: Writing) -> std::io::Result<Next> {
    client.get_mut().0.writing = how;
    // That it breaks is what is wanted.
    let _ = write(client, bytes).await;
    Ok(Next::Close)
}

/// Writes `bytes` in records of a few bytes each, the first ones of a single byte.
pub(super) async fn drip(client: &mut Client, bytes: &[u8], shared: &Shared) -> std::io::Result<()> {
    let (slow, rest) = bytes.split_at(bytes.len().min(64));
    for byte in slow.chunks(1) {
        write(client, byte).await?;
        tokio::time::sleep(shared.pause(1, 5)).await;
    }
    for part in rest.chunks(512) {
        write(client, part).await?;
    }
    Ok(())
}
