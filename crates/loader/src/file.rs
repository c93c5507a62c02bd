//! A library file as bytes: what it is, what it imports, and the manifest in its section. Nothing here runs its code.

use std::path::{Path, PathBuf};

use colibri_abi::{ABI_MAJOR, MANIFEST_SECTION, parse_section};
use object::read::elf::{ElfFile, FileHeader};
use object::{Architecture, BinaryFormat, Object, ObjectKind, ObjectSection, ObjectSymbol, ReadRef};

use crate::error::one_line;
use crate::{LoadError, Sha256, policy};

/// A version of the boundary, as a manifest states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AbiVersion {
    /// Another major is refused.
    pub major: u32,
    /// Grows when a function is appended.
    pub minor: u32,
}

impl AbiVersion {
    fn parse(text: &str) -> Option<AbiVersion> {
        let (major, minor) = text.split_once('.')?;
        Some(AbiVersion {
            major: major.parse().ok()?,
            minor: minor.parse().ok()?,
        })
    }
}

impl std::fmt::Display for AbiVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// When the system linker resolves a library's imports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binding {
    /// When it is opened: a missing symbol is a refusal.
    Now,
    /// When each is first called: a missing symbol would end the host in the middle of trading.
    Lazy,
}

/// A library file that was read and not opened.
#[derive(Debug, Clone)]
pub struct Inspected {
    /// The file.
    pub path: PathBuf,
    /// Its digest.
    pub sha256: Sha256,
    /// Its length in bytes.
    pub size: u64,
    /// The processor that it is built for, such as `X86_64`.
    pub architecture: String,
    /// The manifest, TOML.
    pub manifest_text: String,
    /// The boundary that it states it was built for.
    pub abi: AbiVersion,
    /// The connectors that the manifest names, in its order.
    pub connectors: Vec<String>,
    /// Symbols that it imports, sorted.
    pub imports: Vec<String>,
    /// Libraries that it needs, in its order.
    pub dependencies: Vec<String>,
    /// When its imports are bound.
    pub binding: Binding,
}

impl Inspected {
    /// Refuses what this host would not open: another digest than the pinned one, another major of the boundary, an
    /// import that a connector has no use for.
    ///
    /// # Errors
    /// The first reason.
    pub fn check(&self, pin: Option<Sha256>) -> Result<(), LoadError> {
        if let Some(pinned) = pin.filter(|pinned| *pinned != self.sha256) {
            return Err(LoadError::Pin {
                path: self.path.clone(),
                found: self.sha256,
                pinned,
            });
        }
        if self.abi.major != ABI_MAJOR {
            return Err(LoadError::AbiVersion {
                path: self.path.clone(),
                found: self.abi.to_string(),
            });
        }
        policy::check(self)
    }
}

/// Reads a library file without opening it.
///
/// # Errors
/// The file cannot be read, is no library for this machine, or holds no readable manifest. A file that may be read but
/// would be refused is not an error here: see [`Inspected::check`].
pub fn inspect(path: &Path) -> Result<Inspected, LoadError> {
    read(path).map(|(inspected, _)| inspected)
}

/// As [`inspect`], with the bytes that it was read from: what is checked is what is stored and opened.
pub(crate) fn read(path: &Path) -> Result<(Inspected, Vec<u8>), LoadError> {
    let bytes = std::fs::read(path).map_err(|source| LoadError::Read {
        path: path.to_owned(),
        source,
    })?;
    let inspected = inspect_bytes(path, &bytes)?;
    Ok((inspected, bytes))
}

fn inspect_bytes(path: &Path, bytes: &[u8]) -> Result<Inspected, LoadError> {
    let unusable = |what: String| LoadError::NotALibrary {
        path: path.to_owned(),
        what,
    };
    let unreadable = |error: object::Error| unusable(format!("it is damaged or cut off ({error})"));
    if bytes.is_empty() {
        return Err(unusable("it is empty".to_owned()));
    }
    if object::FileKind::parse(bytes).is_err() {
        return Err(unusable("it is neither ELF, Mach-O nor PE".to_owned()));
    }
    let file = object::File::parse(bytes).map_err(unreadable)?;
    if file.format() != BinaryFormat::native_object() || file.architecture() != host_architecture() {
        return Err(LoadError::WrongTarget {
            path: path.to_owned(),
            found: target(file.format(), file.architecture()),
            expected: target(BinaryFormat::native_object(), host_architecture()),
        });
    }
    if file.kind() != ObjectKind::Dynamic {
        return Err(unusable("it is not a shared library".to_owned()));
    }

    let manifest_text = manifest(&file).map_err(|what| LoadError::Manifest {
        path: path.to_owned(),
        what,
    })?;
    let (abi, connectors) = stated(&manifest_text).map_err(|what| LoadError::Manifest {
        path: path.to_owned(),
        what,
    })?;
    let mut imports: Vec<String> = file
        .dynamic_symbols()
        .filter(|symbol| symbol.is_undefined())
        .filter_map(|symbol| symbol.name().ok().filter(|n| !n.is_empty()).map(str::to_owned))
        .collect();
    imports.sort_unstable();
    imports.dedup();
    let dynamic = dynamic(&file).map_err(unreadable)?;
    Ok(Inspected {
        path: path.to_owned(),
        sha256: Sha256::of(bytes),
        size: bytes.len() as u64,
        architecture: format!("{:?}", file.architecture()),
        manifest_text,
        abi,
        connectors,
        imports,
        dependencies: dynamic.dependencies,
        binding: dynamic.binding,
    })
}

