//! Text that is wiped when it is dropped, and that nothing prints.

use std::fmt;

use zeroize::Zeroizing;

/// A secret. It has no `Display`, is not serialised and not cloned; its `Debug` is `[secret]`; its memory is overwritten
/// when it is dropped.
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a text over. Copies of it that the caller made stay where they are: make none.
    #[must_use]
    pub fn new(text: String) -> Secret {
        Secret(Zeroizing::new(text))
    }

    /// The text, for the one place that signs or sends it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}
