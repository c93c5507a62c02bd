//! `[latency]` of a bot's file: what it may spend on being fast. All of it is off where it is not asked for.

use std::collections::BTreeSet;

use colibri_standard::{Auth, ConnectorManifest, Transport};
use serde::Deserialize;

/// The most HTTP connections that are kept open for orders, for each address.
const MOST_CONNECTIONS: usize = 8;

/// The most connections of one market stream.
const MOST_STREAMS: usize = 4;

/// What a bot does beyond the ordinary to answer sooner.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LatencySettings {
    /// The engine's thread asks its sockets again and again instead of being woken: a whole core, always busy.
    pub busy_poll: bool,
    /// The core that the engine's thread stays on, counted from 0.
    pub core: Option<usize>,
    /// HTTP connections for orders that are opened before the first order and kept, for each address; 0 to 8.
    pub order_connections: usize,
    /// Connections of each market stream; of each frame the one that comes first counts. 1 to 4; 0 is 1.
    pub market_connections: usize,
}

/// How a run waits for what comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Waiting {
    /// The thread sleeps until the system wakes it.
    #[default]
    Asleep,
    /// It does not sleep.
    Busy,
}

impl LatencySettings {
    /// What is wrong with them, with the key that it is about.
    #[must_use]
    pub fn fault(&self) -> Option<(&'static str, String)> {
        if self.order_connections > MOST_CONNECTIONS {
            let what = format!(
                "order_connections is 0 to {MOST_CONNECTIONS}, not {}",
                self.order_connections
            );
            return Some(("order_connections", what));
        }
        if self.market_connections > MOST_STREAMS {
            let what = format!(
                "market_connections is 1 to {MOST_STREAMS}, not {}",
                self.market_connections
            );
            return Some(("market_connections", what));
        }
        let core = self.core?;
        core_fault(core).map(|what| ("core", what))
    }

    /// How the run waits.
    #[must_use]
    pub const fn waiting(&self) -> Waiting {
        if self.busy_poll { Waiting::Busy } else { Waiting::Asleep }
    }
}

/// The addresses that orders go to over HTTP.
#[must_use]
pub fn order_addresses<'a>(manifest: &'a ConnectorManifest, environment: &str) -> BTreeSet<&'a str> {
    let Some(environment) = manifest.environments.get(environment) else {
        return BTreeSet::new();
    };
    let orders = &manifest.orders;
    let ids = [
        Some(&orders.place),
        Some(&orders.cancel),
        orders.amend.as_ref(),
        orders.replace.as_ref(),
    ];
    ids.into_iter()
        .flatten()
        .filter_map(|id| manifest.endpoints.get(id))
        .filter(|endpoint| endpoint.transport == Transport::Http)
        .filter_map(|endpoint| environment.addresses.get(&endpoint.host))
        .map(String::as_str)
        .collect()
}

/// What the URLs of public streams begin with: those that nobody logs in on.
#[must_use]
pub fn market_streams(manifest: &ConnectorManifest, environment: &str) -> Vec<String> {
    let Some(environment) = manifest.environments.get(environment) else {
        return Vec::new();
    };
    let signed: BTreeSet<&str> = manifest
        .endpoints
        .values()
        .filter(|endpoint| endpoint.transport != Transport::Http && endpoint.auth != Auth::None)
        .map(|endpoint| endpoint.host.as_str())
        .collect();
    let streams = manifest
        .endpoints
        .values()
        .filter(|endpoint| endpoint.transport == Transport::Stream)
        .filter_map(|endpoint| {
            let address = environment.addresses.get(&endpoint.host)?;
            let prefix = format!("{address}{}", endpoint.path.trim_end_matches('*'));
            Some((prefix, signed.contains(endpoint.host.as_str())))
        });
    let (private, public): (Vec<_>, Vec<_>) = streams.partition(|(_, signed)| *signed);
    // Two hosts may have one address: an order that is sent over a stream must never go out on several connections.
    let apart = |prefix: &String| {
        !private
            .iter()
            .any(|(other, _)| other.starts_with(prefix.as_str()) || prefix.starts_with(other.as_str()))
    };
    public.into_iter().map(|(prefix, _)| prefix).filter(apart).collect()
}

#[cfg(target_os = "linux")]
fn core_fault(core: usize) -> Option<String> {
    let allowed = match rustix::thread::sched_getaffinity(None) {
        Ok(allowed) => allowed,
        Err(error) => return Some(format!("the system does not say which cores there are: {error}")),
    };
    if core < rustix::thread::CpuSet::MAX_CPU && allowed.is_set(core) {
        return None;
    }
    let cores: Vec<String> = (0..rustix::thread::CpuSet::MAX_CPU)
        .filter(|core| allowed.is_set(*core))
        .map(|core| core.to_string())
        .collect();
    Some(format!(
        "there is no core {core} for this process; it may use {}",
        cores.join(", ")
    ))
}

#[cfg(not(target_os = "linux"))]
fn core_fault(_core: usize) -> Option<String> {
    Some("a thread can be kept on a core on Linux only; leave it out".to_owned())
}

/// Keeps the calling thread on a core, and with it the threads that it starts from now on.
///
/// # Errors
/// The system refuses.
#[cfg(target_os = "linux")]
pub fn keep_on(core: usize) -> std::io::Result<()> {
    let mut only = rustix::thread::CpuSet::new();
    only.set(core);
    Ok(rustix::thread::sched_setaffinity(None, &only)?)
}

/// Not on this system.
///
/// # Errors
/// Always.
#[cfg(not(target_os = "linux"))]
pub fn keep_on(_core: usize) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_cannot_be_done_is_told() {
        let of = |text: &str| toml::from_str::<LatencySettings>(text).unwrap();
        assert!(of("").fault().is_none());
        assert!(of("busy_poll = true\norder_connections = 8").fault().is_none());
        let (key, what) = of("order_connections = 9").fault().unwrap();
        assert_eq!(key, "order_connections");
        assert!(what.contains("0 to 8, not 9"), "{what}");
        let (key, what) = of("core = 4000").fault().unwrap();
        assert_eq!(key, "core");
        assert!(what.contains("core"), "{what}");
        assert!(toml::from_str::<LatencySettings>("busy = true").is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_pinned_thread_runs_on_its_core_alone() {
        let allowed = rustix::thread::sched_getaffinity(None).unwrap();
        let core = (0..rustix::thread::CpuSet::MAX_CPU)
            .find(|core| allowed.is_set(*core))
            .unwrap();
        std::thread::spawn(move || {
            keep_on(core).unwrap();
            let now = rustix::thread::sched_getaffinity(None).unwrap();
            assert!(now.is_set(core));
            assert_eq!(now.count(), 1);
        })
        .join()
        .unwrap();
        assert_eq!(
            rustix::thread::sched_getaffinity(None).unwrap().count(),
            allowed.count()
        );
    }
}
