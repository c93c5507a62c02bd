//! What a connector emits while it handles one input: the host's callbacks.
//!
//! The host implements [`Actions`]; a connector sees [`Out`]. A callback never panics across the boundary: a panic in
//! the host's implementation is caught and answered with [`accepted::REFUSED`].

use std::marker::PhantomData;

use abi_stable::StableAbi;
use abi_stable::prefix_type::WithMetadata;
use abi_stable::std_types::{RSlice, RStr};

use crate::panic::guard;
use crate::{BookBatch, Request, StreamOpen, StreamSend, TopOfBook, TradeBatch};

/// What a callback answers.
pub mod accepted {
    /// Taken.
    pub const YES: u32 = 0;
    /// Not taken: over a bound, or against the manifest. For a request or a frame this is evidence that nothing was sent.
    pub const REFUSED: u32 = 1;
}

/// Log levels.
pub mod level {
    /// Something is broken.
    pub const ERROR: u32 = 1;
    /// Something is odd and was handled.
    pub const WARN: u32 = 2;
    /// What an operator wants to know.
    pub const INFO: u32 = 3;
    /// What an author wants to know.
    pub const DEBUG: u32 = 4;
}

/// What the host does with each action of a connector. Every method answers one of [`accepted`].
pub trait Actions {
    /// Asks that `op` may use `endpoint`; `granted` follows when the limiter has room.
    fn want(&mut self, op: u64, endpoint: &str) -> u32;
    /// Signs and sends an HTTP request for a granted operation.
    fn request(&mut self, request: &Request<'_>) -> u32;
    /// Opens a stream.
    fn open(&mut self, open: &StreamOpen<'_>) -> u32;
    /// Signs and sends a frame.
    fn send(&mut self, send: &StreamSend<'_>) -> u32;
    /// Closes a stream with a WebSocket close code.
    fn close(&mut self, stream: u32, code: u32) -> u32;
    /// Sets (or moves) a timer to a monotonic time; zero clears it.
    fn set_timer(&mut self, timer: u64, at_mono_ns: u64) -> u32;
    /// A book snapshot or change.
    fn book(&mut self, batch: &BookBatch<'_>) -> u32;
    /// Public trades.
    fn trades(&mut self, batch: &TradeBatch<'_>) -> u32;
    /// Best bid and ask.
    fn top(&mut self, top: &TopOfBook) -> u32;
    /// A cold event: JSON of the standard, its kind beside it.
    fn event(&mut self, kind: &str, payload: &[u8]) -> u32;
    /// Ends an operation: an outcome kind and the JSON of its detail.
    fn complete(&mut self, op: u64, outcome: u32, detail: &[u8]) -> u32;
    /// A line for the log.
    fn log(&mut self, level: u32, text: &str) -> u32;
    /// The connector's state, as the bytes that `create` accepts back.
    fn snapshot(&mut self, state: &[u8]) -> u32;
}

/// The host's callbacks as function pointers. Appended to, never changed.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = OutVtableRef, prefix_fields = OutVtablePrefix)))]
#[sabi(missing_field(option))]
pub struct OutVtable {
    want: extern "C" fn(*mut (), u64, RStr<'_>) -> u32,
    request: extern "C" fn(*mut (), &Request<'_>) -> u32,
    open: extern "C" fn(*mut (), &StreamOpen<'_>) -> u32,
    send: extern "C" fn(*mut (), &StreamSend<'_>) -> u32,
    close: extern "C" fn(*mut (), u32, u32) -> u32,
    set_timer: extern "C" fn(*mut (), u64, u64) -> u32,
    book: extern "C" fn(*mut (), &BookBatch<'_>) -> u32,
    trades: extern "C" fn(*mut (), &TradeBatch<'_>) -> u32,
    top: extern "C" fn(*mut (), &TopOfBook) -> u32,
    event: extern "C" fn(*mut (), RStr<'_>, RSlice<'_, u8>) -> u32,
    complete: extern "C" fn(*mut (), u64, u32, RSlice<'_, u8>) -> u32,
    log: extern "C" fn(*mut (), u32, RStr<'_>) -> u32,
    #[sabi(last_prefix_field)]
    snapshot: extern "C" fn(*mut (), RSlice<'_, u8>) -> u32,
}

/// Where a connector emits to, for the length of one call.
#[repr(C)]
#[derive(StableAbi, Clone, Copy)]
pub struct Out<'a> {
    context: *mut (),
    vtable: OutVtableRef,
    borrowed: PhantomData<&'a ()>,
}

impl<'a> Out<'a> {
    /// An output that calls `actions`.
    pub fn new<A: Actions>(actions: &'a mut A) -> Out<'a> {
        Out {
            context: std::ptr::from_mut(actions).cast(),
            vtable: Trampolines::<A>::VTABLE,
            borrowed: PhantomData,
        }
    }

    /// See [`Actions::want`].
    pub fn want(&mut self, op: u64, endpoint: &str) -> u32 {
        self.vtable.want()(self.context, op, endpoint.into())
    }
    /// See [`Actions::request`].
    pub fn request(&mut self, request: &Request<'_>) -> u32 {
        self.vtable.request()(self.context, request)
    }
    /// See [`Actions::open`].
    pub fn open(&mut self, open: &StreamOpen<'_>) -> u32 {
        self.vtable.open()(self.context, open)
    }
    /// See [`Actions::send`].
    pub fn send(&mut self, send: &StreamSend<'_>) -> u32 {
        self.vtable.send()(self.context, send)
    }
    /// See [`Actions::close`].
    pub fn close(&mut self, stream: u32, code: u32) -> u32 {
        self.vtable.close()(self.context, stream, code)
    }
    /// See [`Actions::set_timer`].
    pub fn set_timer(&mut self, timer: u64, at_mono_ns: u64) -> u32 {
        self.vtable.set_timer()(self.context, timer, at_mono_ns)
    }
    /// See [`Actions::book`].
    pub fn book(&mut self, batch: &BookBatch<'_>) -> u32 {
        self.vtable.book()(self.context, batch)
    }
    /// See [`Actions::trades`].
    pub fn trades(&mut self, batch: &TradeBatch<'_>) -> u32 {
        self.vtable.trades()(self.context, batch)
    }
    /// See [`Actions::top`].
    pub fn top(&mut self, top: &TopOfBook) -> u32 {
        self.vtable.top()(self.context, top)
    }
    /// See [`Actions::event`].
    pub fn event(&mut self, kind: &str, payload: &[u8]) -> u32 {
        self.vtable.event()(self.context, kind.into(), payload.into())
    }
    /// See [`Actions::complete`].
    pub fn complete(&mut self, op: u64, outcome: u32, detail: &[u8]) -> u32 {
        self.vtable.complete()(self.context, op, outcome, detail.into())
    }
    /// See [`Actions::log`].
    pub fn log(&mut self, level: u32, text: &str) -> u32 {
        self.vtable.log()(self.context, level, text.into())
    }
    /// See [`Actions::snapshot`].
    pub fn snapshot(&mut self, state: &[u8]) -> u32 {
        self.vtable.snapshot()(self.context, state.into())
    }
}

struct Trampolines<A>(PhantomData<A>);

/// Calls a method of the `Actions` behind an `Out`'s context.
fn call<A: Actions>(context: *mut (), method: impl FnOnce(&mut A) -> u32) -> u32 {
    // SAFETY: `context` comes from `Out::new::<A>`, which borrows the `A` mutably for as long as the `Out` lives, and the
    // vtable that holds this very instantiation was paired with it there; callbacks are not re-entered, because no
    // method of `Actions` calls a connector.
    let actions = unsafe { &mut *context.cast::<A>() };
    guard(|| method(actions)).unwrap_or(accepted::REFUSED)
}

impl<A: Actions> Trampolines<A> {
    extern "C" fn want(context: *mut (), op: u64, endpoint: RStr<'_>) -> u32 {
        call::<A>(context, |a| a.want(op, endpoint.as_str()))
    }
    extern "C" fn request(context: *mut (), request: &Request<'_>) -> u32 {
        call::<A>(context, |a| a.request(request))
    }
    extern "C" fn open(context: *mut (), open: &StreamOpen<'_>) -> u32 {
        call::<A>(context, |a| a.open(open))
    }
    extern "C" fn send(context: *mut (), send: &StreamSend<'_>) -> u32 {
        call::<A>(context, |a| a.send(send))
    }
    extern "C" fn close(context: *mut (), stream: u32, code: u32) -> u32 {
        call::<A>(context, |a| a.close(stream, code))
    }
    extern "C" fn set_timer(context: *mut (), timer: u64, at_mono_ns: u64) -> u32 {
        call::<A>(context, |a| a.set_timer(timer, at_mono_ns))
    }
    extern "C" fn book(context: *mut (), batch: &BookBatch<'_>) -> u32 {
        call::<A>(context, |a| a.book(batch))
    }
    extern "C" fn trades(context: *mut (), batch: &TradeBatch<'_>) -> u32 {
        call::<A>(context, |a| a.trades(batch))
    }
    extern "C" fn top(context: *mut (), top: &TopOfBook) -> u32 {
        call::<A>(context, |a| a.top(top))
    }
    extern "C" fn event(context: *mut (), kind: RStr<'_>, payload: RSlice<'_, u8>) -> u32 {
        call::<A>(context, |a| a.event(kind.as_str(), payload.as_slice()))
    }
    extern "C" fn complete(context: *mut (), op: u64, outcome: u32, detail: RSlice<'_, u8>) -> u32 {
        call::<A>(context, |a| a.complete(op, outcome, detail.as_slice()))
    }
    extern "C" fn log(context: *mut (), level: u32, text: RStr<'_>) -> u32 {
        call::<A>(context, |a| a.log(level, text.as_str()))
    }
    extern "C" fn snapshot(context: *mut (), state: RSlice<'_, u8>) -> u32 {
        call::<A>(context, |a| a.snapshot(state.as_slice()))
    }

    const WITH_METADATA: &'static WithMetadata<OutVtable> = &WithMetadata::new(OutVtable {
        want: Self::want,
        request: Self::request,
        open: Self::open,
        send: Self::send,
        close: Self::close,
        set_timer: Self::set_timer,
        book: Self::book,
        trades: Self::trades,
        top: Self::top,
        event: Self::event,
        complete: Self::complete,
        log: Self::log,
        snapshot: Self::snapshot,
    });
    const VTABLE: OutVtableRef = OutVtableRef(Self::WITH_METADATA.static_as_prefix());
}
