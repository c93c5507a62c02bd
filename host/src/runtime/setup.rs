//! From a bot's file to engine, drivers and strategies. Everything that can be wrong is found here, before anything trades.

use std::collections::BTreeMap;
use std::path::Path;

use colibri_desk::DeskVenue;
use colibri_driver::bulk_lane::{BulkLane, BulkSetup};
use colibri_driver::{Credentials, Driver, DriverSetup, LimitShare, Limiter, Secret, SharedLimiter};
use colibri_engine::config::ConfigError;
use colibri_engine::strategy::{self, Strategy};
use colibri_engine::{Engine, EngineSetup, Recovered, VenueSetup};
use colibri_model::{AccountId, Journal, Record};
use colibri_standard::Lane;
use colibri_store::journal::{Durability, JournalFile, JournalReader, Tail};

use serde_json::value::RawValue;

use crate::bot::{Bot, StrategyTable, VenueTable};
use crate::cli::KeysArgs;
use crate::command::history::{HISTORY, JOURNAL};
use crate::command::keys;
use crate::exit::{Exit, ExitError};
use crate::keys::KeySet;
use crate::plugins::Installation;
use crate::runtime::{Make, Supply};

/// Where the credentials of accounts come from.
pub enum CredentialSource<'a> {
    /// The encrypted key file, unlocked with the user's password.
    KeyFile(&'a KeysArgs),
    /// Given: the local exchange's well-known ones.
    Given(Credentials),
}

/// The credentials of each account of a bot.
///
/// # Errors
/// An account that has no keys, keys for another connector, a wrong password, a damaged file.
pub fn credentials(bot: &Bot, source: &CredentialSource<'_>) -> Result<BTreeMap<AccountId, Credentials>, ExitError> {
    let args = match source {
        CredentialSource::Given(credentials) => {
            let all = bot
                .file
                .venues
                .iter()
                .map(|v| (v.account.get_ref().clone(), credentials.clone()));
            return Ok(all.collect());
        }
        CredentialSource::KeyFile(args) => args,
    };
    let file = keys::file(args);
    let listed = file.list().map_err(keys::refused)?;
    for venue in &bot.file.venues {
        let (account, connector) = (venue.account.get_ref(), venue.connector.get_ref());
        match listed.iter().find(|set| set.account == *account) {
            None => {
                let text =
                    format!("no keys are stored for the account {account}; colibri keys add {account} {connector}");
                return Err(ExitError::new(
                    Exit::Keys,
                    bot.wrong(venue.account.span(), text).message,
                ));
            }
            Some(set) if set.connector != *connector => {
                let text = format!("the keys of {account} are for {}, not for {connector}", set.connector);
                return Err(ExitError::new(
                    Exit::Keys,
                    bot.wrong(venue.account.span(), text).message,
                ));
            }
            Some(_) => {}
        }
    }
    let password =
        crate::keys::password(args.password_file.as_deref(), "Password of the key file: ").map_err(keys::refused)?;
    let unlocked = file.unlock(&password).map_err(keys::refused)?;
    let mut all = BTreeMap::new();
    for venue in &bot.file.venues {
        let account = venue.account.get_ref();
        let set = unlocked.key_set(account).map_err(keys::refused)?;
        all.insert(account.clone(), of_key_set(&set));
    }
    Ok(all)
}

fn of_key_set(set: &KeySet) -> Credentials {
    let mut credentials = Credentials::none();
    for (field, value) in &set.public {
        credentials = credentials.with_public(field, value);
    }
    for (field, secret) in &set.secrets {
        let bytes = secret.text.expose().as_bytes().to_vec();
        credentials = credentials.with_secret(field, secret.kind, Secret::new(bytes));
    }
    credentials
}

/// The strategies of a bot.
///
/// # Errors
/// An unknown kind, an unknown key (the message names the nearest), a value out of range: with the strategy's line.
pub fn strategies(bot: &Bot) -> Result<Vec<Box<dyn Strategy>>, ExitError> {
    bot.file.strategies.iter().map(|table| build(bot, table)).collect()
}

fn build(bot: &Bot, table: &StrategyTable) -> Result<Box<dyn Strategy>, ExitError> {
    strategy::build(table.kind.get_ref(), table.id.clone(), table.all_keys()).map_err(|error| {
        let span = match &error {
            ConfigError::UnknownKey { key, .. } => bot.key_after(table.kind.span(), key),
            _ => table.kind.span(),
        };
        bot.wrong(span, error)
    })
}

