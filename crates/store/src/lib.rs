//! What the host writes down and reads back: the journal of facts, and the history that is projected from it.
//!
//! [`journal`] is the truth: an append-only file that the engine thread writes. [`history`] is an SQLite database built
//! from it on the disk thread, for questions ([`query`]) and files ([`export`]); delete it and it is built again.
//!
//! What must not live here: decisions. Nothing in this crate changes an order, talks to an exchange or reads a secret.

pub mod export;
pub mod history;
pub mod journal;
pub mod query;
