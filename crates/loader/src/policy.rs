//! What a connector library must not import. A connector is a state machine: it needs memory and arithmetic.
//!
//! This keeps honest libraries honest (a connector that opens a socket is told so before it runs); it is no fence against
//! malice, which the sandbox is.

use crate::LoadError;
use crate::file::{Binding, Inspected};

const SOCKETS: &str = "the host does all network I/O";
const THREADS: &str = "a connector runs on the thread that calls it";
const PROCESSES: &str = "a connector starts no process";
const RANDOM: &str = "randomness comes with the grant, so that a run can be replayed";
const LOADING: &str = "a connector loads no further code";

/// Imports that are refused, and why. Whole families are named by a trailing `*`.
pub const FORBIDDEN_IMPORTS: &[(&str, &str)] = &[
    ("socket", SOCKETS),
    ("socketpair", SOCKETS),
    ("connect", SOCKETS),
    ("bind", SOCKETS),
    ("listen", SOCKETS),
    ("accept", SOCKETS),
    ("accept4", SOCKETS),
    ("sendto", SOCKETS),
    ("sendmsg", SOCKETS),
    ("sendmmsg", SOCKETS),
    ("recvfrom", SOCKETS),
    ("recvmsg", SOCKETS),
    ("recvmmsg", SOCKETS),
    ("getaddrinfo", SOCKETS),
    ("gethostbyname*", SOCKETS),
    ("res_*", SOCKETS),
    ("pthread_create", THREADS),
    ("clone", THREADS),
    ("clone3", THREADS),
    ("fork", PROCESSES),
    ("vfork", PROCESSES),
    ("exec*", PROCESSES),
    ("fexecve", PROCESSES),
    ("posix_spawn*", PROCESSES),
    ("system", PROCESSES),
    ("popen", PROCESSES),
    ("ptrace", PROCESSES),
    ("getrandom", RANDOM),
    ("getentropy", RANDOM),
    ("arc4random*", RANDOM),
    ("dlopen", LOADING),
    ("dlmopen", LOADING),
];

/// Libraries that a connector may need: the C runtime in its pieces. Anything else could do what is forbidden above on
/// the connector's behalf.
const ALLOWED_DEPENDENCIES: &[&str] = &[
    "libc.so",
    "libm.so",
    "libgcc_s.so",
    "libpthread.so",
    "libdl.so",
    "librt.so",
    "ld-linux",
    "ld-musl",
    "ld64.so",
    "/usr/lib/libSystem",
    "/usr/lib/libiconv",
    "libSystem",
    "kernel32.dll",
    "ntdll.dll",
    "userenv.dll",
    "ws2_32.dll",
    "advapi32.dll",
    "bcryptprimitives.dll",
    "api-ms-win-",
    "vcruntime",
    "msvcrt.dll",
    "ucrtbase.dll",
];

/// Why an import is refused; `None` where it is allowed. A version after `@` is not part of the name.
#[must_use]
pub fn forbidden_import(symbol: &str) -> Option<&'static str> {
    let name = symbol.split('@').next().unwrap_or(symbol);
    FORBIDDEN_IMPORTS
        .iter()
        .find(|(pattern, _)| match pattern.strip_suffix('*') {
            Some(family) => name.starts_with(family),
            None => name == *pattern,
        })
        .map(|(_, why)| *why)
}

/// Whether a library that is needed is none of the C runtime's.
#[must_use]
pub fn foreign_dependency(library: &str) -> bool {
    let lower = library.to_ascii_lowercase();
    !ALLOWED_DEPENDENCIES
        .iter()
        .any(|allowed| lower.starts_with(&allowed.to_ascii_lowercase()))
}

/// Refuses a file whose imports or binding a connector has no use for.
pub(crate) fn check(file: &Inspected) -> Result<(), LoadError> {
    for import in &file.imports {
        if let Some(why) = forbidden_import(import) {
            return Err(LoadError::ForbiddenImport {
                path: file.path.clone(),
                import: import.clone(),
                why,
            });
        }
    }
    if let Some(library) = file.dependencies.iter().find(|d| foreign_dependency(d)) {
        return Err(LoadError::ForbiddenImport {
            path: file.path.clone(),
            import: library.clone(),
            why: "it may need the C runtime only",
        });
    }
    if file.binding == Binding::Lazy {
        return Err(LoadError::LazyBinding {
            path: file.path.clone(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{forbidden_import, foreign_dependency};

    #[test]
    fn families_and_versions_are_seen() {
        for bad in ["connect", "execve", "posix_spawnp", "getrandom@GLIBC_2.25", "fork"] {
            assert!(forbidden_import(bad).is_some(), "{bad}");
        }
        for good in [
            "memcpy",
            "malloc",
            "connected",
            "pthread_key_create",
            "syscall",
            "dlsym",
        ] {
            assert!(forbidden_import(good).is_none(), "{good}");
        }
    }

    #[test]
    fn only_the_c_runtime_may_be_needed() {
        for good in ["libc.so.6", "libgcc_s.so.1", "ld-linux-x86-64.so.2", "KERNEL32.dll"] {
            assert!(!foreign_dependency(good), "{good}");
        }
        for bad in ["libssl.so.3", "libcurl.so.4", "./libc-evil.so"] {
            assert!(foreign_dependency(bad), "{bad}");
        }
    }
}
