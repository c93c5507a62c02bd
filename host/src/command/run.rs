//! `colibri run`: a bot, until it is told to stop.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use colibri_desk::{Desk, Operator};
use colibri_driver::DriverSetup;
use colibri_driver::tokio_transport::{HostClock, Transport};
use colibri_engine::Engine;
use colibri_model::{Journal, WallNs};
use colibri_record::RecordingJournal;
use colibri_store::history::DiskThread;
use tokio::sync::mpsc;

use crate::bot::Bot;
use crate::cli::{RunArgs, ShowArgs};
use crate::command::history::JOURNAL;
use crate::exit::{Exit, ExitError};
use crate::kill_request::{self, KillWatch};
use crate::latency;
use crate::log::{Level, Log, Target};
use crate::plugins::{Installation, default_store};
use crate::record::{self, Recording, When};
use crate::report::{Agreement, Proof, Report};
use crate::runtime::feed::{Feed, LineFeed, ScreenFeed, StatusFeed};
use crate::runtime::setup::{self, CredentialSource};
use crate::runtime::{Ended, Runtime, StopCause, TickTimes, figures, status};
use crate::screen::Screen;

/// How often the disk thread looks for new records.
const DISK_PAUSE: Duration = Duration::from_millis(100);
/// How long the end of a run waits for the history.
const HISTORY_PATIENCE: Duration = Duration::from_secs(10);

/// What a run needs beside the bot's file.
pub struct RunRequest<'a> {
    /// The bot.
    pub bot: &'a Bot,
    /// Its `plugins.toml`.
    pub plugins: &'a Path,
    /// Where credentials come from.
    pub credentials: CredentialSource<'a>,
    /// Stop after so many seconds.
    pub seconds: Option<u64>,
    /// How it shows itself.
    pub show: &'a ShowArgs,
    /// What the screen calls the place that it trades at.
    pub environment: &'a str,
    /// What becomes of a kill switch that was thrown.
    pub kill_switch: KillSwitchWish,
    /// Whether the run is recorded.
    pub record: RecordWish,
}

/// Whether a run is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordWish {
    /// Where `[record]` of the bot's file says `when = "always"`.
    AsTheFileSays,
    /// Whatever the file says.
    Always,
}

/// What a person wants of a kill switch that an earlier run threw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KillSwitchWish {
    /// It stays: nothing is placed.
    Keep,
    /// It is released: the person has looked.
    Release,
}

/// `colibri run`.
///
/// # Errors
/// What is wrong with bot, plugins, keys or journal, before anything trades.
pub fn run(args: &RunArgs, record: RecordWish) -> anyhow::Result<Exit> {
    let bot = Bot::read(&args.bot)?;
    let plugins = args.plugins.clone().unwrap_or_else(|| bot.resolve(&bot.file.plugins));
    let environments: Vec<_> = bot.file.venues.iter().map(|v| v.environment.as_str()).collect();
    let environment = environments.join(", ");
    run_bot(&RunRequest {
        bot: &bot,
        plugins: &plugins,
        credentials: CredentialSource::KeyFile(&args.keys),
        seconds: args.seconds,
        show: &args.show,
        environment: &environment,
        kill_switch: if args.resume {
            KillSwitchWish::Release
        } else {
            KillSwitchWish::Keep
        },
        record,
    })
}

