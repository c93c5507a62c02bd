//! Real files through the loader: good ones, two at once, and every kind of bad one with the line that it gets.

#![allow(clippy::unwrap_used, missing_docs)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use colibri_abi::{
    Actions, BookBatch, Connector, Now, Request, StreamOpen, StreamSend, TopOfBook, TradeBatch, accepted, outcome_kind,
};
use colibri_loader::{Binding, Library, LoadError, LoadRequest, Loader, Sha256, inspect};

/// The file of a fixture library. `cargo test` builds all examples; a filtered run builds them here, once.
fn plugin(name: &str) -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let folder = BUILT.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .parent()
            .unwrap()
            .join("debug/examples");
        let status = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--package", "colibri-loader", "--examples"])
            .status()
            .unwrap();
        assert!(status.success(), "the fixture libraries do not build");
        folder
    });
    let file = folder.join(format!(
        "{}plugin_{name}{}",
        std::env::consts::DLL_PREFIX,
        std::env::consts::DLL_SUFFIX
    ));
    assert!(file.exists(), "{} is not where it was built", file.display());
    file
}

struct Fixture {
    folder: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Fixture {
        Fixture {
            folder: tempfile::tempdir().unwrap(),
        }
    }
    fn loader(&self) -> Loader {
        Loader::new(self.folder.path().join("store"))
    }
    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
    /// A copy of a good library in which every `from` is `to`, of the same length.
    fn patched(&self, name: &str, from: &[u8], to: &[u8], which: Occurrence) -> PathBuf {
        assert_eq!(from.len(), to.len());
        let mut bytes = std::fs::read(plugin(name)).unwrap();
        let mut places: Vec<usize> = (0..=bytes.len() - from.len())
            .filter(|at| bytes[*at..].starts_with(from))
            .collect();
        assert!(!places.is_empty(), "the pattern is not in the file");
        if let Occurrence::InTheSection = which {
            let magic = b"COLIBRI1";
            let section = (0..bytes.len() - 8)
                .rev()
                .find(|at| bytes[*at..].starts_with(magic) && bytes[*at + 12] == b'\n')
                .unwrap();
            places = vec![*places.iter().find(|at| **at > section).unwrap()];
        }
        for at in places {
            bytes[at..at + to.len()].copy_from_slice(to);
        }
        self.write("patched.so", &bytes)
    }
    fn refusal(&self, path: &Path) -> String {
        let line = self.loader().load(&LoadRequest::new(path)).unwrap_err().to_string();
        assert!(!line.contains('\n'), "a refusal is one line: {line:?}");
        assert!(
            line.starts_with(&path.display().to_string()),
            "it names the file: {line}"
        );
        line
    }
}

enum Occurrence {
    Every,
    InTheSection,
}

/// What a connector emitted, as text.
#[derive(Default)]
struct Told(Vec<String>);

impl Told {
    fn push(&mut self, text: String) -> u32 {
        self.0.push(text);
        accepted::YES
    }
}

impl Actions for Told {
    fn want(&mut self, op: u64, endpoint: &str) -> u32 {
        self.push(format!("want {op} {endpoint}"))
    }
    fn request(&mut self, request: &Request<'_>) -> u32 {
        self.push(format!("request {}", request.op))
    }
    fn open(&mut self, open: &StreamOpen<'_>) -> u32 {
        self.push(format!("open {}", open.stream))
    }
    fn send(&mut self, send: &StreamSend<'_>) -> u32 {
        self.push(format!("send {}", send.stream))
    }
    fn close(&mut self, stream: u32, code: u32) -> u32 {
        self.push(format!("close {stream} {code}"))
    }
    fn set_timer(&mut self, timer: u64, at: u64) -> u32 {
        self.push(format!("timer {timer} {at}"))
    }
    fn book(&mut self, batch: &BookBatch<'_>) -> u32 {
        self.push(format!("book {}", batch.instrument))
    }
    fn trades(&mut self, batch: &TradeBatch<'_>) -> u32 {
        self.push(format!("trades {}", batch.instrument))
    }
    fn top(&mut self, top: &TopOfBook) -> u32 {
        self.push(format!("top {}", top.instrument))
    }
    fn event(&mut self, kind: &str, payload: &[u8]) -> u32 {
        self.push(format!("event {kind} {}", String::from_utf8_lossy(payload)))
    }
    fn complete(&mut self, op: u64, outcome: u32, _detail: &[u8]) -> u32 {
        self.push(format!("complete {op} {outcome}"))
    }
    fn log(&mut self, level: u32, text: &str) -> u32 {
        self.push(format!("log {level} {text}"))
    }
    fn snapshot(&mut self, state: &[u8]) -> u32 {
        self.push(format!("snapshot {}", String::from_utf8_lossy(state)))
    }
}

