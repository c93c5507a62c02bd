//! Requests between host and exchange: what becomes of them and of their answers.

use colibri_driver::simulated_transport::Answers;
use colibri_driver::{DriverIndex, HttpFailure, HttpRequest, HttpResponse, RequestId, TransportEvent};
use colibri_model::{Millis, MonoNs};

use super::ends::Denier;
use super::fault::{Fault, Place};
use super::spoil;
use super::wire;
use super::world::FaultyExchange;

/// A read denies an order that is younger than this, and repeats an answer that is younger than this.
const STALENESS: Millis = Millis(2_000);

impl FaultyExchange {
    /// Asks the exchange.
    pub(super) fn ask(&mut self, at: MonoNs, request: &HttpRequest) -> HttpResponse {
        let asked = wire::to_exchange(request);
        let now = self.timestamp(at);
        let answer = self.venue.http(&asked, now);
        if matches!(answer.status, 418 | 429) {
            let what = format!("{} {}: {}", request.method, asked.path, answer.body);
            self.limits_exceeded.push(what);
        }
        let answer = wire::to_host(answer);
        if request.method == "GET" {
            self.answered.retain(|_, (then, _)| at.since(*then) <= STALENESS);
            let question = wire::question(&asked);
            if asked.path.ends_with("/depth") && answer.status == 200 {
                self.snapshots.entry(question.clone()).or_insert_with(|| answer.clone());
            }
            self.note_denial(&asked, &answer, Denier::Exchange, at);
            self.answered.insert(question, (at, answer.clone()));
        } else {
            for name in ["newClientOrderId", "origClientOrderId", "clientAlgoId"] {
                if let Some(id) = wire::parameter(&asked, name) {
                    self.written.insert(id.to_owned(), at);
                }
            }
            self.written.retain(|_, then| at.since(*then) <= STALENESS);
        }
        answer
    }

    /// Remembers that the host was told that there is no such order.
    fn note_denial(
        &mut self,
        asked: &colibri_sim::binance::HttpRequest,
        answer: &HttpResponse,
        by: Denier,
        at: MonoNs,
    ) {
        if answer.status == 400
            && is_of_an_order(&asked.path)
            && String::from_utf8_lossy(&answer.body).contains("-2013")
            && let Some(id) = named(asked)
        {
            self.denials.add(id, by, at);
        }
    }

    /// What a replica that lags says, where it can say anything.
    fn ask_replica(&self, at: MonoNs, request: &HttpRequest) -> Option<HttpResponse> {
        let asked = wire::to_exchange(request);
        let old = self.answered.get(&wire::question(&asked));
        if let Some((_, answer)) = old.filter(|(then, _)| at.since(*then) <= STALENESS) {
            return Some(answer.clone());
        }
        let id = named(&asked)?;
        let then = self.written.get(id).filter(|_| is_of_an_order(&asked.path))?;
        (at.since(*then) <= STALENESS).then(|| HttpResponse {
            status: 400,
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: br#"{"code":-2013,"msg":"Order does not exist."}"#.to_vec(),
        })
    }

    pub(super) fn http(&mut self, at: MonoNs, driver: DriverIndex, request: &HttpRequest, answers: &mut Answers) {
        if let Some((outage, _)) = self.outage {
            return outage.answer(driver, request.id, answers);
        }
        let Some(fault) = self.armed_for(Place::Request) else {
            let answer = self.ask(at, request);
            return respond(answers, driver, request.id, Millis(0), answer);
        };
        if matches!(fault, Fault::StaleRead | Fault::SnapshotRepeated) {
            let old = match fault {
                Fault::StaleRead => self.ask_replica(at, request).filter(|_| request.method == "GET"),
                _ => self.snapshots.remove(&wire::question(&wire::to_exchange(request))),
            };
            let answer = match old {
                Some(answer) => {
                    self.note_denial(&wire::to_exchange(request), &answer, Denier::Replica, at);
                    self.strike(fault);
                    answer
                }
                None => {
                    // Waits for a read that can be old.
                    self.armed.push_back(fault);
                    self.ask(at, request)
                }
            };
            return respond(answers, driver, request.id, Millis(0), answer);
        }
        self.strike(fault);
        self.faulty_http(at, driver, request, fault, answers);
    }

