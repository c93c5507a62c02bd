//! Which endpoints of the manifest carry orders, and over what: HTTP, or the account's stream where the exchange takes orders
//! there.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{Capability, Endpoint, Transport};

/// Over what orders go out, where the exchange leaves a choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderEntry {
    /// A request over HTTP for each.
    #[default]
    Http,
    /// A frame for each on the account's session, by the endpoints of [`OrderEndpoints::stream`]; over HTTP while that stream
    /// is not live, or leaves orders unanswered.
    Stream,
}

impl OrderEntry {
    /// Its word in the manifest.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            OrderEntry::Http => "http",
            OrderEntry::Stream => "stream",
        }
    }
}

/// Which endpoint each order operation uses: admitted before the connector is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderEndpoints {
    /// Place.
    pub place: String,
    /// Cancel.
    pub cancel: String,
    /// Amend, where the exchange has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amend: Option<String>,
    /// Replace, where the exchange has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replace: Option<String>,
    /// Several placements in one request, where the exchange has that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_place: Option<BatchEndpoint>,
    /// Several cancels in one request, where the exchange has that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_cancel: Option<BatchEndpoint>,
    /// Over what orders go out.
    #[serde(default)]
    pub entry: OrderEntry,
    /// The endpoints on the account's session, where the exchange takes orders there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<StreamOrderEndpoints>,
}

/// Which endpoint, of transport `send`, each order operation uses on the account's session. What has none goes over HTTP.
/// Each order is a frame of its own: no batches are made of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamOrderEndpoints {
    /// Place.
    pub place: String,
    /// Cancel.
    pub cancel: String,
    /// Amend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amend: Option<String>,
    /// Replace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replace: Option<String>,
}

/// An endpoint that carries several order operations in one request and answers with a result for each. Its costs count for
/// the request, but for those that are `per_order`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchEndpoint {
    /// The endpoint.
    pub endpoint: String,
    /// The most operations in one request: two or more.
    pub most: u32,
    /// Whether all of a request must be of one instrument.
    #[serde(default)]
    pub one_instrument: bool,
}

impl OrderEndpoints {
    /// Whether every name stands for an endpoint of its kind.
    ///
    /// # Errors
    /// What is wrong.
    pub(crate) fn check(
        &self,
        endpoints: &BTreeMap<String, Endpoint>,
        capabilities: &BTreeSet<Capability>,
    ) -> Result<(), String> {
        let named = [
            Some(&self.place),
            Some(&self.cancel),
            self.amend.as_ref(),
            self.replace.as_ref(),
            self.batch_place.as_ref().map(|b| &b.endpoint),
            self.batch_cancel.as_ref().map(|b| &b.endpoint),
        ];
        if let Some(id) = named.into_iter().flatten().find(|id| !endpoints.contains_key(*id)) {
            return Err(format!("orders use endpoint {id:?}, which does not exist"));
        }
        let batches = [
            (&self.batch_place, Capability::BatchPlace),
            (&self.batch_cancel, Capability::BatchCancel),
        ];
        for (batch, capability) in batches {
            if batch.as_ref().is_some_and(|b| b.most < 2) {
                return Err(format!("{} of fewer than two orders is none", capability.as_str()));
            }
            if batch.is_some() != capabilities.contains(&capability) {
                let name = capability.as_str();
                return Err(format!(
                    "{name} stands among the capabilities or in orders, and not in both"
                ));
            }
        }
        self.check_stream(endpoints)
    }

    fn check_stream(&self, endpoints: &BTreeMap<String, Endpoint>) -> Result<(), String> {
        let Some(stream) = &self.stream else {
            return match self.entry {
                OrderEntry::Http => Ok(()),
                OrderEntry::Stream => Err("orders are to go out over a stream (orders.entry), and orders.stream names no endpoints for that: \
                                           the connector takes them over HTTP alone"
                    .to_owned()),
            };
        };
        let named = [
            Some(&stream.place),
            Some(&stream.cancel),
            stream.amend.as_ref(),
            stream.replace.as_ref(),
        ];
        for id in named.into_iter().flatten() {
            match endpoints.get(id) {
                None => return Err(format!("orders.stream uses endpoint {id:?}, which does not exist")),
                Some(endpoint) if endpoint.transport != Transport::Send => {
                    return Err(format!(
                        "orders.stream uses endpoint {id:?}, whose transport is not send"
                    ));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}
