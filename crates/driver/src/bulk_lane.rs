//! The bulk lane: large and slow answers, read on a thread of their own.
//!
//! A second instance of the same connector runs here with a driver and a transport of its own; nothing is shared with the
//! engine's thread but two bounded channels and what the exchange refuses until later. What comes back is an input of the engine
//! like any other.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use colibri_abi::{BookBatch, Connector, TopOfBook, TradeBatch};
use colibri_model::{Millis, OpId};
use colibri_standard::{Command, Event, Outcome, Refusal, RejectReason, SessionRole, SessionStatus, UseInstruments};
use tokio::sync::{Notify, mpsc};

use crate::tokio_transport::{HostClock, Transport, TransportError, TransportOptions};
use crate::{
    ConnectorState, Driver, DriverError, DriverIndex, DriverSetup, Input, LimitShare, Limiter, LogLevel, Rest, Resting,
    Sink,
};

/// Commands that wait for the lane, and reports that wait for the engine.
const CHANNEL: usize = 256;
/// Operations of the lane itself, told to nobody.
const OWN: u64 = 1 << 62;

/// Why a lane cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum BulkError {
    /// See [`DriverError`].
    #[error(transparent)]
    Driver(#[from] DriverError),
    /// See [`TransportError`].
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The system gives no thread, or no event loop.
    #[error("the bulk lane's thread cannot be started: {0}")]
    Thread(#[from] io::Error),
}

/// What a lane is made from.
#[derive(Debug, Clone)]
pub struct BulkSetup {
    /// The driver's setup: the engine's own, with another seed.
    pub driver: DriverSetup,
    /// Which part of every limit the lane may use; the engine's limiter must leave it.
    pub share: LimitShare,
    /// How its transport behaves.
    pub transport: TransportOptions,
}

/// What a lane tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BulkReport {
    /// An event of a command.
    Event(Box<Event>),
    /// A command has ended.
    Completed(OpId, Outcome),
    /// The exchange refuses something until later: whoever else uses the address or the account must know.
    Rest(Rest),
    /// A line for the log.
    Log(LogLevel, String),
}

/// What the lane is to rest of and has not looked at yet. Beside the commands and not among them: a ban is lost behind no number
/// of them, and overtakes those that wait.
#[derive(Debug, Default)]
struct Rests {
    /// Of each thing the longest span that was told: no more entries than the manifest has pools.
    told: Mutex<BTreeMap<Resting, Millis>>,
    news: Notify,
}

impl Rests {
    fn tell(&self, rest: &Rest) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let span = told.entry(rest.what.clone()).or_default();
        *span = rest.span.max(*span);
        self.news.notify_one();
    }

    fn take(&self) -> Vec<Rest> {
        let told = std::mem::take(&mut *self.told.lock().unwrap_or_else(PoisonError::into_inner));
        told.into_iter().map(|(what, span)| Rest { what, span }).collect()
    }
}

/// A bulk lane. Dropping it ends its thread; a fault of its connector ends it too, once every operation has been told.
#[derive(Debug)]
pub struct BulkLane {
    commands: mpsc::Sender<(OpId, Command)>,
    rests: Arc<Rests>,
    reports: mpsc::Receiver<BulkReport>,
    own: u64,
}

impl BulkLane {
    /// Starts a lane around a second instance of a connector.
    ///
    /// # Errors
    /// A setup that does not fit, or a system without a thread to give.
    #[expect(clippy::disallowed_methods, reason = "the lane is a thread of its own")]
    pub fn start(setup: BulkSetup, connector: Connector) -> Result<BulkLane, BulkError> {
        let (lane, end) = BulkLane::pair();
        let (ready, started) = std::sync::mpsc::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        thread::Builder::new()
            .name(format!("bulk {}", setup.driver.venue))
            .spawn(move || {
                let made = runtime.block_on(async {
                    let driver = Driver::new(&setup.driver, connector, Limiter::shared(setup.share))?;
                    Ok::<_, BulkError>((driver, Transport::new(setup.transport)?))
                });
                match made {
                    Ok((driver, transport)) => {
                        // The starter waits for this; it is there.
                        let _ = ready.send(Ok(()));
                        runtime.block_on(serve(driver, transport, end));
                        runtime.shutdown_background();
                    }
                    Err(error) => {
                        let _ = ready.send(Err(error));
                    }
                }
            })?;
        started
            .recv()
            .unwrap_or_else(|_| Err(io::Error::other("it ended at once").into()))?;
        Ok(lane)
    }

