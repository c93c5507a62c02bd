//! The bare program: reads a frame, writes the order that it was given, reads the answer. Blocking sockets, no runtime.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::thread::JoinHandle;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use tokio_tungstenite::tungstenite;

use crate::exchange::{BARE_REPLY, Venue};
use crate::identity::Identity;

fn connect(port: u16, tls: &Arc<ClientConfig>) -> StreamOwned<ClientConnection, TcpStream> {
    let tcp = TcpStream::connect(("127.0.0.1", port)).unwrap();
    tcp.set_nodelay(true).unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    StreamOwned::new(ClientConnection::new(tls.clone(), name).unwrap(), tcp)
}

/// Starts it; it ends when the exchange hangs up.
pub fn start(venue: &Venue, identity: &Identity) -> JoinHandle<()> {
    let (tls, orders, ports) = (identity.client.clone(), venue.bare_orders(), venue.ports);
    std::thread::spawn(move || {
        let Ok(order) = orders.recv() else {
            return;
        };
        let socket = |port: u16| {
            let url = format!("wss://127.0.0.1:{port}/");
            tungstenite::client(url, connect(port, &tls)).unwrap().0
        };
        let mut market = socket(ports.bare_market);
        if order.starts_with(b"POST") {
            let mut rest = connect(ports.bare_rest, &tls);
            let mut reply = vec![0; BARE_REPLY.len()];
            while let Ok(frame) = market.read() {
                if frame.is_text() {
                    rest.write_all(&order).unwrap();
                    rest.flush().unwrap();
                    rest.read_exact(&mut reply).unwrap();
                }
            }
        } else {
            let order = String::from_utf8(order).unwrap();
            let mut entry = socket(ports.bare_socket);
            while let Ok(frame) = market.read() {
                if frame.is_text() {
                    entry.send(tungstenite::Message::text(order.clone())).unwrap();
                    entry.read().unwrap();
                }
            }
        }
    })
}
