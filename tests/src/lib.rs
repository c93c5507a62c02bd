//! What the tests of Colibri as a whole share: the workspace on disk, its sources, the files that it builds, the host
//! killed and started again, a proxy that breaks its connections, and a host beside very many instruments.
//!
//! What lives here: finding, reading, building, and starting what was built. What must not live here: rules (each is a test
//! in `tests/tests/`) and anything that only one test needs. The package is never shipped.

pub mod built;
pub mod crash;
pub mod fault_proxy;
pub mod scale;
pub mod source;
pub mod wire_faults;
pub mod workspace;