    /// A lane that has no thread yet: whoever has its end serves it, or lets it go as a thread that dies does.
    #[must_use]
    pub fn pair() -> (BulkLane, LaneEnd) {
        let (commands, incoming) = mpsc::channel(CHANNEL);
        let (outgoing, reports) = mpsc::channel(CHANNEL);
        let rests = Arc::<Rests>::default();
        let lane = BulkLane {
            commands,
            rests: Arc::clone(&rests),
            reports,
            own: OWN,
        };
        let end = LaneEnd {
            commands: incoming,
            rests,
            reports: outgoing,
        };
        (lane, end)
    }

    /// Hands a command over. Its outcome comes as a report.
    ///
    /// # Errors
    /// Nothing was sent: too many commands wait, or the lane has ended.
    pub fn command(&mut self, op: OpId, command: Command) -> Result<(), Refusal> {
        self.commands.try_send((op, command)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Refusal::new(
                RejectReason::NoRoom,
                format!("{CHANNEL} commands wait for the bulk lane"),
            ),
            mpsc::error::TrySendError::Closed(_) => ended(),
        })
    }

    /// Tells the lane that the exchange refuses something until later, as another driver has heard. However many commands wait,
    /// it is heeded before the next of them.
    ///
    /// # Errors
    /// The lane has ended.
    pub fn rest(&mut self, rest: &Rest) -> Result<(), Refusal> {
        if self.commands.is_closed() {
            return Err(ended());
        }
        self.rests.tell(rest);
        Ok(())
    }

    /// Tells the lane's connector the instruments in use, whose handles its commands name.
    ///
    /// # Errors
    /// As [`BulkLane::command`].
    pub fn use_instruments(&mut self, instruments: &UseInstruments) -> Result<(), Refusal> {
        self.own += 1;
        self.command(OpId(self.own), Command::UseInstruments(instruments.clone()))
    }

    /// The next report; `None` once the lane has ended. Cancel-safe.
    pub async fn next(&mut self) -> Option<BulkReport> {
        self.reports.recv().await
    }

    /// A report that is there already.
    pub fn try_next(&mut self) -> Option<BulkReport> {
        self.reports.try_recv().ok()
    }
}

fn ended() -> Refusal {
    Refusal::new(RejectReason::NotConnected, "the bulk lane has ended; see the log")
}

/// The other end of a lane: what its thread holds.
#[derive(Debug)]
pub struct LaneEnd {
    commands: mpsc::Receiver<(OpId, Command)>,
    rests: Arc<Rests>,
    reports: mpsc::Sender<BulkReport>,
}

impl LaneEnd {
    /// Reports something.
    ///
    /// # Errors
    /// The lane was let go, or does not listen: the report comes back.
    pub fn report(&self, report: BulkReport) -> Result<(), BulkReport> {
        self.reports.try_send(report).map_err(|error| match error {
            mpsc::error::TrySendError::Full(report) | mpsc::error::TrySendError::Closed(report) => report,
        })
    }

    /// What it was told to rest of, since this was asked last.
    pub fn rests(&mut self) -> Vec<Rest> {
        self.rests.take()
    }
}

/// What the lane's driver tells during one input. Market data is not its business.
#[derive(Debug, Default)]
struct Reports(Vec<BulkReport>);

