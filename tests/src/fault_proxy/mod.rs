//! A proxy between the host and the local exchange that ends TLS and does harm: to connections, to requests and their
//! answers, to streams and their frames, on real sockets and byte by byte.
//!
//! What lives here: the faults and their order ([`fault`]), certificates made at run time ([`authority`]), the socket that
//! breaks amid a record (`wire`), HTTP/1.1 messages ([`message`]), WebSocket frames ([`frame`]), and what is done to each
//! (`exchange`, `tunnel`). What must not live here: the exchange's rules. The proxy does not know what it carries.

pub mod authority;
pub mod fault;
pub mod frame;
pub mod message;

mod connection;
mod exchange;
mod tunnel;
mod wire;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;

use self::authority::{Authority, Identities};
use self::fault::{Dice, Fault, Place, Weather};

/// What every connection sees.
struct Shared {
    upstream: SocketAddr,
    identities: Identities,
    dice: Mutex<Dice>,
    requests: AtomicU64,
}

impl Shared {
    fn dice(&self) -> MutexGuard<'_, Dice> {
        self.dice.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What goes wrong here now.
    fn draw(&self, place: Place) -> Option<Fault> {
        self.dice().draw(place)
    }

    /// A moment between the two, drawn.
    fn pause(&self, least_ms: u64, most_ms: u64) -> Duration {
        Duration::from_millis(least_ms + self.dice().below(most_ms - least_ms))
    }
}

/// A proxy on a port of 127.0.0.1. It ends with this value.
pub struct FaultProxy {
    address: SocketAddr,
    authority: Authority,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl FaultProxy {
    /// Starts one before `upstream` (`host:port`, plain HTTP), in calm weather. The seed fixes which faults come, in which
    /// order and after how many chances; which connection or frame meets one is the system's scheduling.
    ///
    /// # Panics
    /// Where it cannot be started.
    #[must_use]
    pub fn start(upstream: &str, seed: u64) -> FaultProxy {
        let authority = Authority::new("the test's own authority");
        let shared = Arc::new(Shared {
            upstream: upstream.parse().expect("the exchange says host and port"),
            identities: Identities::new(&authority),
            dice: Mutex::new(Dice::new(seed)),
            requests: AtomicU64::new(0),
        });
        let (stop, stopped) = oneshot::channel();
        let (say, address) = std::sync::mpsc::channel();
        let served = shared.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime can be made");
            runtime.block_on(async {
                let listener = listen(0).await;
                let address = listener.local_addr().expect("a listener has an address");
                say.send(address).expect("the one who started us waits");
                tokio::select! {
                    () = accept(listener, served) => {}
                    // An error means that the proxy was dropped, which is a stop as well.
                    _ = stopped => {}
                }
            });
        });
        FaultProxy {
            address: address.recv().expect("the thread says where it listens"),
            authority,
            shared,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Host and port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The authority that its certificates are from, as PEM.
    #[must_use]
    pub fn authority(&self) -> String {
        self.authority.pem()
    }

    /// Whether faults strike from here on. What was broken stays broken.
    pub fn set_weather(&self, weather: Weather) {
        self.shared.dice().weather = weather;
    }

    /// How often each fault struck; those that never did are there with zero.
    #[must_use]
    pub fn struck(&self) -> BTreeMap<Fault, u64> {
        self.shared.dice().struck.clone()
    }

    /// How many requests and stream handshakes arrived here whole.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::Relaxed)
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // Fails where the thread is gone already.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl std::fmt::Debug for FaultProxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FaultProxy({})", self.address)
    }
}

/// Listens on a port, that of an earlier listener perhaps.
async fn listen(port: u16) -> TcpListener {
    loop {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
            Ok(listener) => return listener,
            Err(error) if port == 0 => panic!("no port of this machine can be had: {error}"),
            // Somebody's outgoing connection has it for a moment.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn accept(mut listener: TcpListener, shared: Arc<Shared>) {
    let port = listener.local_addr().expect("a listener has an address").port();
    loop {
        let Ok((tcp, _)) = listener.accept().await else {
            continue;
        };
        match shared.draw(Place::Connection) {
            Some(Fault::PortClosed) => {
                wire::reset(tcp);
                drop(listener);
                tokio::time::sleep(shared.pause(200, 1_500)).await;
                listener = listen(port).await;
            }
            fault => drop(tokio::spawn(connection::serve(tcp, fault, shared.clone()))),
        }
    }
}
