//! The REST door: routes, limits, signatures, headers. Source: Binance, REST API page.

use super::call::{Call, check_names};
use super::exchange::Exchange;
use super::operation::{Operation, Security};
use super::render::TimeUnit;
use crate::config::KeyPermission;
use crate::identity::AccountId;
use crate::time::Timestamp;
use crate::wire::auth;
use crate::wire::error::ApiError;
use crate::wire::params::Params;
use crate::wire::transport::{HttpRequest, HttpResponse};

const JSON: &str = "application/json;charset=UTF-8";

impl Exchange {
    /// Answers a REST request.
    pub fn http(&mut self, request: &HttpRequest, now: Timestamp) -> HttpResponse {
        self.advance(now);
        if request.path.starts_with("/api/v3/userDataStream") || request.path.starts_with("/api/v1/") {
            // Retired on 2026-02-20 and 2026-03-25; the front servers answer, and not in JSON.
            return HttpResponse::html(410, "Gone");
        }
        let Some(operation) = Operation::of_route(request.method, &request.path) else {
            return HttpResponse::html(404, "Not Found");
        };
        let params = Params::from_form(&request.query, &request.body);
        let weight = operation.weight(params.as_ref().unwrap_or(&Params::default()));
        let outcome = self.limits.charge(request.peer, weight, self.now).and_then(|()| {
            let params = params?;
            let unit = time_unit(request)?;
            check_names(operation, &params, &[])?;
            let account = self.authorize(operation, request, &params)?;
            let reply = self.execute(
                operation,
                &Call {
                    params: &params,
                    account,
                    unit,
                },
            );
            if let Ok(reply) = &reply {
                self.refund_weight(request.peer, operation, weight, reply);
            }
            reply.map(|reply| (reply, account))
        });
        let mut response = match &outcome {
            Ok((reply, _)) => HttpResponse {
                status: 200,
                headers: Vec::new(),
                body: reply.to_string(),
            },
            Err(error) => self.error_response(error),
        };
        response.headers.push(("Content-Type", JSON.to_owned()));
        let used = self.limits.used_weight(request.peer, self.now).to_string();
        response.headers.push(("X-MBX-USED-WEIGHT", used.clone()));
        response.headers.push(("X-MBX-USED-WEIGHT-1M", used));
        if let (Ok((_, Some(account))), true) = (&outcome, operation.counts_orders()) {
            let (ten_seconds, day) = self.limits.order_counts(*account, self.now);
            response
                .headers
                .push(("X-MBX-ORDER-COUNT-10S", ten_seconds.to_string()));
            response.headers.push(("X-MBX-ORDER-COUNT-1D", day.to_string()));
        }
        response
    }

    fn error_response(&self, error: &ApiError) -> HttpResponse {
        let mut headers = Vec::new();
        if let Some(retry_at) = error.retry_at {
            headers.push(("Retry-After", retry_at.since(self.now).secs_ceil().max(1).to_string()));
        }
        HttpResponse {
            status: error.status,
            headers,
            body: error.body().to_string(),
        }
    }

    /// The account behind a signed request; `None` for public operations.
    fn authorize(
        &self,
        operation: Operation,
        request: &HttpRequest,
        params: &Params,
    ) -> Result<Option<AccountId>, ApiError> {
        let permission = match operation.security() {
            Security::None => return Ok(None),
            Security::Session => return Err(ApiError::rejected_key()),
            Security::UserData => KeyPermission::ReadOnly,
            Security::Trade => KeyPermission::Trade,
        };
        auth::authorize(&self.keys, request, params, permission, self.now).map(Some)
    }
}

fn time_unit(request: &HttpRequest) -> Result<TimeUnit, ApiError> {
    let Some(text) = request.header("X-MBX-TIME-UNIT") else {
        return Ok(TimeUnit::default());
    };
    TimeUnit::parse(text).ok_or_else(bad_time_unit)
}

/// -1194.
pub(super) fn bad_time_unit() -> ApiError {
    ApiError::bad(
        -1194,
        "Invalid value for time unit; expected either MICROSECOND or MILLISECOND.",
    )
}
