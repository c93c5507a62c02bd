//! What the command line reads from another program.

use colibri::connector::parse_input;
use serde::de::IgnoredAny;

use crate::input::lines;

/// Lines for `colibri connector drive`.
///
/// # Panics
/// Where a line that is not JSON has an effect, or a refusal does not say why.
pub fn drive_lines(data: &[u8]) {
    for line in lines(data) {
        match parse_input(line) {
            Ok(inputs) => {
                assert!(
                    serde_json::from_slice::<IgnoredAny>(line).is_ok(),
                    "what is not JSON was read as {inputs:?}"
                );
            }
            Err(error) => assert!(!error.to_string().is_empty(), "a refusal says why"),
        }
    }
}
