//! The endpoint table as a driver uses it: addresses resolved, pools registered, requests checked against it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use colibri_abi::op_kind;
use colibri_model::Millis;
use colibri_standard::{Auth, BatchEndpoint, Endpoint, Lane, OrderEntry, PoolScope, Priority, Serial, Transport};
use serde::{Deserialize, Serialize};

use super::frame_pacing::FrameCosts;
use super::operation::Batch;
use super::url::{UrlParts, host_matches};
use crate::limiter::{Charge, Limiter, PoolIndex, PoolKey};
use crate::{DriverError, DriverSetup};

/// An endpoint's place in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct EndpointIndex(usize);

/// An address, split.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Address {
    scheme: String,
    host: String,
    port: u16,
    prefix: String,
}

/// A row of the table.
#[derive(Debug)]
pub(super) struct EndpointRow {
    pub id: String,
    pub transport: Transport,
    pub method: String,
    pub host_role: String,
    pub auth: Auth,
    pub priority: Priority,
    pub idempotent: bool,
    pub serial: Serial,
    pub deadline: Millis,
    pub max_response: u64,
    pub lane: Lane,
    pub charges: Vec<Charge>,
    /// Of `charges`, those that the exchange gives back on success.
    pub refunds: Vec<Charge>,
    /// Of `charges`, those that each further order of a batch costs.
    pub charges_per_order: Vec<Charge>,
    /// Of `refunds`, those that each further order of a batch is given back.
    pub refunds_per_order: Vec<Charge>,
    /// What each frame on a connection of it costs.
    pub frames: FrameCosts,
    path: String,
    address: Address,
    hosts: Vec<String>,
}

/// A pool of this connector.
#[derive(Debug)]
pub(super) struct PoolRow {
    pub id: String,
    pub index: PoolIndex,
    pub usage_header: Option<String>,
    pub scope: PoolScope,
}

/// The table.
#[derive(Debug)]
pub(super) struct EndpointTable {
    rows: Vec<EndpointRow>,
    by_id: BTreeMap<String, EndpointIndex>,
    pub pools: Vec<PoolRow>,
    place: Option<EndpointIndex>,
    cancel: Option<EndpointIndex>,
    amend: Option<EndpointIndex>,
    replace: Option<EndpointIndex>,
    batch_place: Option<BatchRow>,
    batch_cancel: Option<BatchRow>,
    entry: OrderEntry,
    over_stream: OverStream,
}

/// The endpoints that take orders on the account's session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct OverStream {
    place: Option<EndpointIndex>,
    cancel: Option<EndpointIndex>,
    amend: Option<EndpointIndex>,
    replace: Option<EndpointIndex>,
}

/// An endpoint that carries several order operations in one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BatchRow {
    pub endpoint: EndpointIndex,
    /// The most operations in one request.
    pub most: usize,
    /// Whether all of a request must be of one instrument.
    pub one_instrument: bool,
}

