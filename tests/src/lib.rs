//! What the tests of Colibri as a whole share: the workspace on disk, its sources, and the files that it builds.
//!
//! What lives here: finding, reading and building. What must not live here: rules (each is a test in `tests/tests/`) and
//! anything that only one test needs. The package is never shipped.

pub mod built;
pub mod source;
pub mod workspace;