/// Runs a bot and reports.
///
/// # Errors
/// What is wrong before anything trades. What goes wrong later is in the report and the exit code.
pub fn run_bot(request: &RunRequest<'_>) -> anyhow::Result<Exit> {
    let with_screen = !request.show.plain && !request.show.json && Screen::is_possible();
    let target = match (with_screen, request.show.json) {
        (true, _) => Target::TailOnly,
        (false, true) => Target::Stderr,
        (false, false) => Target::Stdout,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("no tokio runtime")?;
    let (report, ended) = runtime.block_on(trade(request, target, with_screen))?;
    let mut out = std::io::stdout().lock();
    if request.show.json {
        writeln!(out, "{}", report.json_line())?;
    } else {
        write!(out, "{}", report.table())?;
    }
    Ok(verdict(&report, ended))
}

fn verdict(report: &Report, ended: Ended) -> Exit {
    if ended == Ended::Stopped && report.open_orders_proven_by == Proof::NothingSent {
        return Exit::Exchange;
    }
    let proven = ended == Ended::Stopped
        && report.open_orders_proven_by == Proof::Exchange
        && report.open_orders_at_end == 0
        && report.unknown_orders == 0
        && report.ledger_agreement() != Agreement::Different;
    if proven { Exit::Done } else { Exit::Unproven }
}

async fn trade(request: &RunRequest<'_>, target: Target, with_screen: bool) -> anyhow::Result<(Report, Ended)> {
    let bot = request.bot;
    let clock = HostClock::start();
    let mut log = Log::new(target);
    let wall = clock.now().wall.0;
    let installation = Installation::load(request.plugins, &default_store())?;
    for line in &installation.refused {
        log.line(wall, Level::Warn, &format!("refused: {line}"));
    }
    let credentials = setup::credentials(bot, &request.credentials)?;
    let folder = bot.data_folder();
    let (journal, recovered, note) = setup::journal(&folder, bot.file.durability.into())?;
    if let Some(note) = note {
        log.line(wall, Level::Warn, &note);
    }
    let seed = setup::seed();
    let limiter = setup::shared_limiter();
    let (mut venues, mut supplies, mut setups) = (Vec::new(), Vec::new(), Vec::new());
    for venue in &bot.file.venues {
        let setup = setup::driver_setup(bot, venue, &installation, &credentials, seed)?;
        let bulk_share = setup::bulk_share(bot, venue);
        let (venue, supply) = setup::venue(&setup, &installation, limiter.clone(), bulk_share)?;
        venues.push(venue);
        supplies.push(supply);
        setups.push(setup);
    }
    let recording = begin_recording(request, &folder, &installation, seed, &setups, clock.now().wall)?;
    let engine = setup::engine(bot, &installation, recovered, RecordingJournal::new(journal), seed)?;
    refuse_other_environments(&engine)?;
    refuse_orphans(&engine)?;
    let release = request.kill_switch == KillSwitchWish::Release;
    if release {
        kill_request::remove(&folder).map_err(|e| ExitError::new(Exit::Storage, e.to_string()))?;
        if engine.kill_switch().is_some() {
            log.line(wall, Level::Warn, "the kill switch is released");
        }
    } else if let Some(kill) = engine.kill_switch() {
        let text = format!(
            "the kill switch is thrown ({}): nothing is placed until colibri run --resume",
            kill.reason
        );
        log.line(wall, Level::Error, &text);
    }
    let disk = DiskThread::start(&folder.join(JOURNAL), &setup::history_path(&folder), DISK_PAUSE)
        .map_err(|e| ExitError::new(Exit::Storage, e.to_string()))?;
    let mut transport = Transport::new(installation.transport())?;
    let latency = &bot.file.latency;
    for venue in &bot.file.venues {
        let manifest = &installation.connector(venue.connector.get_ref())?.manifest;
        for address in latency::order_addresses(manifest, &venue.environment) {
            transport.keep_connections(address, latency.order_connections);
        }
        for stream in latency::market_streams(manifest, &venue.environment) {
            transport.open_in_parallel(&stream, latency.market_connections);
        }
    }
    log.line(
        wall,
        Level::Info,
        &format!("{} starts on {}", bot.file.name.get_ref(), request.environment),
    );

    let (stop, mut stopped) = mpsc::channel(1);
    stop_on_signals(&stop)?;
    let mut runtime = Runtime {
        clock,
        desk: Desk::new(engine, venues),
        supplies,
        transport,
        log,
        disk,
        history_fault: None,
        ticks: TickTimes::default(),
        kill_watch: KillWatch::new(&folder),
        recording,
        waiting: latency.waiting(),
    };
    if release {
        runtime.operator(&Operator::Resume);
    }
    let watcher: Box<dyn Feed<_>> = if with_screen {
        let environment = request.environment.to_owned();
        let state = move |runtime: &Runtime<_>, elapsed| figures::screen(runtime, &environment, elapsed);
        Box::new(ScreenFeed::start(stop, state)?)
    } else {
        Box::new(LineFeed::new(|runtime: &Runtime<_>, elapsed| {
            figures::line(runtime, elapsed)
        }))
    };
    let status_of = |runtime: &Runtime<_>, elapsed| status::snapshot(runtime, request.environment, elapsed);
    let mut feed = StatusFeed::start(&folder, watcher, status_of)?;
    // Threads are started by now: only this one stays there.
    if let Some(core) = latency.core {
        latency::keep_on(core).with_context(|| format!("the engine's thread cannot be kept on core {core}"))?;
    }
    let started = Instant::now();
    let ended = runtime.run(&mut stopped, request.seconds, &mut feed).await;
    feed.end(status_of(&runtime, started.elapsed()));
    if let Some(recording) = runtime.recording.take() {
        let wall = runtime.clock.now().wall.0;
        let engine = runtime.desk.engine();
        let taken = recording.snapshots();
        match recording.finish(|digest| digest.state(&engine.view())) {
            Ok(folder) => {
                let folder = folder.display();
                let text = format!("recorded: {folder}; {taken}");
                runtime.log.line(wall, Level::Info, &text);
            }
            Err(why) => runtime
                .log
                .line(wall, Level::Error, &format!("the recording is not whole: {why}")),
        }
    }
    if with_screen {
        show_warnings(&runtime.log);
    }
    let report = figures::report(&runtime, started.elapsed());
    if let Err(error) = runtime.disk.flush(HISTORY_PATIENCE) {
        runtime.log.line(
            runtime.clock.now().wall.0,
            Level::Warn,
            &format!("the history is behind: {error}"),
        );
    }
    Ok((report, ended))
}

/// Begins a recording where one is wanted.
fn begin_recording(
    request: &RunRequest<'_>,
    folder: &Path,
    installation: &Installation,
    seed: u64,
    venues: &[DriverSetup],
    began: WallNs,
) -> anyhow::Result<Option<Recording>> {
    let settings = &request.bot.file.record;
    if request.record == RecordWish::AsTheFileSays && settings.when == When::OnRequest {
        return Ok(None);
    }
    let made_from = record::run_setup(request.bot, installation, seed, venues)?;
    let journaled = setup::records(folder)?;
    Recording::start(folder, began, settings, &made_from, &journaled)
        .map(Some)
        .context("the run cannot be recorded")
}

/// What one environment's orders and fills are is nothing to another's.
fn refuse_other_environments<J: Journal>(engine: &Engine<J>) -> Result<(), ExitError> {
    match engine.environment_conflicts().first() {
        None => Ok(()),
        Some(conflict) => Err(ExitError::new(Exit::Configuration, conflict.to_string())),
    }
}

/// Orders and triggers of earlier runs that may be live and that no venue of this file watches: nobody would cancel them.
fn refuse_orphans<J: Journal>(engine: &Engine<J>) -> Result<(), ExitError> {
    let orphans: Vec<_> = engine
        .orphans()
        .map(|order| {
            format!(
                "  {} {} at {} for {}",
                order.pair, order.intent.client_id, order.venue, order.account
            )
        })
        .chain(engine.orphan_triggers().map(|trigger| {
            format!(
                "  {} trigger {} at {} for {}",
                trigger.pair, trigger.intent.client_id, trigger.venue, trigger.account
            )
        }))
        .collect();
    if orphans.is_empty() {
        return Ok(());
    }
    let text = format!(
        "{} orders or triggers of earlier runs may be live, and no [[venue]] has their venue and account; add it, or cancel them at the exchange and move the journal aside:\n{}",
        orphans.len(),
        orphans.join("\n")
    );
    Err(ExitError::new(Exit::Configuration, text))
}

/// Whatever asks this process to end ends the bot in order: Ctrl-C, a service manager's SIGTERM, a terminal that was closed.
#[cfg(unix)]
fn stop_on_signals(stop: &mpsc::Sender<StopCause>) -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        let mut signals = signal(kind).context("signals cannot be listened for")?;
        let stop = stop.clone();
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                // Full means that a stop is on its way already.
                let _ = stop.try_send(StopCause::User);
            }
        });
    }
    Ok(())
}

/// See the other one.
#[cfg(not(unix))]
fn stop_on_signals(stop: &mpsc::Sender<StopCause>) -> anyhow::Result<()> {
    let stop = stop.clone();
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() {
            // Full means that a stop is on its way already.
            let _ = stop.try_send(StopCause::User);
        }
    });
    Ok(())
}

/// The screen is gone with its log: what somebody must know is said again.
fn show_warnings(log: &Log) {
    for line in log
        .tail()
        .iter()
        .filter(|line| line.level != crate::screen::LogLevel::Info)
    {
        // A closed standard error must not keep the report from being written.
        let _ = writeln!(std::io::stderr(), "{}", line.text);
    }
}
