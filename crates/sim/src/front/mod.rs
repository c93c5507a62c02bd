//! Sockets for the exchange: HTTP and WebSocket on one port of 127.0.0.1, and the wall clock that drives it.
//!
//! One task owns the exchange; everything else sends it messages. No exchange rule lives here.
#![expect(
    clippy::disallowed_methods,
    reason = "the edge where the state machines meet sockets, tasks and the wall clock"
)]

mod actor;
mod handlers;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use rust_decimal::Decimal;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::binance::TransferError;
use crate::config::{ConfigError, FlowConfig, SimConfig};
use crate::flow::{Recording, RecordingError};
use crate::identity::{AccountName, Asset};
use crate::venue::Venue;

use actor::Command;

/// How long [`Server::shutdown`] waits for the sockets to close.
const SHUTDOWN_WITHIN: Duration = Duration::from_secs(5);

/// Why a local exchange cannot be served.
#[derive(Debug, Error)]
pub enum SimError {
    /// The configuration contradicts itself.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A recording cannot be used.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// A transfer was refused.
    #[error(transparent)]
    Transfer(#[from] TransferError),
    /// The exchange has stopped.
    #[error("the local exchange has stopped; start it again")]
    Stopped,
    /// The port cannot be had.
    #[error("cannot listen on 127.0.0.1:{port}: {source}; choose another port, or 0 for any free one")]
    Listen {
        /// Which.
        port: u16,
        /// Why.
        source: std::io::Error,
    },
}

/// A running local exchange. Dropping it stops it at once.
pub struct Server {
    address: SocketAddr,
    commands: mpsc::Sender<Command>,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

/// Starts a local exchange on 127.0.0.1.
///
/// Spot: REST is under `/api`, market streams are under `/ws` and `/stream`, the WebSocket API is under `/ws-api/v3`.
/// Contracts: REST is under `/fapi`, streams are under `/public`, `/market` and `/private`.
///
/// # Errors
/// [`SimError`] when the configuration, a recording or the port cannot be used.
pub async fn serve(config: SimConfig) -> Result<Server, SimError> {
    let recordings = match &config.flow {
        FlowConfig::Replay(replay) => vec![Recording::open(replay.symbol.clone(), &replay.path)?],
        FlowConfig::None | FlowConfig::Random(_) | FlowConfig::Steady(_) => Vec::new(),
    };
    let exchange = Venue::new(&config, recordings, actor::wall_clock())?;
    let failed = |source| SimError::Listen {
        port: config.port,
        source,
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, config.port))
        .await
        .map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;

    let (commands, inbox) = mpsc::channel(1_024);
    let (stop, stopped) = watch::channel(false);
    let tick = actor::tick_of(&config.flow);
    let exchange_task = tokio::spawn(actor::run(exchange, config.faults.clone(), tick, inbox));
    let router: Router = handlers::router(commands.clone());
    let mut until = stopped.clone();
    let server_task = tokio::spawn(async move {
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let stopping = async move {
            // An error means that the server was dropped, which is a stop as well.
            let _ = until.wait_for(|stop| *stop).await;
        };
        // What a single connection does wrong ends that connection; accepting goes on.
        let _ = axum::serve(listener, service).with_graceful_shutdown(stopping).await;
    });
    Ok(Server {
        address,
        commands,
        stop,
        tasks: vec![exchange_task, server_task],
    })
}

impl Server {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Deposits into an account, or withdraws when `delta` is negative; the account's streams tell of it.
    ///
    /// # Errors
    /// [`SimError::Transfer`] when the account is unknown or holds too little, [`SimError::Stopped`] after a shutdown.
    pub async fn transfer(&self, account: AccountName, asset: Asset, delta: Decimal) -> Result<(), SimError> {
        let (reply, answer) = oneshot::channel();
        let command = Command::Transfer {
            account,
            asset,
            delta,
            reply,
        };
        self.commands.send(command).await.map_err(|_| SimError::Stopped)?;
        Ok(answer.await.map_err(|_| SimError::Stopped)??)
    }

    /// Announces the end to every stream, closes the connections and stops.
    pub async fn shutdown(mut self) {
        // Both fail only when that task is gone already.
        let _ = self.commands.send(Command::Shutdown).await;
        let _ = self.stop.send(true);
        for task in &mut self.tasks {
            let _ = tokio::time::timeout(SHUTDOWN_WITHIN, task).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}
