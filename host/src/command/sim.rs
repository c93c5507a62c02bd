//! `colibri sim binance`: a local exchange in a process of its own.

use std::io::Write;

use anyhow::Context;
use colibri_sim::config::{FlowConfig, RandomFlow, ReplayEnd, ReplayFlow, SimConfig};
use colibri_sim::front::serve;

use crate::cli::SimArgs;
use crate::exit::{Exit, ExitError};

/// Serves until Ctrl-C or until standard input is closed by the process that started this one.
///
/// # Errors
/// The configuration, the capture or the port cannot be used.
pub fn binance(args: &SimArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let config = configuration(args)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("no tokio runtime")?;
    runtime.block_on(async {
        let server = serve(config)
            .await
            .map_err(|e| ExitError::new(Exit::Configuration, e.to_string()))?;
        writeln!(out, "http://{}", server.address())?;
        out.flush()?;
        tokio::select! {
            signal = tokio::signal::ctrl_c() => signal.context("Ctrl-C cannot be listened for")?,
            () = parent_gone() => {}
        }
        server.shutdown().await;
        Ok(Exit::Done)
    })
}

/// Ends when standard input is a pipe and its other end is closed: a parent that was killed cannot say goodbye.
async fn parent_gone() {
    use std::io::IsTerminal;
    use tokio::io::AsyncReadExt;
    if std::env::var_os(WITH_PARENT).is_none() || std::io::stdin().is_terminal() {
        return std::future::pending().await;
    }
    let mut stdin = tokio::io::stdin();
    let mut buffer = [0; 64];
    while matches!(stdin.read(&mut buffer).await, Ok(n) if n > 0) {}
}

/// Set by a parent that holds the other end of standard input.
pub const WITH_PARENT: &str = "COLIBRI_SIM_WITH_PARENT";

fn configuration(args: &SimArgs) -> anyhow::Result<SimConfig> {
    let mut config = match &args.config {
        None => SimConfig::demo(),
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .map_err(|e| ExitError::new(Exit::Configuration, format!("{} cannot be read: {e}", path.display())))?;
            toml::from_str(&text)
                .map_err(|e| ExitError::new(Exit::Configuration, format!("{} is wrong: {e}", path.display())))?
        }
    };
    config.port = args.port;
    if let Some(capture) = &args.capture {
        let symbol = config
            .markets
            .first()
            .context("the configuration has no market to replay into")?
            .symbol
            .clone();
        config.flow = FlowConfig::Replay(ReplayFlow {
            symbol,
            path: capture.clone(),
            speed: args.speed.into(),
            end: ReplayEnd::Hold,
            others: RandomFlow {
                seed: args.seed.unwrap_or(1),
                ..RandomFlow::default()
            },
        });
    } else if let (Some(seed), FlowConfig::Random(flow)) = (args.seed, &mut config.flow) {
        flow.seed = seed;
    }
    Ok(config)
}