    fn faulty_http(
        &mut self,
        at: MonoNs,
        driver: DriverIndex,
        request: &HttpRequest,
        fault: Fault,
        answers: &mut Answers,
    ) {
        let id = request.id;
        match fault {
            Fault::ConnectionRefused => {
                return answers.fail(driver, id, HttpFailure::NotSent("connection refused".to_owned()));
            }
            Fault::RequestLost => {
                return answers.fail(driver, id, HttpFailure::Unknown("connection reset".to_owned()));
            }
            Fault::RequestSwallowed => return,
            Fault::RequestDelayed => {
                let wait = Millis(300 + self.random.below(12_000));
                self.delayed.insert((at.plus(wait), driver, id), request.clone());
                return;
            }
            Fault::AnswerLost => {
                self.ask(at, request);
                return answers.fail(driver, id, HttpFailure::Unknown("connection reset".to_owned()));
            }
            Fault::AnswerSwallowed => {
                self.ask(at, request);
                return;
            }
            Fault::AnswerDelayed => {
                let answer = self.ask(at, request);
                let wait = Millis(500 + self.random.below(25_000));
                return respond(answers, driver, id, wait, answer);
            }
            _ => {}
        }
        let unknown = [
            r#"{"code":-1006,"msg":"An unexpected response was received from the message bus. Execution status unknown."}"#,
            r#"{"code":-1007,"msg":"Timeout waiting for response from backend server. Send status unknown; execution status unknown."}"#,
        ];
        let random = &mut self.random;
        let answer = match fault {
            Fault::Status400 => spoil::answer(
                400,
                &[r#"{"code":-1000,"msg":"An unknown error occurred while processing the request."}"#],
                random,
            ),
            Fault::Status401 => spoil::answer(
                401,
                &[r#"{"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}"#],
                random,
            ),
            Fault::Status403 => spoil::answer(403, &["{}"], random),
            Fault::Status404 => spoil::answer(404, &["{}"], random),
            Fault::Status418 => spoil::answer(
                418,
                &[r#"{"code":-1003,"msg":"Way too much request weight used; IP banned."}"#],
                random,
            ),
            Fault::Status429 => spoil::answer(
                429,
                &[r#"{"code":-1003,"msg":"Too much request weight used."}"#],
                random,
            ),
            Fault::Status408 => {
                let answer = spoil::answer(408, &unknown, random);
                if random.below(2) == 0 {
                    self.ask(at, request);
                }
                answer
            }
            Fault::Status5xx => {
                let status = [500, 502, 503, 504][usize::try_from(random.below(4)).unwrap_or(0)];
                spoil::answer(status, &unknown, random)
            }
            Fault::Status5xxExecuted => {
                let status = [500, 502, 503, 504][usize::try_from(random.below(4)).unwrap_or(0)];
                let answer = spoil::answer(status, &unknown, random);
                self.ask(at, request);
                answer
            }
            _ => {
                let mut answer = self.ask(at, request);
                let text = String::from_utf8_lossy(&answer.body).into_owned();
                answer.body = match fault {
                    Fault::AnswerTruncated => spoil::cut(&text, &mut self.random),
                    Fault::AnswerMalformed => text.replace(':', ";"),
                    Fault::AnswerHtml => "<html><body>Welcome</body></html>".to_owned(),
                    _ => spoil::with_unknown_members(&text),
                }
                .into_bytes();
                answer
            }
        };
        respond(answers, driver, id, Millis(0), answer);
    }
}

/// Whether a path is that of a question about one order or one trigger.
fn is_of_an_order(path: &str) -> bool {
    matches!(path, "/api/v3/order" | "/fapi/v1/order" | "/fapi/v1/algoOrder")
}

/// The order or the trigger that such a question is about.
fn named(asked: &colibri_sim::binance::HttpRequest) -> Option<&str> {
    wire::parameter(asked, "origClientOrderId").or_else(|| wire::parameter(asked, "clientAlgoId"))
}

/// Answers a request, so long after now.
pub(super) fn respond(
    answers: &mut Answers,
    driver: DriverIndex,
    request: RequestId,
    wait: Millis,
    answer: HttpResponse,
) {
    let result = Ok(answer);
    answers.send_after(wait, driver, TransportEvent::Http { request, result });
}
