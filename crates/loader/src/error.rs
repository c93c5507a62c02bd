//! Why a library is not loaded: one line each, naming the file, what is wrong and what to do.

use std::io;
use std::path::PathBuf;

use crate::Sha256;

/// A library that is not loaded, or a connector that is not made.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is not a shared library, or it is damaged.
    #[error("{}: is not a usable library: {what}", path.display())]
    NotALibrary {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// The library is for another processor or system.
    #[error("{}: is built for {found}, this host is {expected}; build it for this machine", path.display())]
    WrongTarget {
        /// The file.
        path: PathBuf,
        /// What it is built for.
        found: String,
        /// What this host is.
        expected: String,
    },
    /// There is no manifest in it, or it cannot be read.
    #[error("{}: is not a connector library: {what}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// The file is not the one that was pinned.
    #[error("{}: its sha256 is {found}, pinned is {pinned}; check where the file comes from, or change the pin", path.display())]
    Pin {
        /// The file.
        path: PathBuf,
        /// Its digest.
        found: Sha256,
        /// The pin.
        pinned: Sha256,
    },
    /// It is built for another major version of the boundary.
    #[error("{}: is built for boundary {found}, this host speaks {}.x; get a build for this host", path.display(), colibri_abi::ABI_MAJOR)]
    AbiVersion {
        /// The file.
        path: PathBuf,
        /// The version that its manifest states.
        found: String,
    },
    /// It imports what a connector has no use for.
    #[error("{}: imports {import}, which a connector must not: {why}", path.display())]
    ForbiddenImport {
        /// The file.
        path: PathBuf,
        /// The symbol or library.
        import: String,
        /// Why not.
        why: &'static str,
    },
    /// It would bind its symbols while it runs.
    #[error("{}: is linked for lazy binding; link it with `-z now`", path.display())]
    LazyBinding {
        /// The file.
        path: PathBuf,
    },
    /// The copy in the store cannot be made.
    #[error("{}: cannot be kept in the store at {}: {source}", path.display(), store.display())]
    Store {
        /// The file.
        path: PathBuf,
        /// Where the store is.
        store: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The system linker or `abi_stable` refuses it.
    #[error("{}: cannot be opened: {what}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What it says, on one line.
        what: String,
    },
    /// What crosses the boundary is laid out otherwise than here.
    #[error("{}: its boundary differs from this host's: {what}", path.display())]
    Layout {
        /// The file.
        path: PathBuf,
        /// The first difference.
        what: String,
    },
    /// The manifest in its section is not the one that its code states.
    #[error("{}: the manifest in the file is not the manifest in its code (line {line}); do not use it", path.display())]
    ManifestLies {
        /// The file.
        path: PathBuf,
        /// The first line that differs.
        line: usize,
    },
    /// It holds no connector of that name.
    #[error("{}: holds no connector {name:?}; it holds {known}", path.display())]
    UnknownConnector {
        /// The file.
        path: PathBuf,
        /// The name that was asked for.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// The connector was not made.
    #[error("{}: connector {name:?} was not made: {what}", path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// The connector.
        name: String,
        /// The library's words, on one line.
        what: String,
    },
}

/// The words of someone else on one line of bounded length.
pub(crate) fn one_line(text: &str) -> String {
    const MOST: usize = 300;
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = line.char_indices().nth(MOST) {
        line.truncate(end);
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn the_words_of_others_become_one_bounded_line() {
        assert_eq!(one_line("\n a\n\tb  c\n"), "a b c");
        assert_eq!(one_line(&"é".repeat(1_000)).chars().count(), 301);
    }
}
