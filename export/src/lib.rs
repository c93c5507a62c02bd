//! Recordings and histories as Parquet files, for pandas, polars and whatever else reads that format.
//!
//! What lives here: the columns, how values become them exactly, and who fills them. What must not live here: anything
//! that a bot needs while it runs, and a decision: what is exported is what a replay shows and what the history holds.
//!
//! A package of its own, outside the workspace: its dependencies are of no use to a trading host, and nobody who builds one
//! waits for them.

pub mod cli;
pub mod history;
pub mod market;
pub mod parquet_file;
pub mod row;
