//! The live screen: a terminal view of one bot.
//!
//! What lives here: a plain description of what is shown ([`ScreenState`]), how it is laid out ([`draw`]), and the
//! terminal that it is drawn on ([`Screen`]). What must not live here: anything that decides, and anything that reads the
//! engine; whoever owns the engine fills a [`ScreenState`]. Drawing writes to a terminal, which may block: not on the
//! engine's thread.

mod book;
mod draw;
mod figures;
mod log;
mod notation;
mod orders;
mod positions;
mod state;
mod terminal;

pub use draw::draw;
pub use state::{
    BookLadder, BookState, Counters, FillRow, LadderLevel, LogLevel, LogLine, OrderRow, Phase, PositionRow,
    ProfitAndLoss, ScreenState, SessionRow, TickFigures, VenueRow,
};
pub use terminal::{Key, Screen};

#[cfg(test)]
mod tests;