/// The name of the manifest's section on this system.
const fn section_name() -> &'static str {
    if cfg!(target_os = "macos") {
        "__colibri"
    } else {
        MANIFEST_SECTION
    }
}

fn manifest(file: &object::File<'_>) -> Result<String, String> {
    let section = file
        .section_by_name(section_name())
        .ok_or("it has no manifest section; build it with the sdk's export macro")?;
    let data = section
        .data()
        .map_err(|e| format!("its manifest section cannot be read ({e})"))?;
    parse_section(data).map(str::to_owned).map_err(str::to_owned)
}

/// What this crate must know of a manifest, without the standard's meaning of the rest.
fn stated(text: &str) -> Result<(AbiVersion, Vec<String>), String> {
    let table: toml::Table = text
        .parse()
        .map_err(|e: toml::de::Error| format!("its manifest is not TOML: {}", one_line(e.message())))?;
    let abi = table
        .get("library")
        .and_then(|library| library.get("abi"))
        .and_then(toml::Value::as_str)
        .ok_or("its manifest states no library.abi")?;
    let abi =
        AbiVersion::parse(abi).ok_or_else(|| format!("its manifest states library.abi = {abi:?}, not major.minor"))?;
    let connectors = table
        .get("connector")
        .and_then(toml::Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|connector| connector.get("name").and_then(toml::Value::as_str))
        .map(str::to_owned)
        .collect();
    Ok((abi, connectors))
}

struct DynamicSection {
    dependencies: Vec<String>,
    binding: Binding,
}

fn dynamic(file: &object::File<'_>) -> object::Result<DynamicSection> {
    match file {
        object::File::Elf32(elf) => elf_dynamic(elf),
        object::File::Elf64(elf) => elf_dynamic(elf),
        // Mach-O and PE bind data at load; their own loaders refuse a missing symbol.
        other => Ok(DynamicSection {
            dependencies: other
                .import_libraries()?
                .filter_map(|library| Some(String::from_utf8_lossy(library.ok()?.name()).into_owned()))
                .collect(),
            binding: Binding::Now,
        }),
    }
}

fn elf_dynamic<'data, Elf: FileHeader, R: ReadRef<'data>>(
    file: &ElfFile<'data, Elf, R>,
) -> object::Result<DynamicSection> {
    use object::elf;
    let table = file.elf_dynamic_table()?;
    let mut dependencies = Vec::new();
    let mut binding = Binding::Lazy;
    for entry in &table {
        match entry.tag {
            elf::DT_NEEDED => dependencies.push(String::from_utf8_lossy(table.string(entry)?).into_owned()),
            elf::DT_BIND_NOW => binding = Binding::Now,
            elf::DT_FLAGS if entry.val & elf::DF_BIND_NOW.0 != 0 => binding = Binding::Now,
            elf::DT_FLAGS_1 if entry.val & elf::DF_1_NOW.0 != 0 => binding = Binding::Now,
            _ => {}
        }
    }
    Ok(DynamicSection { dependencies, binding })
}

fn host_architecture() -> Architecture {
    match std::env::consts::ARCH {
        "x86_64" => Architecture::X86_64,
        "aarch64" => Architecture::Aarch64,
        "x86" => Architecture::I386,
        "arm" => Architecture::Arm,
        "riscv64" => Architecture::Riscv64,
        "powerpc64" => Architecture::PowerPc64,
        "s390x" => Architecture::S390x,
        "loongarch64" => Architecture::LoongArch64,
        _ => Architecture::Unknown,
    }
}

fn target(format: BinaryFormat, architecture: Architecture) -> String {
    format!("{format:?}/{architecture:?}")
}