impl EndpointTable {
    pub(super) fn new(setup: &DriverSetup, limiter: &mut Limiter) -> Result<EndpointTable, DriverError> {
        let addresses = setup.effective_addresses()?;
        let manifest = &setup.manifest;
        let bad = |role: &str, why: &str| DriverError::BadAddress {
            venue: setup.venue.clone(),
            role: role.to_owned(),
            why: why.to_owned(),
        };
        let mut split = BTreeMap::new();
        for (role, text) in &addresses {
            let parts = UrlParts::parse(text).map_err(|why| bad(role, why))?;
            split.insert(
                role.clone(),
                Address {
                    scheme: parts.scheme.to_owned(),
                    host: parts.host.to_owned(),
                    port: parts.port,
                    prefix: parts.path.trim_end_matches('/').to_owned(),
                },
            );
        }
        let known = |id: &&String| manifest.pools.contains_key(*id);
        if let Some(pool) = setup.limit_shares.pools.keys().find(|id| !known(id)) {
            return Err(DriverError::NoPool {
                venue: setup.venue.clone(),
                pool: pool.clone(),
                known: manifest.pools.keys().cloned().collect::<Vec<_>>().join(", "),
            });
        }
        let account = setup.account.as_ref().map_or("", |a| a.as_str());
        let mut pools = Vec::new();
        for (id, pool) in &manifest.pools {
            let holder = match pool.scope {
                PoolScope::Ip => String::new(),
                PoolScope::Key | PoolScope::Account => account.to_owned(),
                // Each connection counts for itself.
                PoolScope::Connection => continue,
            };
            let users = || {
                let costs = |e: &&Endpoint| e.costs.iter().any(|c| c.pool == *id);
                manifest.endpoints.values().filter(costs)
            };
            // An address that is counted at is the same one whatever the environment is called.
            let at: BTreeSet<&str> = users()
                .filter_map(|e| addresses.get(&e.host).map(String::as_str))
                .collect();
            let key = match &pool.shared {
                // The word stands for the exchange: each connector asks addresses of its own, and counts at the same place.
                Some(word) => PoolKey {
                    exchange: format!("shared {}", setup.environment),
                    holder,
                    pool: word.clone(),
                },
                None => PoolKey {
                    exchange: at.into_iter().fold(manifest.name.clone(), |key, at| key + " " + at),
                    holder,
                    pool: id.clone(),
                },
            };
            pools.push(PoolRow {
                id: id.clone(),
                index: limiter.register(
                    key,
                    pool,
                    setup.limit_shares.of(id),
                    &users().map(|e| e.priority).collect(),
                ),
                usage_header: pool.usage_header.as_ref().map(|h| h.to_ascii_lowercase()),
                scope: pool.scope,
            });
        }
        let pool_index = |id: &str| pools.iter().find(|p| p.id == id).map(|p| p.index);
        let mut rows = Vec::new();
        let mut by_id = BTreeMap::new();
        for (id, endpoint) in &manifest.endpoints {
            let address = split
                .get(&endpoint.host)
                .ok_or_else(|| bad(&endpoint.host, "the environment does not give it"))?;
            let charge = |cost: &colibri_standard::Cost| {
                Some(Charge {
                    pool: pool_index(&cost.pool)?,
                    weight: cost.weight,
                })
            };
            by_id.insert(id.clone(), EndpointIndex(rows.len()));
            let mut row = EndpointRow::new(
                id,
                endpoint,
                address.clone(),
                endpoint.costs.iter().filter_map(charge).collect(),
                endpoint
                    .costs
                    .iter()
                    .filter(|c| c.refunded_on_success)
                    .filter_map(charge)
                    .collect(),
                FrameCosts::of(endpoint, manifest),
            );
            let per_order = || endpoint.costs.iter().filter(|c| c.per_order);
            row.charges_per_order = per_order().filter_map(charge).collect();
            row.refunds_per_order = per_order()
                .filter(|c| c.refunded_on_success)
                .filter_map(charge)
                .collect();
            rows.push(row);
        }
        let orders = &manifest.orders;
        let named = |id: &str| by_id.get(id).copied();
        let batch = |batch: &Option<BatchEndpoint>| {
            let batch = batch.as_ref()?;
            Some(BatchRow {
                endpoint: named(&batch.endpoint)?,
                most: usize::try_from(batch.most).unwrap_or(usize::MAX),
                one_instrument: batch.one_instrument,
            })
        };
        Ok(EndpointTable {
            place: named(&orders.place),
            cancel: named(&orders.cancel),
            amend: orders.amend.as_deref().and_then(named),
            replace: orders.replace.as_deref().and_then(named),
            batch_place: batch(&orders.batch_place),
            batch_cancel: batch(&orders.batch_cancel),
            entry: orders.entry,
            over_stream: match (&orders.stream, orders.entry) {
                (Some(stream), OrderEntry::Stream) => OverStream {
                    place: named(&stream.place),
                    cancel: named(&stream.cancel),
                    amend: stream.amend.as_deref().and_then(named),
                    replace: stream.replace.as_deref().and_then(named),
                },
                _ => OverStream::default(),
            },
            rows,
            by_id,
            pools,
        })
    }

    pub(super) fn find(&self, id: &str) -> Option<EndpointIndex> {
        self.by_id.get(id).copied()
    }

    /// The row of an index that something else than this table gave.
    pub(super) fn some_row(&self, index: EndpointIndex) -> Option<&EndpointRow> {
        self.rows.get(index.0)
    }

    pub(super) fn row(&self, index: EndpointIndex) -> &EndpointRow {
        &self.rows[index.0]
    }

    /// The endpoint over HTTP of an order operation; `None` for a kind that the connector does not have.
    pub(super) fn of_order(&self, kind: u32) -> Option<EndpointIndex> {
        match kind {
            op_kind::PLACE => self.place,
            op_kind::CANCEL => self.cancel,
            op_kind::AMEND => self.amend,
            op_kind::REPLACE => self.replace,
            _ => None,
        }
    }

