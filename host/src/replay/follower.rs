//! Who may follow a replay beside its digest: an export, a count. It changes nothing, but it may end it.

use colibri_desk::{Observer, Unobserved};
use colibri_driver::HostTime;
use colibri_record::RunSetup;

use crate::exit::ExitError;

/// Follows a replay: told of each input before it is posted and, as an [`Observer`], of what comes of it.
pub trait Follower: Observer {
    /// The desk has been made again, from this.
    fn begins(&mut self, setup: &RunSetup) {
        let _ = setup;
    }

    /// An input is about to be posted: its number, counted from 1, and the time at which it was recorded.
    ///
    /// # Errors
    /// Whatever the follower cannot go on with; the replay ends with it.
    fn input(&mut self, number: u64, time: HostTime) -> Result<(), ExitError> {
        let _ = (number, time);
        Ok(())
    }

    /// Everything up to here is what was recorded: a mark has the same digest.
    ///
    /// # Errors
    /// As [`Follower::input`].
    fn same(&mut self) -> Result<(), ExitError> {
        Ok(())
    }
}

impl Follower for Unobserved {}
