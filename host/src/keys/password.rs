//! Where a password comes from: a file for machines, the terminal for people.

use std::path::Path;

use super::access;
use super::error::KeysError;
use super::secret::Secret;

/// Fewest characters of a new password. Guessing is slow (see `docs/keys.md`), but not slow enough for less.
const FEWEST_CHARACTERS: usize = 8;

/// The password: the first line of `file` where there is one, else asked for at the terminal with `prompt`.
///
/// # Errors
/// [`KeysError::Exposed`] where others may read the file; [`KeysError::Io`] without a terminal; [`KeysError::Password`]
/// where it is empty.
pub fn password(file: Option<&Path>, prompt: &str) -> Result<Secret, KeysError> {
    let password = match file {
        Some(file) => from_file(file)?,
        None => ask(prompt)?,
    };
    if password.expose().is_empty() {
        return Err(KeysError::Password("the password is empty"));
    }
    Ok(password)
}

/// A password for a new key file: as [`password`], but at the terminal it is asked for twice, and one that is too short
/// is refused.
///
/// # Errors
/// As [`password`]; [`KeysError::Password`] where the two differ, or for fewer than eight characters.
pub fn new_password(file: Option<&Path>) -> Result<Secret, KeysError> {
    let chosen = password(file, "A password for the new key file: ")?;
    if chosen.expose().chars().count() < FEWEST_CHARACTERS {
        return Err(KeysError::Password(
            "the password is too short: take eight characters or more",
        ));
    }
    if file.is_none() && ask("The same again: ")?.expose() != chosen.expose() {
        return Err(KeysError::Password("the two passwords differ; nothing was stored"));
    }
    Ok(chosen)
}

fn from_file(path: &Path) -> Result<Secret, KeysError> {
    let text = access::read(path).map_err(|error| match error {
        KeysError::NoFile { path } => KeysError::Io {
            what: "open the password file",
            path,
            source: std::io::ErrorKind::NotFound.into(),
        },
        other => other,
    })?;
    Ok(Secret::new(text.lines().next().unwrap_or_default().to_owned()))
}

fn ask(prompt: &str) -> Result<Secret, KeysError> {
    let typed = rpassword::prompt_password(prompt).map_err(KeysError::io("ask at", Path::new("the terminal")))?;
    Ok(Secret::new(typed))
}
