//! A desk made again from what was recorded of it.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use colibri_abi::Connector;
use colibri_desk::{Desk, DeskVenue, RestoredDesk, RestoredVenue};
use colibri_driver::{Credentials, Driver, DriverSetup, SharedLimiter};
use colibri_engine::Recovered;
use colibri_loader::{Library, LoadRequest, Loader, Sha256};
use colibri_record::{BulkLaneUse, RecordedVenue, RunSetup};

use super::Origin;
use super::journal::ReplayJournal;
use crate::bot::{Bot, VenueTable};
use crate::exit::{Exit, ExitError};
use crate::plugins::{Installation, Installed};
use crate::runtime::setup;

/// Where the libraries of a replay come from.
#[derive(Debug, Clone)]
pub struct LibraryFrom<'a> {
    /// The store of verified copies, which holds every library that was ever loaded here, by its digest.
    pub store: &'a Path,
    /// Files that are used in place of what was recorded: to see whether a mended connector would have acted otherwise.
    pub instead: &'a [PathBuf],
}

/// What makes the connectors of a replay.
pub struct Remade(Vec<crate::runtime::Make>);

impl Remade {
    /// Another connector of a venue.
    pub fn connector(&self, venue: usize) -> Result<Connector, ExitError> {
        let make = self.0.get(venue).ok_or_else(|| {
            let text = format!("the recording makes a connector for venue {venue}, which the run did not have");
            ExitError::new(Exit::Storage, text)
        })?;
        make().map_err(|why| ExitError::new(Exit::Plugin, why))
    }
}

/// The file of the store that holds a library.
fn in_store(store: &Path, sha256: &str) -> Option<PathBuf> {
    let folder = std::fs::read_dir(store.join(sha256)).ok()?;
    folder
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.file_stem().is_some_and(|stem| stem == "lib"))
}

fn library(venue: &RecordedVenue, from: &LibraryFrom<'_>) -> Result<(Library, PathBuf), ExitError> {
    let refused = |error: &dyn std::fmt::Display| ExitError::new(Exit::Plugin, error.to_string());
    let loader = Loader::new(from.store);
    for path in from.instead {
        let library = loader.load(&LoadRequest::new(path)).map_err(|e| refused(&e))?;
        let manifest = colibri_standard::Manifest::parse(library.manifest_text()).map_err(|e| refused(&e))?;
        if manifest.connectors.iter().any(|c| c.name == venue.manifest.name) {
            return Ok((library, path.clone()));
        }
    }
    let pin: Sha256 = venue.library_sha256.parse().map_err(|e| refused(&e))?;
    let path = in_store(from.store, &venue.library_sha256).ok_or_else(|| {
        let text = format!(
            "the library of {} that was recorded (sha256 {}) is not in {}; name a file that may stand in for it: --library FILE",
            venue.manifest.name,
            venue.library_sha256,
            from.store.display()
        );
        ExitError::new(Exit::Plugin, text)
    })?;
    let request = LoadRequest {
        path: path.clone(),
        pin: Some(pin),
    };
    Ok((loader.load(&request).map_err(|e| refused(&e))?, path))
}

/// The credentials as far as they were written down: what would be signed with a secret is not sent.
fn credentials(venue: &RecordedVenue) -> Credentials {
    let mut credentials = Credentials::none();
    for (field, value) in &venue.public_credentials {
        credentials = credentials.with_public(field, value);
    }
    for (field, kind) in &venue.secret_kinds {
        credentials = credentials.with_withheld(field, *kind);
    }
    credentials
}

fn driver_setup(
    bot: &Bot,
    table: &VenueTable,
    venue: &RecordedVenue,
    installation: &Installation,
) -> Result<DriverSetup, ExitError> {
    let mut setup = setup::driver_setup(bot, table, installation, &BTreeMap::new(), venue.seed)?;
    setup.venue.clone_from(&venue.venue);
    setup.account.clone_from(&venue.account);
    setup.manifest.clone_from(&venue.manifest);
    setup.addresses.clone_from(&venue.addresses);
    setup.options.clone_from(&venue.options);
    setup.credentials = credentials(venue);
    setup.nonce_floor = venue.nonce_floor;
    Ok(setup)
}

