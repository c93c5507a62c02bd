//! The boundary between the host and a connector library: vtables, plain values and raw slices.
//!
//! What lives here: everything that both sides must agree on byte for byte, and the only code that turns it into safe
//! Rust ([`Connector`] for the host, [`Instance`] and [`export_plugin!`] for a library, [`Actions`] and [`Out`] for what
//! a connector emits). What must not live here: exchange rules, JSON, clocks, sockets, and any type that comes from
//! another crate than `abi_stable`.
//!
//! Two paths cross the boundary, because they change at different speeds. The *hot* path (market data out, orders in)
//! is made of `repr(C)` values of which every bit pattern is valid, borrowed for one call and never owned by the other
//! side. The *cold* path is JSON whose kind travels beside the bytes, so that an unknown kind is skipped unparsed.
//!
//! The rules that every value here keeps:
//! - no `bool`, no Rust enum, no reference inside a hot value: an integer that the receiver does not know is refused;
//! - prices and quantities are `i64` mantissas whose decimal exponents stand once a batch: `value = mantissa × 10^exponent`;
//! - spare room is a field that keeps its name (`ext`) and is zero until an accessor gives it a meaning;
//! - functions are appended to a vtable, never changed, and an absent one reads as `None`.

mod connector;
mod export;
mod manifest;
mod market_data;
mod operation;
mod order_op;
mod order_terms;
mod out;
mod panic;
mod plugin;
mod text;
mod value;

pub use connector::{Connector, ConnectorVtable, ConnectorVtableRef, Fault, Instance};
pub use manifest::{MANIFEST_MAGIC, MANIFEST_SECTION, embed, parse_section};
pub use market_data::{BookBatch, Level, PublicTrade, TopOfBook, TradeBatch, book_flag, trade_flag};
pub use operation::{
    Header, PreimagePart, Request, Response, Sign, StreamOpen, StreamSend, encoding, frame_kind, inflate, key_encoding,
    outcome_kind, scheme, transform,
};
pub use order_op::{OrderOp, op_flag, op_kind, order_side, order_type, time_in_force};
pub use order_terms::{margin_mode, position_side};
pub use out::{Actions, Out, OutVtable, OutVtableRef, accepted, level};
pub use panic::install_hook;
pub use plugin::{Created, PluginRoot, PluginRootRef, create_guarded};
pub use text::Text48;
pub use value::{Grant, Now};

#[doc(hidden)]
pub mod reexport {
    //! What the expansion of [`export_plugin!`](crate::export_plugin) names.
    pub use abi_stable::library::{
        __call_root_module_loader, CheckTypeLayout, LibHeader, RootModule, RootModuleResult,
    };
    pub use abi_stable::prefix_type::{PrefixRefTrait, PrefixTypeTrait, WithMetadata};
    pub use abi_stable::std_types::{RErr, ROk, RResult, RSlice, RStr, RString};
}

pub use abi_stable::std_types::{RSlice, RStr, RString};

/// The major version of the boundary: a library of another major is refused.
pub const ABI_MAJOR: u32 = 1;
/// The minor version of the boundary: grows when a function is appended.
pub const ABI_MINOR: u32 = 0;
