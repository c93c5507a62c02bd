//! HTTP: one request, one answer, and a true word about what was written.

use std::error::Error;
use std::time::Duration;

use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Client, Method, Proxy, Url, redirect, retry};

use super::TransportOptions;
use crate::{HttpFailure, HttpRequest, HttpResponse};

/// A client that does only what it is told.
pub(super) fn client(options: &TransportOptions) -> Result<Client, reqwest::Error> {
    let mut builder = Client::builder()
        .retry(retry::never())
        .redirect(redirect::Policy::none())
        .referer(false)
        .no_proxy()
        .tcp_nodelay(true)
        .connect_timeout(Duration::from_millis(options.connect_timeout.0))
        .tls_certs_merge(options.authorities.for_requests()?)
        .user_agent(&options.user_agent);
    if let Some(proxy) = &options.proxy {
        builder = builder.proxy(Proxy::all(format!("http://{}", proxy.as_str()))?);
    }
    builder.build()
}

/// An error's words and those of its causes. The URL, which may hold a signature, is left out.
fn words(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let more = inner.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = inner.source();
    }
    text
}

/// The URL, provided that it goes out as it was signed: a parser that would write its path or query otherwise is not asked to.
fn exact(text: &str) -> Result<Url, HttpFailure> {
    let url = Url::parse(text).map_err(|e| HttpFailure::NotSent(format!("the URL cannot be read: {e}")))?;
    let after_scheme = text.split_once("://").map_or("", |(_, rest)| rest);
    let wanted = &after_scheme[after_scheme.find(['/', '?']).unwrap_or(after_scheme.len())..];
    let mut written = url.path().to_owned();
    if let Some(query) = url.query() {
        written.push('?');
        written.push_str(query);
    }
    if written == wanted || written.strip_prefix('/') == Some(wanted) {
        Ok(url)
    } else {
        Err(HttpFailure::NotSent(
            "the URL holds characters that must be percent-encoded; signed text is not changed".to_owned(),
        ))
    }
}

/// Sends a request and reads its answer.
pub(super) async fn exchange(client: &Client, request: HttpRequest) -> Result<HttpResponse, HttpFailure> {
    let not_sent = |what: &str| HttpFailure::NotSent(what.to_owned());
    let request = if request.late.is_empty() {
        request
    } else {
        let completed = tokio::task::spawn_blocking(|| request.complete()).await;
        completed.map_err(|_| not_sent("its signature was not computed"))??
    };
    let limit = request.max_response;
    let method = Method::from_bytes(request.method.as_bytes()).map_err(|_| not_sent("the method is not one"))?;
    let mut outgoing = reqwest::Request::new(method, exact(&request.url)?);
    for (name, value) in &request.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| not_sent("a header name is not one"))?;
        let mut value = HeaderValue::from_str(value).map_err(|_| not_sent("a header value cannot be sent"))?;
        value.set_sensitive(true);
        outgoing.headers_mut().append(name, value);
    }
    if !request.body.is_empty() {
        *outgoing.body_mut() = Some(request.body.into());
    }
    let mut answer = client.execute(outgoing).await.map_err(|error| {
        // Name, route, TCP and TLS all come before the first byte of a request.
        if error.is_connect() || error.is_builder() {
            HttpFailure::NotSent(words(error))
        } else {
            HttpFailure::Unknown(words(error))
        }
    })?;
    if answer.content_length().is_some_and(|length| length > limit) {
        return Err(HttpFailure::TooLarge { limit });
    }
    let headers = answer
        .headers()
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        })
        .collect();
    let status = answer.status().as_u16();
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|e| HttpFailure::Unknown(words(e)))? {
        if (body.len() + chunk.len()) as u64 > limit {
            return Err(HttpFailure::TooLarge { limit });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(HttpResponse { status, headers, body })
}

#[cfg(test)]
mod tests {
    use super::exact;

    #[test]
    fn signed_text_goes_out_as_it_was_signed_or_not_at_all() {
        for good in [
            "https://api.example.com/order?symbol=%EF%BC%91&a=b%2Bc",
            "https://api.example.com:443/order?x=[1]",
            "http://127.0.0.1:8080?x=1",
            "http://127.0.0.1:8080",
        ] {
            assert!(exact(good).is_ok(), "{good}");
        }
        for bad in [
            "https://api.example.com/o?x=a b",
            "https://api.example.com/o?x=\"",
            "https://e.com/a/../b",
        ] {
            assert!(exact(bad).is_err(), "{bad}");
        }
    }
}
