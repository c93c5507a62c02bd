//! Requests as an author builds them: an endpoint of the manifest, its parameters, and whether they are signed.

use std::borrow::Cow;
use std::fmt::{Display, Write};

use colibri_abi as abi;

use crate::Signature;
use crate::signature::with_signs;

/// The moment at which an operation was admitted, and what was drawn for it: for timestamps and nonces of signed requests.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    now: abi::Now,
    grant: abi::Grant,
}

impl Moment {
    pub(crate) fn new(now: abi::Now, grant: abi::Grant) -> Moment {
        Moment { now, grant }
    }
    /// The exchange's clock, in milliseconds since 1970.
    #[must_use]
    pub const fn exchange_millis(&self) -> i64 {
        self.now.exchange_ns.div_euclid(1_000_000)
    }
    /// The exchange's clock, in microseconds since 1970.
    #[must_use]
    pub const fn exchange_micros(&self) -> i64 {
        self.now.exchange_ns.div_euclid(1_000)
    }
    /// A number that rises strictly for the key, over restarts too.
    #[must_use]
    pub const fn nonce(&self) -> u64 {
        self.grant.nonce
    }
    /// Sixteen fresh random bytes.
    #[must_use]
    pub const fn entropy(&self) -> &[u8; 16] {
        &self.grant.entropy
    }
}

/// What a request needs of the credentials. What that means is told once, in [`Spot::authenticate`](crate::Spot::authenticate).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authentication {
    /// Nothing.
    None,
    /// The key's id.
    Key,
    /// A signature.
    Signed,
}

/// Writes text percent-encoded: everything but RFC 3986's unreserved characters.
struct Percent<'a>(&'a mut String);

impl Write for Percent<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        for &byte in text.as_bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
                self.0.push(char::from(byte));
            } else {
                write!(self.0, "%{byte:02X}")?;
            }
        }
        Ok(())
    }
}

fn parameter(to: &mut String, name: &str, value: &dyn Display) {
    if !to.is_empty() {
        to.push('&');
    }
    to.push_str(name);
    to.push('=');
    // Writing to a string does not fail, unless a Display does: then the value is cut and the exchange refuses it.
    let _ = write!(Percent(to), "{value}");
}

/// A time that an exchange refuses where it is too long ago, all in milliseconds.
#[derive(Debug, Clone)]
struct BoundedTime {
    name: &'static str,
    since: i64,
    reach: i64,
}

/// An HTTP request. It stands for one endpoint of the manifest; method, limits and deadline are told there.
#[derive(Debug, Clone)]
pub struct Request {
    endpoint: &'static str,
    host: &'static str,
    path: Cow<'static, str>,
    query: String,
    times: Vec<BoundedTime>,
    headers: Vec<(Cow<'static, str>, String)>,
    body: Vec<u8>,
    signatures: Vec<Signature>,
    authentication: Authentication,
}

impl Request {
    /// A request to the endpoint that the manifest calls `endpoint`, at `path` of the address `rest`.
    #[must_use]
    pub fn to(endpoint: &'static str, path: impl Into<Cow<'static, str>>) -> Request {
        Request {
            endpoint,
            host: "rest",
            path: path.into(),
            query: String::new(),
            times: Vec::new(),
            headers: Vec::new(),
            body: Vec::new(),
            signatures: Vec::new(),
            authentication: Authentication::None,
        }
    }
    /// At another address of the environment than `rest`.
    #[must_use]
    pub fn at(mut self, host: &'static str) -> Request {
        self.host = host;
        self
    }
    /// With a query parameter, its value percent-encoded.
    #[must_use]
    pub fn query(mut self, name: &str, value: impl Display) -> Request {
        parameter(&mut self.query, name, &value);
        self
    }
    /// With a query parameter where there is a value.
    #[must_use]
    pub fn query_some(self, name: &str, value: Option<impl Display>) -> Request {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }
    /// With a time as a query parameter, behind the others: milliseconds since 1970, and never longer ago than `reach`
    /// milliseconds at the moment when the request, which has to be signed or keyed, is admitted. For exchanges that refuse to be asked further back.
    #[must_use]
    pub fn query_since(mut self, name: &'static str, since: i64, reach: i64) -> Request {
        self.times.push(BoundedTime { name, since, reach });
        self
    }
    /// With a header.
    #[must_use]
    pub fn header(mut self, name: impl Into<Cow<'static, str>>, value: impl Display) -> Request {
        self.headers.push((name.into(), value.to_string()));
        self
    }
    /// With a body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Request {
        self.body = body.into();
        self
    }
    /// With a JSON body.
    #[must_use]
    pub fn json(self, body: &impl serde::Serialize) -> Request {
        let body = serde_json::to_vec(body).unwrap_or_default();
        self.header("Content-Type", "application/json").body(body)
    }
    /// With the key's id, and no signature.
    #[must_use]
    pub fn with_key(mut self) -> Request {
        self.authentication = Authentication::Key;
        self
    }
    /// Signed.
    #[must_use]
    pub fn signed(mut self) -> Request {
        self.authentication = Authentication::Signed;
        self
    }