fn snapshot(connector: &mut Connector) -> Vec<String> {
    let mut told = Told::default();
    connector.snapshot(&mut told).unwrap();
    told.0
}

#[test]
fn a_good_library_is_read_without_being_opened() {
    let inspected = inspect(&plugin("sample")).unwrap();
    assert_eq!(inspected.connectors, ["echo", "moody"]);
    assert_eq!(inspected.abi.to_string(), "1.0");
    assert_eq!(inspected.binding, Binding::Now);
    assert_eq!(inspected.size, std::fs::metadata(plugin("sample")).unwrap().len());
    assert!(
        inspected.imports.iter().any(|i| i == "memcpy"),
        "{:?}",
        inspected.imports
    );
    inspected.check(Some(inspected.sha256)).unwrap();
}

#[test]
fn two_libraries_are_open_at_once_and_stay_two() {
    let fixture = Fixture::new();
    let load = |name: &str| -> Library { fixture.loader().load(&LoadRequest::new(plugin(name))).unwrap() };
    let (sample, second) = (load("sample"), load("second"));
    assert_ne!(sample.sha256(), second.sha256());
    assert!(second.manifest_text().contains("second"));
    let mut echo = sample.create("echo", b"{}").unwrap();
    let mut other = second.create("other", b"{}").unwrap();
    assert_eq!(snapshot(&mut echo), ["snapshot sample"]);
    assert_eq!(snapshot(&mut other), ["snapshot second"]);

    let mut told = Told::default();
    echo.command(Now::default(), 7, "hello", b"{\"a\":1}", &mut told)
        .unwrap();
    assert_eq!(
        told.0,
        ["event hello {\"a\":1}", &format!("complete 7 {}", outcome_kind::DONE)]
    );

    let again = load("sample");
    let mut twin = again.create("echo", b"{}").unwrap();
    assert_eq!(snapshot(&mut twin), ["snapshot sample"], "the same file loads again");
}

#[test]
fn a_panic_in_a_library_is_a_fault_and_a_log_line() {
    let fixture = Fixture::new();
    let library = fixture.loader().load(&LoadRequest::new(plugin("sample"))).unwrap();
    let mut echo = library.create("echo", b"{}").unwrap();
    let mut told = Told::default();
    assert!(echo.command(Now::default(), 1, "panic", b"", &mut told).is_err());
    assert_eq!(told.0.len(), 1);
    assert!(
        told.0[0].contains("told to") && told.0[0].contains("sample.rs"),
        "{:?}",
        told.0
    );
}

#[test]
fn what_create_says_is_one_line() {
    let fixture = Fixture::new();
    let library = fixture.loader().load(&LoadRequest::new(plugin("sample"))).unwrap();
    let says = |name: &str, config: &[u8]| library.create(name, config).unwrap_err().to_string();
    assert!(
        says("moody", b"{}").contains("create panicked: not today"),
        "{}",
        says("moody", b"{}")
    );
    assert!(
        says("echo", b"").ends_with("the configuration is empty"),
        "{}",
        says("echo", b"")
    );
    assert!(says("kraken", b"{}").ends_with("holds no connector \"kraken\"; it holds echo, moody"));
}

#[test]
fn the_store_keeps_one_read_only_copy() {
    let fixture = Fixture::new();
    let library = fixture.loader().load(&LoadRequest::new(plugin("sample"))).unwrap();
    let copy = fixture
        .folder
        .path()
        .join("store")
        .join(library.sha256().to_string())
        .join("lib.so");
    assert_eq!(Sha256::of(&std::fs::read(copy).unwrap()), library.sha256());
}

