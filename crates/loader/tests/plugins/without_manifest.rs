//! A shared library that is no connector library.

#![allow(missing_docs)]

/// Something to export.
///
/// `no_mangle` needs `unsafe`: the name must be used once.
// SAFETY: no other symbol of this name is linked into the fixture.
#[unsafe(no_mangle)]
pub extern "C" fn colibri_test_answer() -> u32 {
    42
}
