//! Commands about one connector library: look at it, drive it by hand, run a recorded capture through it.
//!
//! What lives here: the doors by which one connector is used alone, without an engine and without a network. What must not
//! live here: trading, sockets, and anything that an exchange's name decides.

mod drive;
mod inspect;
mod opened;
mod replay;

use std::io::{self, ErrorKind, Write};

pub use drive::input::{InputError, parse as parse_input};
pub use drive::{Door, DriveArgs, drive};
pub use inspect::{InspectArgs, inspect};
pub use opened::{Opened, OpenedArgs};
pub use replay::{
    Capture, CaptureError, Checkpoint, ReplayArgs, ReplayReport, TextLevel, replay, run as replay_capture,
};

/// Writes to standard output and flushes it; `false` where whoever read has left, which is how a pipeline ends.
fn write_out(text: &str) -> io::Result<bool> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        other => other.map(|()| true),
    }
}
