//! Between the driver's requests and the local exchange's, without a socket.

use std::net::{IpAddr, Ipv4Addr};

use colibri_driver::{HttpRequest, HttpResponse};
use colibri_sim::binance::{self, Method};

use super::stage::Face;

/// Where the host's requests come from.
pub const HOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// The address of everything at the exchange.
const REST: &str = "http://127.0.0.1:9";
/// The address of its streams.
const STREAMS: &str = "ws://127.0.0.1:9";

/// Where each host of a face's connector is.
#[must_use]
pub const fn addresses(face: Face) -> &'static [(&'static str, &'static str)] {
    match face {
        Face::Spot => &[("rest", REST), ("market", STREAMS), ("ws_api", STREAMS)],
        Face::Contracts => &[("rest", REST), ("market", STREAMS), ("private", STREAMS)],
    }
}

/// Path and query of a URL.
#[must_use]
pub fn path_and_query(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').map_or("/", |at| &rest[at..]);
    path.split_once('?').unwrap_or((path, ""))
}

/// A driver's request as the exchange reads it.
#[must_use]
pub fn to_exchange(request: &HttpRequest) -> binance::HttpRequest {
    let (path, query) = path_and_query(&request.url);
    binance::HttpRequest {
        method: match request.method.as_str() {
            "POST" => Method::Post,
            "PUT" => Method::Put,
            "DELETE" => Method::Delete,
            _ => Method::Get,
        },
        path: path.to_owned(),
        query: query.to_owned(),
        headers: request.headers.clone(),
        body: String::from_utf8_lossy(&request.body).into_owned(),
        peer: HOST,
    }
}

/// The exchange's answer as a driver reads it.
#[must_use]
pub fn to_host(answer: binance::HttpResponse) -> HttpResponse {
    HttpResponse {
        status: answer.status,
        headers: answer
            .headers
            .into_iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), value))
            .collect(),
        body: answer.body.into_bytes(),
    }
}

/// A parameter of a request, from query or body.
#[must_use]
pub fn parameter<'a>(request: &'a binance::HttpRequest, name: &str) -> Option<&'a str> {
    let pairs = request.query.split('&').chain(request.body.split('&'));
    pairs
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

/// What a request asks, whenever it is asked: without time and signature.
#[must_use]
pub fn question(request: &binance::HttpRequest) -> String {
    let mut asked: Vec<&str> = request
        .query
        .split('&')
        .filter(|pair| {
            !["timestamp=", "signature=", "recvWindow="]
                .iter()
                .any(|drop| pair.starts_with(drop))
        })
        .collect();
    asked.sort_unstable();
    format!("{:?} {}?{}", request.method, request.path, asked.join("&"))
}