#[test]
fn a_file_that_is_no_library_is_told_so() {
    let fixture = Fixture::new();
    let good = std::fs::read(plugin("sample")).unwrap();
    let text = fixture.write("notes.so", b"these are notes, not a library, whatever the name says");
    assert!(fixture.refusal(&text).contains("neither ELF, Mach-O nor PE"));
    let empty = fixture.write("empty.so", b"");
    assert!(fixture.refusal(&empty).contains("it is empty"));
    for part in [64, good.len() / 2, good.len() - 1] {
        let cut = fixture.write("cut.so", &good[..part]);
        assert!(
            fixture.refusal(&cut).contains("damaged or cut off"),
            "{part}: {}",
            fixture.refusal(&cut)
        );
    }
    let absent = fixture.folder.path().join("absent.so");
    assert!(fixture.refusal(&absent).contains("cannot be read"));
    assert!(fixture.refusal(fixture.folder.path()).contains("cannot be read"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_library_for_another_processor_is_told_so() {
    let fixture = Fixture::new();
    let mut bytes = std::fs::read(plugin("sample")).unwrap();
    // e_machine, the half-word at 18: 183 is AArch64, 62 is x86-64.
    let other: u16 = if cfg!(target_arch = "aarch64") { 62 } else { 183 };
    bytes[18..20].copy_from_slice(&other.to_le_bytes());
    let path = fixture.write("other.so", &bytes);
    assert!(matches!(
        fixture.loader().load(&LoadRequest::new(&path)),
        Err(LoadError::WrongTarget { .. })
    ));
    assert!(fixture.refusal(&path).contains("Elf/Aarch64, this host is Elf/X86_64") || cfg!(target_arch = "aarch64"));
}

#[cfg(target_os = "linux")]
#[test]
fn an_executable_is_told_that_it_is_no_library() {
    let fixture = Fixture::new();
    let mut bytes = std::fs::read(plugin("sample")).unwrap();
    // e_type, the half-word at 16: 2 is an executable.
    bytes[16..18].copy_from_slice(&2u16.to_le_bytes());
    let path = fixture.write("program.so", &bytes);
    assert!(fixture.refusal(&path).contains("not a shared library"));
}

#[test]
fn a_library_without_a_manifest_is_told_so() {
    let fixture = Fixture::new();
    let line = fixture.refusal(&plugin("without_manifest"));
    assert!(line.contains("it has no manifest section"), "{line}");
}

#[test]
fn a_manifest_that_cannot_be_read_is_told_so() {
    let fixture = Fixture::new();
    let broken = fixture.patched("sample", b"[library]", b"[librery ", Occurrence::Every);
    assert!(fixture.refusal(&broken).contains("its manifest is not TOML"));
    let without = fixture.patched("sample", b"abi = \"1.0\"", b"abx = \"1.0\"", Occurrence::Every);
    assert!(fixture.refusal(&without).contains("states no library.abi"));
    let odd = fixture.patched("sample", b"abi = \"1.0\"", b"abi = \"one\"", Occurrence::Every);
    assert!(fixture.refusal(&odd).contains("not major.minor"));
    let magic = fixture.patched("sample", b"COLIBRI1", b"COLIBRI9", Occurrence::Every);
    assert!(fixture.refusal(&magic).contains("does not begin with COLIBRI1"));
}

#[test]
fn another_major_of_the_boundary_is_refused_before_opening() {
    let fixture = Fixture::new();
    let path = fixture.patched("sample", b"abi = \"1.0\"", b"abi = \"2.0\"", Occurrence::Every);
    assert!(
        fixture
            .refusal(&path)
            .contains("built for boundary 2.0, this host speaks 1.x")
    );
}

#[test]
fn a_manifest_that_lies_is_refused() {
    let fixture = Fixture::new();
    let path = fixture.patched("sample", b"the Colibri", b"the Sparrow", Occurrence::InTheSection);
    let line = fixture.refusal(&path);
    assert!(line.contains("is not the manifest in its code (line 6)"), "{line}");
}

#[test]
fn another_file_than_the_pinned_one_is_refused() {
    let fixture = Fixture::new();
    let path = plugin("sample");
    let pin = inspect(&plugin("second")).unwrap().sha256;
    let request = |pin| LoadRequest {
        path: path.clone(),
        pin: Some(pin),
    };
    let line = fixture.loader().load(&request(pin)).unwrap_err().to_string();
    assert!(line.contains(&format!("pinned is {pin}")), "{line}");
    let right = inspect(&path).unwrap().sha256;
    fixture.loader().load(&request(right)).unwrap();
}

#[test]
fn a_library_that_could_open_a_socket_is_refused() {
    let fixture = Fixture::new();
    let line = fixture.refusal(&plugin("networked"));
    assert!(
        line.contains("which a connector must not: the host does all network I/O"),
        "{line}"
    );
}
