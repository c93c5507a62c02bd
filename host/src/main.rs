//! The `colibri` binary: reads the command line, calls the command, tells the shell how it ended.

use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use colibri::cli::{Cli, Command, ConnectorCommand, KeysCommand, RecordingsCommand, SimCommand};
use colibri::command::run::RecordWish;
use colibri::exit::{self, Exit};
use colibri::{command, connector};

fn main() -> ExitCode {
    colibri::sys::large_blocks_come_untouched();
    match run(Cli::parse()) {
        Ok(exit) => exit.into(),
        Err(error) => {
            // A closed standard error must not change how the process ends.
            let _ = writeln!(std::io::stderr(), "colibri: {error:#}");
            exit::of(&error).into()
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<Exit> {
    let mut out = std::io::stdout();
    match cli.command {
        Command::Run(args) => command::run::run(&args, RecordWish::AsTheFileSays),
        Command::Record(args) => command::run::run(&args, RecordWish::Always),
        Command::Replay(args) => command::replay::run(&args),
        Command::Recordings(RecordingsCommand::List(args)) => command::recordings::list(&args, &mut out),
        Command::Recordings(RecordingsCommand::Export(args)) => command::recordings::export(&args, &mut out),
        Command::Kill(args) => command::kill::kill(&args, &mut out),
        Command::Demo(args) => command::demo::demo(&args),
        Command::Check(args) => command::check::check(&args, &mut out),
        Command::Connector(ConnectorCommand::List { plugins }) => command::connectors::list(&plugins, &mut out),
        Command::Connector(ConnectorCommand::Inspect(args)) => connector::inspect(&args),
        Command::Connector(ConnectorCommand::Drive(args)) => connector::drive(&args),
        Command::Connector(ConnectorCommand::Replay(args)) => connector::replay(&args),
        Command::Sim(SimCommand::Binance(args)) => command::sim::binance(&args, &mut out),
        Command::Chaos(args) => command::chaos::chaos(&args, &mut out),
        Command::Keys(KeysCommand::Add {
            account,
            connector,
            api_key,
            secret_file,
            kind,
            keys,
        }) => command::keys::add(&keys, &account, &connector, api_key, secret_file.as_deref(), kind),
        Command::Keys(KeysCommand::List { keys }) => command::keys::list(&keys, &mut out),
        Command::Keys(KeysCommand::Remove { account, keys }) => command::keys::remove(&keys, &account),
        Command::Trades(args) => command::history::trades(&args, &mut out),
        Command::Orders(args) => command::history::orders(&args, &mut out),
        Command::Triggers(args) => command::history::triggers(&args, &mut out),
        Command::Pnl(args) => command::pnl::pnl(&args, &mut out),
        Command::Status(args) => command::status::status(&args, &mut out),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "colibri", &mut script);
            out.write_all(&script)?;
            Ok(Exit::Done)
        }
    }
}
