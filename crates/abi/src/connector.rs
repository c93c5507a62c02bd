//! One connector instance: the trait that a library implements, its vtable, and the host's safe handle.

use std::marker::PhantomData;

use abi_stable::StableAbi;
use abi_stable::prefix_type::WithMetadata;
use abi_stable::std_types::{RSlice, RStr};

use crate::panic::guard;
use crate::{Actions, Grant, Now, OrderOp, Out, Response, level};

/// A connector instance inside its library: a state machine that is handed one input at a time and emits actions.
pub trait Instance: Sized {
    /// A command of the standard: an operation, its kind, and the JSON of its payload.
    fn command(&mut self, now: Now, op: u64, kind: &str, payload: &[u8], out: &mut Out<'_>);
    /// Order operations, each admitted already.
    fn orders(&mut self, now: Now, ops: &[OrderOp], out: &mut Out<'_>);
    /// An operation that was wanted has been admitted.
    fn granted(&mut self, now: Now, grant: &Grant, out: &mut Out<'_>);
    /// The answer to an operation's HTTP request.
    fn response(&mut self, now: Now, response: &Response<'_>, out: &mut Out<'_>);
    /// The host has ended an operation by itself (deadline, nothing sent, connection lost): forget it. `outcome` is one of
    /// [`outcome_kind`](crate::outcome_kind).
    fn ended(&mut self, now: Now, op: u64, outcome: u32, out: &mut Out<'_>);
    /// A stream's handshake is done.
    fn stream_opened(&mut self, now: Now, stream: u32, out: &mut Out<'_>);
    /// A frame has arrived; `kind` is one of [`frame_kind`](crate::frame_kind).
    fn frame(&mut self, now: Now, stream: u32, kind: u32, bytes: &[u8], out: &mut Out<'_>);
    /// A stream is closed, or could not be opened.
    fn stream_closed(&mut self, now: Now, stream: u32, code: u32, reason: &str, out: &mut Out<'_>);
    /// A timer has come due.
    fn timer(&mut self, now: Now, timer: u64, out: &mut Out<'_>);
    /// Emit the state that a later instance could start from.
    fn snapshot(&mut self, out: &mut Out<'_>);
}

/// What a connector's function answers.
pub(crate) mod status {
    pub const OK: u32 = 0;
    pub const PANICKED: u32 = 1;
}

/// A connector's functions. Appended to, never changed.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = ConnectorVtableRef, prefix_fields = ConnectorVtablePrefix)))]
#[sabi(missing_field(option))]
pub struct ConnectorVtable {
    command: extern "C" fn(*mut (), &Now, u64, RStr<'_>, RSlice<'_, u8>, &mut Out<'_>) -> u32,
    orders: extern "C" fn(*mut (), &Now, RSlice<'_, OrderOp>, &mut Out<'_>) -> u32,
    granted: extern "C" fn(*mut (), &Now, &Grant, &mut Out<'_>) -> u32,
    response: extern "C" fn(*mut (), &Now, &Response<'_>, &mut Out<'_>) -> u32,
    ended: extern "C" fn(*mut (), &Now, u64, u32, &mut Out<'_>) -> u32,
    stream_opened: extern "C" fn(*mut (), &Now, u32, &mut Out<'_>) -> u32,
    frame: extern "C" fn(*mut (), &Now, u32, u32, RSlice<'_, u8>, &mut Out<'_>) -> u32,
    stream_closed: extern "C" fn(*mut (), &Now, u32, u32, RStr<'_>, &mut Out<'_>) -> u32,
    timer: extern "C" fn(*mut (), &Now, u64, &mut Out<'_>) -> u32,
    snapshot: extern "C" fn(*mut (), &mut Out<'_>) -> u32,
    #[sabi(last_prefix_field)]
    destroy: extern "C" fn(*mut ()),
}

struct Trampolines<I>(PhantomData<I>);

/// Calls a method of the instance behind a vtable's first argument, with panics caught and logged.
fn call<I: Instance>(this: *mut (), out: &mut Out<'_>, method: impl FnOnce(&mut I, &mut Out<'_>)) -> u32 {
    // SAFETY: `this` is the box that `leak::<I>` made, and the vtable that holds this instantiation was made with it; the
    // host calls one function of an instance at a time, from one thread, and none after `destroy`.
    let instance = unsafe { &mut *this.cast::<I>() };
    let mut inner = *out;
    match guard(|| method(instance, &mut inner)) {
        Ok(()) => status::OK,
        Err(text) => {
            out.log(level::ERROR, &format!("the connector panicked: {text}"));
            status::PANICKED
        }
    }
}

impl<I: Instance> Trampolines<I> {
    extern "C" fn command(
        this: *mut (),
        now: &Now,
        op: u64,
        kind: RStr<'_>,
        payload: RSlice<'_, u8>,
        out: &mut Out<'_>,
    ) -> u32 {
        call::<I>(this, out, |i, o| {
            i.command(*now, op, kind.as_str(), payload.as_slice(), o)
        })
    }
    extern "C" fn orders(this: *mut (), now: &Now, ops: RSlice<'_, OrderOp>, out: &mut Out<'_>) -> u32 {
        call::<I>(this, out, |i, o| i.orders(*now, ops.as_slice(), o))
    }
    extern "C" fn granted(this: *mut (), now: &Now, grant: &Grant, out: &mut Out<'_>) -> u32 {
        call::<I>(this, out, |i, o| i.granted(*now, grant, o))
    }
    extern "C" fn response(this: *mut (), now: &Now, response: &Response<'_>, out: &mut Out<'_>) -> u32 {
        call::<I>(this, out, |i, o| i.response(*now, response, o))
    }
    extern "C" fn ended(this: *mut (), now: &Now, op: u64, outcome: u32, out: &mut Out<'_>) -> u32 {
        call::<I>(this, out, |i, o| i.ended(*now, op, outcome, o))
    }
    extern "C" fn stream_opened(this: *mut (), now: &Now, stream: u32, out: &mut Out<'_>) -> u32 {
        call::<I>(this, out, |i, o| i.stream_opened(*now, stream, o))
    }
    extern "C" fn frame(
        this: *mut (),
        now: &Now,
        stream: u32,
        kind: u32,
        bytes: RSlice<'_, u8>,
        out: &mut Out<'_>,
    ) -> u32 {
        call::<I>(this, out, |i, o| i.frame(*now, stream, kind, bytes.as_slice(), o))
    }
    extern "C" fn stream_closed(
        this: *mut (),
        now: &Now,
        stream: u32,
        code: u32,
        reason: RStr<'_>,
        out: &mut Out<'_>,
    ) -> u32 {
        call::<I>(this, out, |i, o| {
            i.stream_closed(*now, stream, code, reason.as_str(), o)
        })
    }
    extern "C" fn timer(this: *mut (), now: &Now, timer: u64, out: &mut Out<'_>) -> u32 {
        call::<I>(this, out, |i, o| i.timer(*now, timer, o))
    }
    extern "C" fn snapshot(this: *mut (), out: &mut Out<'_>) -> u32 {
        call::<I>(this, out, |i, o| i.snapshot(o))
    }
    extern "C" fn destroy(this: *mut ()) {
        // A panicking destructor leaks what is left: there is nobody to tell.
        let _ = guard(|| {
            // SAFETY: `this` is the box that `leak::<I>` made; the host calls `destroy` once, last.
            drop(unsafe { Box::from_raw(this.cast::<I>()) });
        });
    }

    const WITH_METADATA: &'static WithMetadata<ConnectorVtable> = &WithMetadata::new(ConnectorVtable {
        command: Self::command,
        orders: Self::orders,
        granted: Self::granted,
        response: Self::response,
        ended: Self::ended,
        stream_opened: Self::stream_opened,
        frame: Self::frame,
        stream_closed: Self::stream_closed,
        timer: Self::timer,
        snapshot: Self::snapshot,
        destroy: Self::destroy,
    });
    const VTABLE: ConnectorVtableRef = ConnectorVtableRef(Self::WITH_METADATA.static_as_prefix());
}

/// Boxes an instance for the other side of the boundary.
pub(crate) fn leak<I: Instance + Send + 'static>(instance: I) -> (*mut (), ConnectorVtableRef) {
    (Box::into_raw(Box::new(instance)).cast(), Trampolines::<I>::VTABLE)
}

/// A connector's function panicked. The instance may be in any state: it must be dropped and made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault;

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connector panicked while it handled an input; it must be restarted")
    }
}

impl std::error::Error for Fault {}

/// The host's handle of a connector instance, in a library or linked in. Dropping it destroys the instance.
pub struct Connector {
    this: *mut (),
    vtable: ConnectorVtableRef,
}

// SAFETY: an instance is owned by one handle and never shared, and `leak` takes only an `I: Send`; the panic text is taken
// on the thread that panicked.
unsafe impl Send for Connector {}

fn checked(status: u32) -> Result<(), Fault> {
    if status == status::OK { Ok(()) } else { Err(Fault) }
}

impl Connector {
    /// A connector that is linked into this program: what a library does, without one (benches, tests).
    #[must_use]
    pub fn linked<I: Instance + Send + 'static>(instance: I) -> Connector {
        let (this, vtable) = leak(instance);
        Connector { this, vtable }
    }

    pub(crate) fn from_parts(this: *mut (), vtable: ConnectorVtableRef) -> Connector {
        Connector { this, vtable }
    }

    /// See [`Instance::command`].
    ///
    /// # Errors
    /// [`Fault`] where the connector panicked; so for every function here.
    pub fn command<A: Actions>(
        &mut self,
        now: Now,
        op: u64,
        kind: &str,
        payload: &[u8],
        a: &mut A,
    ) -> Result<(), Fault> {
        checked(self.vtable.command()(
            self.this,
            &now,
            op,
            kind.into(),
            payload.into(),
            &mut Out::new(a),
        ))
    }
    /// See [`Instance::orders`].
    #[expect(clippy::missing_errors_doc, reason = "stated once, at `command`")]
    pub fn orders<A: Actions>(&mut self, now: Now, ops: &[OrderOp], a: &mut A) -> Result<(), Fault> {
        checked(self.vtable.orders()(self.this, &now, ops.into(), &mut Out::new(a)))
    }
    /// See [`Instance::granted`].
    #[expect(clippy::missing_errors_doc, reason = "stated once, at `command`")]
    pub fn granted<A: Actions>(&mut self, now: Now, grant: &Grant, a: &mut A) -> Result<(), Fault> {
        checked(self.vtable.granted()(self.this, &now, grant, &mut Out::new(a)))
    }
    /// See [`Instance::response`].
    #[expect(clippy::missing_errors_doc, reason = "stated once, at `command`")]
    pub fn response<A: Actions>(&mut self, now: Now, response: &Response<'_>, a: &mut A) -> Result<(), Fault> {
        checked(self.vtable.response()(self.this, &now, response, &mut Out::new(a)))
    }
    /// See [`Instance::ended`].
    #[expect(clippy::missing_errors_doc, reason = "stated once, at `command`")]
    pub fn ended<A: Actions>(&mut self, now: Now, op: u64, outcome: u32, a: &mut A) -> Result<(), Fault> {
        checked(self.vtable.ended()(self.this, &now, op, outcome, &mut Out::new(a)))
    }
    /// See [`Instance::stream_opened`].
    #[expect(clippy::missing_errors_doc, reason = "stated once, at `command`")]
    pub fn stream_opened<A: Actions>(&mut self, now: Now, stream: u32, a: &mut A) -> Result<(), Fault> {
        checked(self.vtable.stream_opened()(self.this, &now, stream, &mut Out::new(a)))
    }
    /// See [`Instance::frame`].
    #[expect(clippy::missing_errors_doc, reason = "stated once, at `command`")]
    pub fn frame<A: Actions>(
        &mut self,
        now: Now,
        stream: u32,
        kind: u32,
        bytes: &[u8],
        a: &mut A,
    ) -> Result<(), Fault> {
        checked(self.vtable.frame()(
            self.this,
            &now,
            stream,
            kind,
            bytes.into(),
            &mut Out::new(a),
        ))
    }
    /// See [`Instance::stream_closed`].
    #[expect(clippy::missing_errors_doc, reason = "stated once, at `command`")]
    pub fn stream_closed<A: Actions>(
        &mut self,
        now: Now,
        stream: u32,
        code: u32,
        reason: &str,
        a: &mut A,
    ) -> Result<(), Fault> {
        checked(self.vtable.stream_closed()(
            self.this,
            &now,
            stream,
            code,
            reason.into(),
            &mut Out::new(a),
        ))
    }
    /// See [`Instance::timer`].
    #[expect(clippy::missing_errors_doc, reason = "stated once, at `command`")]
    pub fn timer<A: Actions>(&mut self, now: Now, timer: u64, a: &mut A) -> Result<(), Fault> {
        checked(self.vtable.timer()(self.this, &now, timer, &mut Out::new(a)))
    }
    /// See [`Instance::snapshot`].
    #[expect(clippy::missing_errors_doc, reason = "stated once, at `command`")]
    pub fn snapshot<A: Actions>(&mut self, a: &mut A) -> Result<(), Fault> {
        checked(self.vtable.snapshot()(self.this, &mut Out::new(a)))
    }
}

impl Drop for Connector {
    fn drop(&mut self) {
        self.vtable.destroy()(self.this);
    }
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connector")
    }
}
