//! The recordings of a bot.

use std::path::{Path, PathBuf};

use colibri_model::{Millis, WallNs};

use crate::exit::{Exit, ExitError};
use crate::{record, replay};

/// One recording, as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its folder.
    pub folder: PathBuf,
    /// Bytes of its files.
    pub bytes: u64,
    /// The time of its first input; `None` where it has none.
    pub began: Option<WallNs>,
    /// From its first input to its last.
    pub length: Millis,
    /// How many inputs it holds.
    pub inputs: u64,
    /// Why it is not whole, where it is not: what stands before that is.
    pub torn: Option<String>,
}

/// The recordings in a bot's folder, the oldest first. Each is read as a whole.
///
/// # Errors
/// The system refuses.
pub fn list(bot_folder: &Path) -> Result<Vec<Listed>, ExitError> {
    let kept = record::list(bot_folder).map_err(|error| {
        let text = format!("the recordings in {} cannot be listed: {error}", bot_folder.display());
        ExitError::new(Exit::Storage, text)
    })?;
    Ok(kept.into_iter().map(look).collect())
}

fn look(kept: record::Kept) -> Listed {
    let mut listed = Listed {
        folder: kept.folder,
        bytes: kept.bytes,
        began: None,
        length: Millis(0),
        inputs: 0,
        torn: None,
    };
    match replay::summary(&listed.folder) {
        Ok(summary) => {
            listed.began = summary.first.map(|time| time.wall);
            if let (Some(first), Some(last)) = (summary.first, summary.last) {
                listed.length = last.mono.since(first.mono);
            }
            listed.inputs = summary.inputs.values().sum();
            listed.torn = summary.torn;
        }
        Err(error) => listed.torn = Some(error.to_string()),
    }
    listed
}
