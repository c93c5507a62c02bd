//! `colibri status`: how a bot stands, by what it wrote last, and what it has traded, by its history.

use std::io::Write;
use std::path::Path;

use colibri_model::WallNs;
use colibri_store::query::Filter;
use serde_json::{Value, json};

use crate::cli::{Format, StatusArgs};
use crate::command::history::{folder_of, open};
use crate::command::traded::{self, Traded};
use crate::exit::{Exit, ExitError};
use crate::status::Found;

/// Where bots keep their folders unless their files say otherwise.
const DATA: &str = "data";

fn storage(error: impl std::fmt::Display) -> ExitError {
    ExitError::new(Exit::Storage, error.to_string())
}

/// `colibri status`.
///
/// # Errors
/// The bot's file is wrong, or status, journal or history cannot be read.
pub fn status(args: &StatusArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let format = if args.json { Format::Json } else { args.format };
    let Some(bot) = &args.bot else {
        return every_bot(format, out);
    };
    let folder = folder_of(bot)?;
    let found = Found::read(&folder).map_err(storage)?;
    let traded = traded_of(&folder, args)?;
    match format {
        Format::Json => {
            let mut value = traded::as_json(&traded);
            value["live"] = found.as_ref().map_or(Value::Null, live_json);
            writeln!(out, "{value}")?;
        }
        Format::Csv => traded::write_csv(&traded, out)?,
        Format::Table => {
            match &found {
                Some(found) => write!(out, "{}", found.table())?,
                None => writeln!(out, "nothing is known of a running bot in {}", folder.display())?,
            }
            writeln!(out)?;
            traded::write_table(&traded, out)?;
        }
    }
    Ok(Exit::Done)
}

/// Without a name: every bot that has written a status below the working folder's `data`.
fn every_bot(format: Format, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let found = Found::all(Path::new(DATA)).map_err(storage)?;
    if format == Format::Json {
        let bots: Vec<Value> = found
            .iter()
            .map(|(folder, found)| match found {
                Ok(found) => live_json(found),
                Err(why) => json!({"folder": folder, "error": why}),
            })
            .collect();
        writeln!(out, "{}", json!({"bots": bots}))?;
        return Ok(Exit::Done);
    }
    if found.is_empty() {
        writeln!(
            out,
            "no bot has run with its data in ./{DATA}; name the bot's file or folder: colibri status my-bot.toml"
        )?;
    }
    for (at, (_, found)) in found.iter().enumerate() {
        if at > 0 {
            writeln!(out)?;
        }
        match found {
            Ok(found) => write!(out, "{}", found.table())?,
            Err(why) => writeln!(out, "{why}")?,
        }
    }
    Ok(Exit::Done)
}

fn live_json(found: &Found) -> Value {
    let mut value = serde_json::to_value(&found.snapshot).unwrap_or(Value::Null);
    value["standing"] = found.standing.as_str().into();
    value["age_ms"] = found.age_ms.into();
    value
}

/// What was traded; nothing where the bot has not written a journal yet.
fn traded_of(folder: &Path, args: &StatusArgs) -> anyhow::Result<Traded> {
    let history = open(folder)?;
    let filter = Filter {
        pair: args.pair.as_deref().map(str::parse).transpose()?,
        since: args.since.map(WallNs::from_millis),
        until: args.until.map(WallNs::from_millis),
        ..Filter::default()
    };
    Ok(Traded {
        run: history.runs(None, 1)?.into_iter().next(),
        pairs: history.summary(&filter)?,
        balances: history.balances()?,
    })
}