    /// The endpoint on the account's session of an order operation; `None` where it goes over HTTP, by the manifest or by the
    /// user's choice.
    pub(super) fn of_order_over_stream(&self, kind: u32) -> Option<EndpointIndex> {
        match kind {
            op_kind::PLACE => self.over_stream.place,
            op_kind::CANCEL => self.over_stream.cancel,
            op_kind::AMEND => self.over_stream.amend,
            op_kind::REPLACE => self.over_stream.replace,
            _ => None,
        }
    }

    /// Over what the user wants orders to go out.
    pub(super) const fn order_entry(&self) -> OrderEntry {
        self.entry
    }

    /// The endpoint that carries several operations of a kind in one request; `None` where the exchange has none.
    pub(super) fn batch_of(&self, kind: u32) -> Option<BatchRow> {
        match kind {
            op_kind::PLACE => self.batch_place,
            op_kind::CANCEL => self.batch_cancel,
            _ => None,
        }
    }

    /// Whether any endpoint belongs to the bulk lane.
    pub(super) fn has_bulk(&self) -> bool {
        self.rows.iter().any(|row| row.lane == Lane::Bulk)
    }

    /// Whether an endpoint that needs a signature is reached over streams of this address.
    pub(super) fn signs_on(&self, host_role: &str) -> bool {
        self.rows
            .iter()
            .any(|row| row.host_role == host_role && row.auth == Auth::Signed && row.transport != Transport::Http)
    }
}

impl EndpointRow {
    fn new(
        id: &str,
        endpoint: &Endpoint,
        address: Address,
        charges: Vec<Charge>,
        refunds: Vec<Charge>,
        frames: FrameCosts,
    ) -> EndpointRow {
        EndpointRow {
            id: id.to_owned(),
            transport: endpoint.transport,
            method: endpoint.method.to_ascii_uppercase(),
            host_role: endpoint.host.clone(),
            auth: endpoint.auth,
            priority: endpoint.priority,
            idempotent: endpoint.idempotent,
            serial: endpoint.serial,
            deadline: endpoint.deadline_ms,
            max_response: endpoint.max_response,
            lane: endpoint.lane,
            charges,
            refunds,
            charges_per_order: Vec::new(),
            refunds_per_order: Vec::new(),
            frames,
            path: endpoint.path.clone(),
            address,
            hosts: endpoint.hosts.clone(),
        }
    }

    /// What a request costs that carries so many orders.
    pub(super) fn charges_of(&self, orders: usize) -> Cow<'_, [Charge]> {
        if orders <= 1 || self.charges_per_order.is_empty() {
            return Cow::Borrowed(&self.charges);
        }
        let further = u64::try_from(orders - 1).unwrap_or(u64::MAX);
        let mut charges = self.charges.clone();
        for each in &self.charges_per_order {
            if let Some(charge) = charges.iter_mut().find(|c| c.pool == each.pool) {
                charge.weight = charge.weight.saturating_add(each.weight.saturating_mul(further));
            }
        }
        Cow::Owned(charges)
    }

    /// What an operation's part in a request costs, and what of it is given back on success.
    pub(super) fn part(&self, batch: Option<&Batch>) -> (&[Charge], &[Charge]) {
        match batch {
            Some(Batch::CarriedBy(_)) => (&self.charges_per_order, &self.refunds_per_order),
            Some(Batch::Carries(_)) | None => (&self.charges, &self.refunds),
        }
    }

    /// Whether a URL, placeholders filled in, goes where this endpoint is: its address and path, or one of its further hosts.
    ///
    /// # Errors
    /// What is wrong, in words that hold no part of the URL.
    pub(super) fn check_url(&self, url: &str) -> Result<(), &'static str> {
        let parts = UrlParts::parse(url)?;
        let wanted = &self.address;
        let at_home =
            parts.scheme == wanted.scheme && parts.host.eq_ignore_ascii_case(&wanted.host) && parts.port == wanted.port;
        let path = if at_home {
            parts
                .path
                .strip_prefix(wanted.prefix.as_str())
                .ok_or("its path does not begin with the address's")?
        } else if self.hosts.iter().any(|pattern| host_matches(pattern, parts.host)) {
            let same_protocol = parts.scheme.starts_with("ws") == wanted.scheme.starts_with("ws");
            if !parts.is_encrypted() || !same_protocol {
                return Err("it names a further host by an unencrypted or another protocol");
            }
            parts.path
        } else {
            return Err("its scheme, host or port is not the endpoint's");
        };
        let allowed = match self.path.strip_suffix('*') {
            Some(prefix) => path.starts_with(prefix),
            None => path == self.path || (path.is_empty() && self.path == "/"),
        };
        if allowed {
            Ok(())
        } else {
            Err("its path is not the endpoint's")
        }
    }
}
