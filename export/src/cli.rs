//! The command line of `colibri-export`.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};
use colibri::exit::{Exit, ExitError};
use colibri::plugins::default_store;
use colibri::replay::{LibraryFrom, Moment, Outcome, Request, Verdict};

use crate::history;
use crate::market::{self, Wanted};
use crate::parquet_file::Written;

/// Recordings and histories of Colibri as Parquet files, for pandas, polars and others.
#[derive(Debug, Parser)]
#[command(
    name = "colibri-export",
    version,
    after_help = "What is in the columns: docs/export.md"
)]
pub struct Cli {
    /// What to export.
    #[command(subcommand)]
    pub command: ExportCommand,
}

/// What to export.
#[derive(Debug, Subcommand)]
pub enum ExportCommand {
    /// The order books of a recording: a row a level of each snapshot and each change.
    Books(RecordingArgs),
    /// The public trades of a recording.
    Trades(RecordingArgs),
    /// The orders of a bot, from its history.
    Orders(BotArgs),
    /// The fills of a bot, from its history.
    Fills(BotArgs),
}

/// A recording and where it goes.
#[derive(Debug, Args)]
pub struct RecordingArgs {
    /// The recording: a folder of BOT's `recordings`, or its first file.
    pub recording: PathBuf,
    /// The file to write. One of that name is replaced when the new one is whole.
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// A library in place of the recorded one. Repeatable.
    #[arg(long, value_name = "FILE")]
    pub library: Vec<PathBuf>,
    /// Where verified copies of libraries are kept; the user's cache folder where absent.
    #[arg(long)]
    pub store: Option<PathBuf>,
}

/// A bot and where its history goes.
#[derive(Debug, Args)]
pub struct BotArgs {
    /// The bot's file, or the folder that holds its journal and history.
    pub bot: PathBuf,
    /// The file to write. One of that name is replaced when the new one is whole.
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
}

impl Cli {
    /// Does it; says what was written on `out`, and what to know about it on `warn`.
    ///
    /// # Errors
    /// What was asked for cannot be read, or not be written.
    pub fn run(&self, out: &mut dyn Write, warn: &mut dyn Write) -> anyhow::Result<Exit> {
        let (args, wanted) = match &self.command {
            ExportCommand::Books(args) => {
                let books = Some(args.output.as_path());
                (
                    args,
                    Wanted {
                        books,
                        ..Wanted::default()
                    },
                )
            }
            ExportCommand::Trades(args) => {
                let trades = Some(args.output.as_path());
                (
                    args,
                    Wanted {
                        trades,
                        ..Wanted::default()
                    },
                )
            }
            ExportCommand::Orders(args) => {
                return told(out, &args.output, history::orders(&args.bot, named(&args.output)?)?);
            }
            ExportCommand::Fills(args) => {
                return told(out, &args.output, history::fills(&args.bot, named(&args.output)?)?);
            }
        };
        named(&args.output)?;
        let store = args.store.clone().unwrap_or_else(default_store);
        let request = Request {
            path: &args.recording,
            libraries: LibraryFrom {
                store: &store,
                instead: &args.library,
            },
            from: None,
            until: Moment::End,
        };
        let exported = market::export(&request, wanted)?;
        for written in exported.books.into_iter().chain(exported.trades) {
            told(out, &args.output, written)?;
        }
        doubt(&exported.outcome, warn)
    }
}

fn named(path: &Path) -> Result<&Path, ExitError> {
    if path.file_name().is_none() {
        let text = format!("{} is no name of a file: write -o books.parquet", path.display());
        return Err(ExitError::new(Exit::Usage, text));
    }
    Ok(path)
}

fn told(out: &mut dyn Write, path: &Path, written: Written) -> anyhow::Result<Exit> {
    let Written { rows, bytes } = written;
    writeln!(out, "{}: {rows} rows, {bytes} bytes", path.display())?;
    Ok(Exit::Done)
}

/// What is to be known about an export of a recording.
fn doubt(outcome: &Outcome, warn: &mut dyn Write) -> anyhow::Result<Exit> {
    if let Some(why) = &outcome.torn {
        writeln!(
            warn,
            "warning: the recording is whole up to input {}, and so far it is exported: {why}",
            outcome.inputs
        )?;
    }
    let Verdict::Differs { same_until, differs_at } = outcome.verdict else {
        return Ok(Exit::Done);
    };
    writeln!(
        warn,
        "warning: the replay is not what was recorded: something differs between the inputs {same_until} and {differs_at}; \
         exported is what came before input {}. Export with the version of the host that recorded it",
        same_until + 1
    )?;
    Ok(Exit::Unproven)
}