/// A driver setup for a venue of a bot.
///
/// # Errors
/// No such connector, or no such environment.
pub fn driver_setup(
    bot: &Bot,
    venue: &VenueTable,
    installation: &Installation,
    credentials: &BTreeMap<AccountId, Credentials>,
    seed: u64,
) -> Result<DriverSetup, ExitError> {
    let installed = installation
        .connector(venue.connector.get_ref())
        .map_err(|error| ExitError {
            exit: error.exit,
            message: bot.wrong(venue.connector.span(), &error.message).message,
        })?;
    if let Some((key, what)) = venue.contracts_fault(&installed.manifest) {
        return Err(bot.wrong(bot.key_after(venue.connector.span(), key), what));
    }
    if !installed.manifest.environments.contains_key(&venue.environment) {
        let known: Vec<_> = installed.manifest.environments.keys().map(String::as_str).collect();
        let text = format!(
            "no environment is called {:?}; there are {}",
            venue.environment,
            known.join(", ")
        );
        return Err(bot.wrong(venue.connector.span(), text));
    }
    let account = venue.account.get_ref().clone();
    let id = venue.id().map_err(|e| bot.wrong(venue.connector.span(), e))?;
    let mut setup = DriverSetup::new(id, installed.manifest.clone());
    setup.credentials = credentials.get(&account).cloned().unwrap_or_else(Credentials::none);
    setup.account = Some(account);
    setup.environment.clone_from(&venue.environment);
    if let Some(share) = &venue.limit_share {
        setup.limit_shares = share.get_ref().shares().map_err(|e| bot.wrong(share.span(), e))?;
    }
    setup.seed = seed;
    // Strictly above anything that an earlier run drew, as long as the clock is not set back by more than a run lasts.
    setup.nonce_floor = millis_since_1970();
    Ok(setup)
}

fn millis_since_1970() -> u64 {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(0)
}

/// A seed from the system's randomness.
#[must_use]
pub fn seed() -> u64 {
    use ring::rand::SecureRandom;
    let mut bytes = [0; 8];
    match ring::rand::SystemRandom::new().fill(&mut bytes) {
        Ok(()) => u64::from_le_bytes(bytes),
        // What is drawn from it (jitter, ids that hold the time as well) need not be unpredictable.
        Err(_) => millis_since_1970(),
    }
}

/// What makes connector instances for a setup.
///
/// # Errors
/// No such connector or environment.
pub fn maker(setup: &DriverSetup, installation: &Installation) -> Result<Make, ExitError> {
    make_from(setup, installation, None)
}

/// As [`maker`], of instances that go on from the state of an earlier one.
///
/// # Errors
/// As [`maker`].
pub fn maker_from(setup: &DriverSetup, installation: &Installation, state: &RawValue) -> Result<Make, ExitError> {
    make_from(setup, installation, Some(state))
}

fn make_from(setup: &DriverSetup, installation: &Installation, state: Option<&RawValue>) -> Result<Make, ExitError> {
    let name = setup.manifest.name.clone();
    let mut config = setup.connector_config().map_err(configuration)?;
    let read = state.map(|state| serde_json::from_str(state.get())).transpose();
    config.state = read.map_err(configuration)?;
    let json = serde_json::to_vec(&config).map_err(configuration)?;
    let library = installation.connector(&name)?.library.clone();
    Ok(Box::new(move || {
        library.create(&name, &json).map_err(|e| e.to_string())
    }))
}

/// A venue around fresh connector instances, and where more of them come from: one for the engine's thread, one for the bulk lane where the manifest has one.
///
/// # Errors
/// The library refuses to create them, or the setup is wrong.
pub fn venue(
    setup: &DriverSetup,
    installation: &Installation,
    limiter: SharedLimiter,
    bulk_share: LimitShare,
) -> Result<(DeskVenue, Supply), ExitError> {
    let make = maker(setup, installation)?;
    let connector = make().map_err(|e| ExitError::new(Exit::Plugin, e))?;
    let driver = Driver::new(setup, connector, limiter).map_err(configuration)?;
    let (venue, supply) = (DeskVenue::new(driver), Supply::new(make));
    if !setup
        .manifest
        .endpoints
        .values()
        .any(|endpoint| endpoint.lane == Lane::Bulk)
    {
        return Ok((venue, supply));
    }
    let mut bulk = BulkSetup {
        driver: setup.clone(),
        share: bulk_share,
        transport: installation.transport(),
    };
    bulk.driver.seed = setup.seed.rotate_left(32);
    let make = maker(setup, installation)?;
    let make_lane = Box::new(move || BulkLane::start(bulk.clone(), make()?).map_err(|e| e.to_string()));
    let supply = supply.with_lane(make_lane).map_err(configuration)?;
    Ok((venue.with_bulk_lane(), supply))
}

