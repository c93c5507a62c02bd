//! `colibri check`: validates a bot without trading.

use std::io::Write;

use colibri_standard::PoolScope;

use crate::bot::Bot;
use crate::cli::CheckArgs;
use crate::exit::Exit;
use crate::plugins::{Installation, default_store};
use crate::runtime::setup::{self, CredentialSource};

/// Reads the file, builds its strategies, loads its connectors and unlocks its keys; prints what it found.
///
/// # Errors
/// The first thing that is wrong, with its line.
pub fn check(args: &CheckArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let bot = Bot::read(&args.bot)?;
    for strategy in setup::strategies(&bot)? {
        writeln!(
            out,
            "strategy {} ({}): its keys are right",
            strategy.id(),
            strategy.kind()
        )?;
    }
    let plugins = args.plugins.clone().unwrap_or_else(|| bot.resolve(&bot.file.plugins));
    let installation = Installation::load(&plugins, &default_store())?;
    for line in &installation.refused {
        writeln!(out, "refused: {line}")?;
    }
    let none = std::collections::BTreeMap::new();
    for venue in &bot.file.venues {
        let driver = setup::driver_setup(&bot, venue, &installation, &none, 0)?;
        let addresses: Vec<_> = driver.effective_addresses()?.into_values().collect();
        writeln!(
            out,
            "venue {} ({}): {}",
            driver.venue,
            driver.environment,
            addresses.join(", ")
        )?;
        if venue.limit_share.is_some() {
            let pools = driver.manifest.pools.iter();
            let parts: Vec<_> = pools
                .filter(|(_, pool)| pool.scope != PoolScope::Connection)
                .map(|(id, pool)| {
                    let share = driver.limit_shares.of(id);
                    format!("{id} {} of {}", share.of(pool.limit), pool.limit)
                })
                .collect();
            writeln!(out, "limits of {}: {}", driver.venue, parts.join(", "))?;
        }
    }
    let credentials = setup::credentials(&bot, &CredentialSource::KeyFile(&args.keys))?;
    for venue in &bot.file.venues {
        let setup = setup::driver_setup(&bot, venue, &installation, &credentials, 0)?;
        let bulk_share = setup::bulk_share(&bot, venue);
        setup::venue(&setup, &installation, setup::shared_limiter(), bulk_share)?;
        writeln!(out, "account {}: its keys fit {}", venue.account.get_ref(), setup.venue)?;
    }
    writeln!(out, "{} can run", args.bot.display())?;
    Ok(Exit::Done)
}