    /// The endpoint's id.
    #[must_use]
    pub const fn endpoint(&self) -> &'static str {
        self.endpoint
    }
    /// What it needs of the credentials.
    #[must_use]
    pub const fn authentication(&self) -> Authentication {
        self.authentication
    }
    /// The path.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }
    /// The query as it will be sent, without the question mark.
    #[must_use]
    pub fn query_text(&self) -> &str {
        &self.query
    }
    /// The body as it will be sent.
    #[must_use]
    pub fn body_bytes(&self) -> &[u8] {
        &self.body
    }

    /// For [`Spot::authenticate`](crate::Spot::authenticate): adds a query parameter.
    pub fn add_query(&mut self, name: &str, value: impl Display) {
        parameter(&mut self.query, name, &value);
    }
    /// For [`Spot::authenticate`](crate::Spot::authenticate): adds a header; a placeholder may stand in its value.
    pub fn add_header(&mut self, name: impl Into<Cow<'static, str>>, value: impl Display) {
        self.headers.push((name.into(), value.to_string()));
    }
    /// For [`Spot::authenticate`](crate::Spot::authenticate): adds a recipe whose placeholder stands in a header.
    pub fn add_signature(&mut self, signature: Signature) {
        self.signatures.push(signature);
    }
    /// For [`Spot::authenticate`](crate::Spot::authenticate): adds a recipe, and its placeholder as the last query parameter.
    pub fn add_query_signature(&mut self, parameter: &str, signature: Signature) {
        if !self.query.is_empty() {
            self.query.push('&');
        }
        let _ = write!(self.query, "{parameter}=${{{}}}", signature.name());
        self.signatures.push(signature);
    }

    /// Writes the times down that depend on the moment.
    pub(crate) fn admitted_at(&mut self, moment: &Moment) {
        for time in std::mem::take(&mut self.times) {
            let oldest = moment.exchange_millis().saturating_sub(time.reach);
            self.add_query(time.name, time.since.max(oldest));
        }
    }

    pub(crate) const fn host(&self) -> &'static str {
        self.host
    }

    /// Emits the request.
    pub(crate) fn send(&self, op: u64, address: &str, out: &mut abi::Out<'_>) -> u32 {
        let mut url = String::with_capacity(address.len() + self.path.len() + self.query.len() + 1);
        url.push_str(address);
        url.push_str(&self.path);
        if !self.query.is_empty() {
            url.push('?');
            url.push_str(&self.query);
        }
        let headers: Vec<abi::Header<'_>> = self
            .headers
            .iter()
            .map(|(name, value)| abi::Header {
                name: name.as_ref().into(),
                value: value.as_str().into(),
            })
            .collect();
        with_signs(&self.signatures, |signs| {
            out.request(&abi::Request {
                op,
                endpoint: self.endpoint.into(),
                url: url.as_str().into(),
                headers: headers.as_slice().into(),
                body: self.body.as_slice().into(),
                signs: signs.into(),
                ext: [0; 4],
            })
        })
    }
}

/// A frame that asks something over a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub(crate) text: String,
    pub(crate) signatures: Vec<Signature>,
}

impl Frame {
    /// A text frame.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Frame {
        Frame {
            text: text.into(),
            signatures: Vec::new(),
        }
    }
    /// With a recipe whose placeholder stands in the text.
    #[must_use]
    pub fn signed(mut self, signature: Signature) -> Frame {
        self.signatures.push(signature);
        self
    }

    /// Emits the frame.
    pub(crate) fn send(&self, stream: u32, op: u64, endpoint: &str, out: &mut abi::Out<'_>) -> u32 {
        with_signs(&self.signatures, |signs| {
            out.send(&abi::StreamSend {
                stream,
                kind: abi::frame_kind::TEXT,
                op,
                endpoint: endpoint.into(),
                frame: self.text.as_bytes().into(),
                signs: signs.into(),
                ext: [0; 4],
            })
        })
    }
}

/// Builds a [`Frame`] of a request id and the moment of its admission.
type BuildFrame = Box<dyn Fn(u64, &Moment) -> Frame + Send>;

/// A request over a stream, whose answer carries the id that it was built with.
pub struct Call {
    pub(crate) endpoint: &'static str,
    pub(crate) build: BuildFrame,
}

impl Call {
    /// A request to the endpoint (of transport `send`) that the manifest calls `endpoint`. `build` gets the id that the
    /// answer must carry.
    #[must_use]
    pub fn to(endpoint: &'static str, build: impl Fn(u64, &Moment) -> Frame + Send + 'static) -> Call {
        Call {
            endpoint,
            build: Box::new(build),
        }
    }
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Call to {}", self.endpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::Request;

    #[test]
    fn a_query_is_percent_encoded_once() {
        let request = Request::to("x", "/x")
            .query("symbol", "１２３４５６")
            .query_some("none", None::<u32>)
            .query("odd", "a b+c/@~");
        assert_eq!(
            request.query_text(),
            "symbol=%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96&odd=a%20b%2Bc%2F%40~"
        );
    }
}