fn configuration(error: impl std::fmt::Display) -> ExitError {
    ExitError::new(Exit::Configuration, error.to_string())
}

/// What each bulk lane of a bot may use of every limit: [`BULK_SHARE`], divided by the venues of one connector, which may be
/// at one address.
#[must_use]
pub fn bulk_share(bot: &Bot, venue: &VenueTable) -> LimitShare {
    let venues = bot.file.venues.iter();
    let lanes = venues
        .filter(|v| v.connector.get_ref() == venue.connector.get_ref())
        .count();
    BULK_SHARE.divided(lanes)
}

/// What bulk lanes may use of every limit; two threads cannot share one count.
pub const BULK_SHARE: LimitShare = LimitShare::per_mille(200);
/// What is left for the engine's thread.
const ENGINE_SHARE: LimitShare = LimitShare::per_mille(800);

/// One limiter for every driver of the engine's thread: pools that count an address or an account are shared.
#[must_use]
pub fn shared_limiter() -> SharedLimiter {
    Limiter::shared(ENGINE_SHARE)
}

/// What a journal holds of earlier runs, and the journal itself, open for this one.
///
/// # Errors
/// It is in use by another process, or damaged.
pub fn journal(folder: &Path, durability: Durability) -> Result<(JournalFile, Recovered, Option<String>), ExitError> {
    let storage = |error: String| ExitError::new(Exit::Storage, error);
    std::fs::create_dir_all(folder).map_err(|e| storage(format!("{} cannot be made: {e}", folder.display())))?;
    let path = folder.join(JOURNAL);
    let (journal, tail) = JournalFile::open(&path, durability).map_err(|e| storage(e.to_string()))?;
    let note = (tail != Tail::Whole).then(|| format!("the journal ended in a torn record, which was cut: {tail:?}"));
    let mut reader = JournalReader::open(&path).map_err(|e| storage(e.to_string()))?;
    let mut recovered = Recovered::default();
    while let Some(batch) = reader.next_batch().map_err(|e| storage(e.to_string()))? {
        for record in &batch.records {
            recovered.add(record);
        }
    }
    Ok((journal, recovered, note))
}

/// Every record of a bot's journal, oldest first: what a recording begins with.
///
/// # Errors
/// It cannot be read.
pub fn records(folder: &Path) -> Result<Vec<Record>, ExitError> {
    let storage = |error: String| ExitError::new(Exit::Storage, error);
    let mut reader = JournalReader::open(&folder.join(JOURNAL)).map_err(|e| storage(e.to_string()))?;
    let mut records = Vec::new();
    while let Some(batch) = reader.next_batch().map_err(|e| storage(e.to_string()))? {
        records.extend(batch.records);
    }
    Ok(records)
}

/// Where a bot's history is.
#[must_use]
pub fn history_path(folder: &Path) -> std::path::PathBuf {
    folder.join(HISTORY)
}

/// The engine of a bot, its venues and strategies added.
///
/// # Errors
/// What the strategies' tables have wrong.
pub fn engine<J: Journal>(
    bot: &Bot,
    installation: &Installation,
    recovered: Recovered,
    journal: J,
    seed: u64,
) -> Result<Engine<J>, ExitError> {
    let setup = EngineSetup {
        bot: bot.file.name.get_ref().clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        tick: bot.file.tick_ms,
        seed,
        risk: bot.risk_limits(),
        recovered,
    };
    let mut engine = Engine::new(setup, journal);
    for venue in &bot.file.venues {
        let index = engine.add_venue(VenueSetup {
            venue: venue.id().map_err(|e| bot.wrong(venue.connector.span(), e))?,
            account: venue.account.get_ref().clone(),
            manifest: installation.connector(venue.connector.get_ref())?.manifest.clone(),
            pairs: venue.pairs.iter().map(|p| p.get_ref().clone()).collect(),
            environment: venue.environment.clone(),
            adopt: venue.adopt.iter().cloned().collect(),
            contracts: venue.contract_choices(),
        });
        engine.watch(index, venue.watch.iter().map(|p| p.get_ref().clone()).collect());
    }
    for strategy in strategies(bot)? {
        engine.add_strategy(strategy);
    }
    if let Some(conflict) = engine.strategy_conflicts().first() {
        return Err(ExitError::new(Exit::Configuration, conflict.to_string()));
    }
    Ok(engine)
}
