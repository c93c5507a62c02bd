//! What a run was made from, written down without its secrets.

use colibri_driver::DriverSetup;
use colibri_record::{BulkLaneUse, RecordedVenue, RunSetup};
use colibri_standard::Lane;

use crate::bot::Bot;
use crate::exit::ExitError;
use crate::plugins::Installation;

/// What a run is made from: its bot's file, its seed, and the setups of its venues, in the engine's order.
///
/// # Errors
/// No such connector.
pub fn run_setup(
    bot: &Bot,
    installation: &Installation,
    seed: u64,
    venues: &[DriverSetup],
) -> Result<RunSetup, ExitError> {
    let venues: Result<Vec<_>, ExitError> = venues
        .iter()
        .map(|setup| {
            let installed = installation.connector(&setup.manifest.name)?;
            let (public_credentials, secret_kinds) = setup.credentials.without_secrets();
            let has_bulk = setup
                .manifest
                .endpoints
                .values()
                .any(|endpoint| endpoint.lane == Lane::Bulk);
            Ok(RecordedVenue {
                venue: setup.venue.clone(),
                account: setup.account.clone(),
                library_sha256: installed.library.sha256().to_string(),
                manifest: setup.manifest.clone(),
                addresses: setup.addresses.clone(),
                public_credentials,
                secret_kinds,
                options: setup.options.clone(),
                seed: setup.seed,
                nonce_floor: setup.nonce_floor,
                bulk_lane: if has_bulk {
                    BulkLaneUse::OwnThread
                } else {
                    BulkLaneUse::None
                },
            })
        })
        .collect();
    Ok(RunSetup {
        host_version: env!("CARGO_PKG_VERSION").to_owned(),
        bot_file: bot.text().to_owned(),
        engine_seed: seed,
        venues: venues?,
    })
}