/// The desk of a recorded run as it was before its first input, or at a snapshot.
///
/// # Errors
/// A library that is not here, a bot's file that this host does not understand, or a snapshot of another host.
pub fn desk(
    run: &RunSetup,
    origin: &Origin,
    libraries: &LibraryFrom<'_>,
) -> Result<(Desk<ReplayJournal>, Remade), ExitError> {
    let bot = Bot::parse(Path::new("the recorded bot"), run.bot_file.clone())?;
    let installation = installation(run, libraries)?;
    if run.venues.len() != bot.file.venues.len() {
        let text = "the recorded bot's file has other venues than the recorded run";
        return Err(ExitError::new(Exit::Storage, text));
    }
    let (recovered, journal, restored) = match origin {
        Origin::Begin(journaled) => (Recovered::from_records(journaled), ReplayJournal::default(), None),
        Origin::Snapshot(at, gathered) => {
            let read = RestoredDesk::read(&at.desk, gathered).map_err(|why| unusable(run, &why))?;
            (Recovered::default(), ReplayJournal::after(at.appends), Some(read))
        }
    };
    let mut engine = setup::engine(&bot, &installation, recovered, journal, run.engine_seed)?;
    let mut kept: VecDeque<RestoredVenue> = VecDeque::new();
    if let Some(restored) = restored {
        engine.restore(restored.engine).map_err(|why| unusable(run, &why))?;
        kept = restored.venues.into();
    }
    let limiter = setup::shared_limiter();
    let (mut venues, mut makes) = (Vec::new(), Vec::new());
    for (venue, table) in run.venues.iter().zip(&bot.file.venues) {
        let setup = driver_setup(&bot, table, venue, &installation)?;
        let venue_of_desk = match (kept.pop_front(), origin) {
            (Some(kept), _) => restored_venue(run, &setup, kept, &installation, limiter.clone())?,
            (None, Origin::Begin(_)) => {
                let connector = setup::maker(&setup, &installation)?().map_err(plugin)?;
                DeskVenue::new(Driver::new(&setup, connector, limiter.clone()).map_err(|e| configuration(&e))?)
            }
            (None, Origin::Snapshot(..)) => return Err(unusable(run, &"it has fewer venues than the run")),
        };
        venues.push(match venue.bulk_lane {
            BulkLaneUse::None => venue_of_desk,
            BulkLaneUse::OwnThread => venue_of_desk.with_bulk_lane(),
        });
        makes.push(setup::maker(&setup, &installation)?);
    }
    Ok((Desk::new(engine, venues), Remade(makes)))
}

fn configuration(error: &dyn std::fmt::Display) -> ExitError {
    ExitError::new(Exit::Configuration, error.to_string())
}

fn plugin(why: String) -> ExitError {
    ExitError::new(Exit::Plugin, why)
}

fn unusable(run: &RunSetup, why: &dyn std::fmt::Display) -> ExitError {
    let text = format!(
        "{why} (recorded with {}, this is {})",
        run.host_version,
        env!("CARGO_PKG_VERSION")
    );
    ExitError::new(Exit::Storage, text)
}

/// The libraries of a run, with the manifests that it used.
fn installation(run: &RunSetup, libraries: &LibraryFrom<'_>) -> Result<Installation, ExitError> {
    let mut connectors = BTreeMap::new();
    for venue in &run.venues {
        let (library, path) = library(venue, libraries)?;
        let installed = Installed {
            manifest: venue.manifest.clone(),
            version: String::new(),
            path,
            library: Rc::new(library),
        };
        connectors.insert(venue.manifest.name.clone(), installed);
    }
    Ok(Installation {
        connectors,
        ..Installation::default()
    })
}

/// A venue as it was at a snapshot: its connector is created with the state that it told there.
fn restored_venue(
    run: &RunSetup,
    setup: &DriverSetup,
    kept: RestoredVenue,
    installation: &Installation,
    limiter: SharedLimiter,
) -> Result<DeskVenue, ExitError> {
    let (kept, restarts) = kept.into_parts();
    let connector = setup::maker_from(setup, installation, kept.connector_state())?().map_err(plugin)?;
    let driver = Driver::restored(setup, connector, limiter, kept).map_err(|why| unusable(run, &why))?;
    Ok(DeskVenue::new(driver).restarted(restarts))
}
