//! An operation: a request and how its answer is read, in one value.

use std::fmt;

use colibri_abi as abi;
use colibri_standard::{Outcome, Refusal, RejectReason};
use serde::Deserialize;

use crate::json::{Object, elements};
use crate::{Call, Emit, Request, SessionPlan};

/// The answer to a request.
#[derive(Clone, Copy)]
pub struct Reply<'a> {
    pub(crate) status: u32,
    pub(crate) headers: &'a [abi::Header<'a>],
    pub(crate) body: &'a [u8],
    pub(crate) now: abi::Now,
}

impl<'a> Reply<'a> {
    /// The HTTP status. Of an answer over a stream, the one that it states, or 200.
    #[must_use]
    pub const fn status(&self) -> u32 {
        self.status
    }
    /// Whether the status is 2xx.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }
    /// A header's value, by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers
            .iter()
            .find(|h| h.name.as_str() == name)
            .map(|h| h.value.as_str())
    }
    /// The body.
    #[must_use]
    pub const fn body(&self) -> &'a [u8] {
        self.body
    }
    /// The exchange's clock when the answer came, nanoseconds since 1970.
    #[must_use]
    pub const fn exchange_ns(&self) -> i64 {
        self.now.exchange_ns
    }
    /// The body as an object.
    ///
    /// # Errors
    /// Unknown(unreadable_answer): the exchange has answered, nobody knows what.
    pub fn object(&self) -> Result<Object<'a>, Outcome> {
        Object::whole(self.body).map_err(|error| unreadable(&error))
    }
    /// The texts of the elements of the body, an array.
    ///
    /// # Errors
    /// Unknown(unreadable_answer), as for `object`.
    pub fn elements(&self) -> Result<Vec<&'a [u8]>, Outcome> {
        elements(self.body).map_err(|error| unreadable(&error))
    }
    /// The body as a type.
    ///
    /// # Errors
    /// Unknown(unreadable_answer), as for `object`.
    pub fn json<T: Deserialize<'a>>(&self) -> Result<T, Outcome> {
        serde_json::from_slice(self.body).map_err(|error| unreadable(&error))
    }
}

impl fmt::Debug for Reply<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply({}, {} bytes)", self.status, self.body.len())
    }
}

/// The outcome of an operation whose answer cannot be read.
#[must_use]
pub fn unreadable(error: &dyn fmt::Display) -> Outcome {
    Outcome::Unknown(Refusal::new(
        RejectReason::UnreadableAnswer,
        format!("the answer cannot be read: {error}"),
    ))
}

/// What follows when an answer has been read.
#[derive(Debug)]
pub enum Step {
    /// The operation is done.
    Done,
    /// Another request, such as the next page: admitted anew.
    Next(Operation),
    /// Only of a replace: what became of its halves. The sdk tells the `replace_result`; the operation is done where either
    /// half was.
    Replaced {
        /// The cancel.
        cancel: Outcome,
        /// The placement.
        place: Outcome,
    },
    /// Only of a batch: what became of each of its orders, in their order. An order that has no outcome here is Unknown.
    Items(Vec<Outcome>),
    /// Only in the operation that begins a session: the stream to open.
    Open(SessionPlan),
}

type Read = Box<dyn Fn(&Reply<'_>, &mut Emit<'_>) -> Result<Step, Outcome> + Send>;

/// How a request travels.
pub(crate) enum Carrier {
    Http(Request),
    Stream(Call),
}

/// A request and how its answer is read.
pub struct Operation {
    pub(crate) carrier: Carrier,
    pub(crate) read: Read,
    pub(crate) every_status: bool,
}

impl Operation {
    pub(crate) fn endpoint(&self) -> &'static str {
        match &self.carrier {
            Carrier::Http(request) => request.endpoint(),
            Carrier::Stream(call) => call.endpoint,
        }
    }
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Operation at {}", self.endpoint())
    }
}

/// An operation, or why the connector will not send it: told to the host as NotSent.
pub type Asked = Result<Operation, Refusal>;

impl Request {
    /// How a successful answer is read. Any other status is first told apart by
    /// [`Spot::refusal`](crate::Spot::refusal) and ends the operation. `read` may be called more than once: the host
    /// runs an operation again where its endpoint is idempotent.
    pub fn reads(
        self,
        read: impl Fn(&Reply<'_>, &mut Emit<'_>) -> Result<Step, Outcome> + Send + 'static,
    ) -> Operation {
        Operation {
            carrier: Carrier::Http(self),
            read: Box::new(read),
            every_status: false,
        }
    }

    /// How every answer is read, whatever its status: where a failure has parts.
    pub fn reads_every_status(
        self,
        read: impl Fn(&Reply<'_>, &mut Emit<'_>) -> Result<Step, Outcome> + Send + 'static,
    ) -> Operation {
        Operation {
            every_status: true,
            ..self.reads(read)
        }
    }
}

impl Call {
    /// How a successful answer is read, as [`Request::reads`].
    pub fn reads(
        self,
        read: impl Fn(&Reply<'_>, &mut Emit<'_>) -> Result<Step, Outcome> + Send + 'static,
    ) -> Operation {
        Operation {
            carrier: Carrier::Stream(self),
            read: Box::new(read),
            every_status: false,
        }
    }

    /// How every answer is read, as [`Request::reads_every_status`]: for connectors that tell answers as
    /// [`Heard::Reply`](crate::Heard::Reply).
    pub fn reads_every_status(
        self,
        read: impl Fn(&Reply<'_>, &mut Emit<'_>) -> Result<Step, Outcome> + Send + 'static,
    ) -> Operation {
        Operation {
            every_status: true,
            ..self.reads(read)
        }
    }
}

/// A refusal of what this connector cannot do.
#[must_use]
pub fn unsupported(what: &str) -> Refusal {
    Refusal::new(
        RejectReason::Unsupported,
        format!("this connector does not support {what}"),
    )
}