impl Sink for Reports {
    fn book(&mut self, _: &BookBatch<'_>) {}
    fn trades(&mut self, _: &TradeBatch<'_>) {}
    fn top(&mut self, _: &TopOfBook) {}
    fn event(&mut self, event: Event) {
        self.0.push(BulkReport::Event(Box::new(event)));
    }
    fn completed(&mut self, op: OpId, outcome: Outcome) {
        if op.0 & OWN == 0 {
            self.0.push(BulkReport::Completed(op, outcome));
        } else if let Some(refusal) = outcome.refusal() {
            let text = format!("the bulk lane did not take the instruments in use: {refusal}");
            self.0.push(BulkReport::Log(LogLevel::Error, text));
        }
    }
    fn session(&mut self, _: SessionRole, _: SessionStatus) {}
    fn log(&mut self, level: LogLevel, text: &str) {
        self.0.push(BulkReport::Log(level, format!("bulk lane: {text}")));
    }
}

/// Runs the lane until its commands end.
async fn serve(mut driver: Driver, mut transport: Transport, end: LaneEnd) {
    let LaneEnd {
        mut commands,
        rests,
        reports,
    } = end;
    const ONLY: DriverIndex = DriverIndex(0);
    let clock = HostClock::start();
    let mut told = Reports::default();
    loop {
        let now = clock.now();
        let wake = driver.next_wake().map(|at| clock.instant(at.max(now.mono)));
        let due = async {
            match wake {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = rests.news.notified() => {
                for rest in rests.take() {
                    driver.rest(clock.now(), &rest);
                }
            }
            command = commands.recv() => match command {
                Some((op, command)) => driver.post(clock.now(), Input::Command { op, command: &command }, &mut told),
                None => return,
            },
            (_, event) = transport.next() => driver.post(clock.now(), event.as_input(), &mut told),
            () = due => driver.post(clock.now(), Input::Wake, &mut told),
        }
        for effect in driver.take_effects() {
            transport.execute(ONLY, effect);
        }
        told.0.extend(driver.take_rests().into_iter().map(BulkReport::Rest));
        for report in told.0.drain(..) {
            if reports.send(report).await.is_err() {
                return;
            }
        }
        // Its operations have ended and been told. Whoever holds the lane makes another around a new connector.
        if let ConnectorState::Faulted { .. } = driver.state() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    #![expect(clippy::disallowed_methods, reason = "an exchange's socket beside the test")]
    use std::collections::BTreeMap;
    use std::time::Duration;

    use colibri_standard::{NoticeEvent, NoticeKind};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::driver::tests::{Heard, finish, plain_request, scripted, setup, unsupported};

    /// A server that answers everything with OK.
    async fn exchange() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut tcp, _)) = listener.accept().await {
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    request.push(tcp.read_u8().await.unwrap());
                }
                tcp.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok")
                    .await
                    .unwrap();
            }
        });
        address
    }

    #[tokio::test]
    async fn a_command_runs_on_the_lane_and_its_results_come_back() {
        let address = exchange().await;
        let url = format!("{address}/instruments");
        let (connector, heard) = scripted(move |_, heard, out| match heard {
            Heard::Command(op, kind, _) if kind == "instruments" => {
                out.want(*op, "instruments");
            }
            Heard::Command(op, kind, _) if kind == "use_instruments" => finish(*op, &Outcome::Done, out),
            Heard::Command(op, ..) => unsupported(*op, out),
            Heard::Granted(grant) => {
                plain_request(grant.op, "instruments", &url, out);
            }
            Heard::Response(op, _, body) => {
                let event = Event::Notice(NoticeEvent {
                    kind: NoticeKind::Other,
                    text: body.clone(),
                });
                out.event(event.kind(), &event.to_json());
                finish(*op, &Outcome::Done, out);
            }
            _ => {}
        });
        let mut driver = setup();
        driver.addresses = BTreeMap::from([("rest".to_owned(), address)]);
        let bulk = BulkSetup {
            driver,
            share: LimitShare::per_mille(200),
            transport: TransportOptions::default(),
        };
        let mut lane = BulkLane::start(bulk, connector).unwrap();
        lane.use_instruments(&UseInstruments { instruments: vec![] }).unwrap();
        lane.command(OpId(5), Command::Instruments(colibri_standard::Instruments {}))
            .unwrap();
        let mut reports = Vec::new();
        while reports.len() < 2 {
            let report = tokio::time::timeout(Duration::from_secs(20), lane.next())
                .await
                .unwrap()
                .unwrap();
            if !matches!(report, BulkReport::Log(..)) {
                reports.push(report);
            }
        }
        assert!(
            matches!(&reports[0], BulkReport::Event(event) if matches!(&**event, Event::Notice(notice) if notice.text == "ok"))
        );
        assert_eq!(reports[1], BulkReport::Completed(OpId(5), Outcome::Done));
        let told = heard.lock().unwrap();
        assert!(
            told.iter()
                .any(|h| matches!(h, Heard::Command(_, kind, _) if kind == "use_instruments"))
        );
    }

    #[test]
    fn a_ban_is_told_however_many_commands_wait() {
        let (mut lane, mut end) = BulkLane::pair();
        let ask = || Command::Instruments(colibri_standard::Instruments {});
        let taken = (0..).take_while(|op| lane.command(OpId(*op), ask()).is_ok()).count();
        assert_eq!(taken, CHANNEL);
        let rest = |what, span| Rest {
            what,
            span: Millis(span),
        };
        for span in [120_000, 5_000] {
            lane.rest(&rest(Resting::Everything, span)).unwrap();
        }
        lane.rest(&rest(Resting::Pool("weight".to_owned()), 1_000)).unwrap();
        let weight = rest(Resting::Pool("weight".to_owned()), 1_000);
        assert_eq!(end.rests(), [weight, rest(Resting::Everything, 120_000)], "the longest");
        assert_eq!(end.rests(), [], "once");
        drop(end);
        let refused = lane.rest(&rest(Resting::Everything, 1)).unwrap_err();
        assert_eq!(refused.reason, RejectReason::NotConnected);
    }

    #[test]
    fn a_setup_that_does_not_fit_is_told_at_the_start() {
        let (connector, _) = scripted(|_, _, _| {});
        let mut driver = setup();
        driver.environment = "moon".into();
        let bulk = BulkSetup {
            driver,
            share: LimitShare::WHOLE,
            transport: TransportOptions::default(),
        };
        assert!(matches!(BulkLane::start(bulk, connector), Err(BulkError::Driver(_))));
    }
}
