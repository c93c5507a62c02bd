//! `cargo xtask mutations`: does the simulation notice bugs? Each patch of `tests/mutations/` puts one bug into a copy of the
//! work tree; the simulation must break a promise on it, and must not on the copy without it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::build::HOST;
use crate::workspace::{Workspace, cargo};

/// Where the patches are, from the root.
const PATCHES: &str = "tests/mutations";
/// The connector that the simulation trades through.
const CONNECTOR: &str = "colibri-connector-binance";
/// Seeds that the copy without a bug passes before the first bug is tried.
const CONTROL_SEEDS: u64 = 20;
/// Seeds on which a bug must show.
const SEEDS: u64 = 1_000;

/// What was asked for.
struct Wish {
    only: Option<String>,
    seeds: u64,
}

/// How a bug was noticed.
struct Caught {
    name: String,
    seed: Option<u64>,
    promise: String,
}

/// Tries every bug, or the one of that name.
pub fn run(arguments: &[String]) -> Result<ExitCode> {
    let wish = wish(arguments)?;
    let workspace = Workspace::find()?;
    let patches = patches(&workspace.root, wish.only.as_deref())?;
    let copy = Copy::make(&workspace)?;

    copy.build()?;
    let sound = copy.keep_sound()?;
    let began = Instant::now();
    if let Outcome::Broken { seed, promise } = chaos(&sound, 0, CONTROL_SEEDS)? {
        bail!("without any bug the simulation fails already, at seed {seed:?}: {promise}");
    }
    println!(
        "control: {CONTROL_SEEDS} seeds without a bug, {} s",
        began.elapsed().as_secs()
    );

    let (mut caught, mut survived) = (Vec::new(), Vec::new());
    for patch in &patches {
        let name = name_of(patch);
        let began = Instant::now();
        copy.apply(patch, Way::In)?;
        let built = copy.build();
        let built_in = began.elapsed().as_secs();
        let outcome = built.and_then(|()| chaos(&copy.release(), 0, wish.seeds));
        copy.apply(patch, Way::Out)?;
        match outcome.with_context(|| format!("{name} could not be tried"))? {
            Outcome::Broken { seed, promise } => {
                let at = seed.map_or("the program ended".to_owned(), |seed| format!("seed {seed}"));
                println!(
                    "{name}: caught, {at} (built in {built_in} s, {} s in all)\n    {promise}",
                    began.elapsed().as_secs()
                );
                caught.push(Caught { name, seed, promise });
            }
            Outcome::Sound => {
                println!(
                    "{name}: SURVIVED {} seeds ({} s)",
                    wish.seeds,
                    began.elapsed().as_secs()
                );
                survived.push(name);
            }
        }
    }
    let mut seeds: Vec<u64> = caught.iter().filter_map(|bug| bug.seed).collect();
    seeds.sort_unstable();
    seeds.dedup();
    for seed in &seeds {
        if let Outcome::Broken { promise, .. } = chaos(&sound, *seed, 1)? {
            bail!("seed {seed} fails without any bug too, so it has caught none: {promise}");
        }
    }
    println!("control: the seeds that caught a bug ({seeds:?}) pass without one");
    summary(&caught, &survived);
    Ok(if survived.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn wish(arguments: &[String]) -> Result<Wish> {
    let mut wish = Wish {
        only: None,
        seeds: SEEDS,
    };
    let mut arguments = arguments.iter();
    while let Some(name) = arguments.next() {
        let value = arguments.next().with_context(|| format!("{name} wants a value"))?;
        match name.as_str() {
            "--only" => wish.only = Some(value.clone()),
            "--seeds" => wish.seeds = value.parse().with_context(|| format!("{value:?} is no number"))?,
            _ => bail!("mutations takes --only NAME and --seeds N, not {name:?}"),
        }
    }
    Ok(wish)
}

/// The patches, sorted by name.
fn patches(root: &Path, only: Option<&str>) -> Result<Vec<PathBuf>> {
    let folder = root.join(PATCHES);
    let entries = fs::read_dir(&folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    let mut patches = Vec::new();
    for entry in entries {
        let path = entry.context("a folder's entry cannot be read")?.path();
        if path.extension() == Some(OsStr::new("patch")) && only.is_none_or(|only| name_of(&path) == only) {
            patches.push(path);
        }
    }
    patches.sort();
    if patches.is_empty() {
        bail!("{} has no patch of the name {only:?}", folder.display());
    }
    Ok(patches)
}

fn name_of(patch: &Path) -> String {
    patch.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// A copy of the work tree, and where it is built.
struct Copy {
    tree: PathBuf,
    target: PathBuf,
}

/// Whether a bug comes or goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    In,
    Out,
}

impl Copy {
    /// Makes the copy, or brings that of an earlier time up to date: what has not changed is not written, so that cargo does
    /// not build it again.
    fn make(workspace: &Workspace) -> Result<Copy> {
        let folder = workspace.target.join("mutations");
        let copy = Copy {
            tree: folder.join("tree"),
            target: folder.join("target"),
        };
        let listed = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(&workspace.root)
            .output()
            .context("git could not be started")?;
        if !listed.status.success() {
            bail!("git ls-files failed: this is no checkout");
        }
        let mut wanted = BTreeMap::new();
        for name in String::from_utf8(listed.stdout)?.split_terminator('\0') {
            // One that was deleted and not committed yet is listed as well.
            if let Ok(content) = fs::read(workspace.root.join(name)) {
                wanted.insert(copy.tree.join(name), content);
            }
        }
        for path in files(&copy.tree)? {
            if !wanted.contains_key(&path) {
                fs::remove_file(&path).with_context(|| format!("{} cannot be removed", path.display()))?;
            }
        }
        for (path, content) in wanted {
            if fs::read(&path).is_ok_and(|old| old == content) {
                continue;
            }
            let folder = path.parent().context("a file lies in a folder")?;
            fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
            fs::write(&path, content).with_context(|| format!("{} cannot be written", path.display()))?;
        }
        Ok(copy)
    }

    fn release(&self) -> PathBuf {
        self.target.join("release")
    }

    /// Builds host and connector as they are shipped, but for what a bug leaves as it is, which is kept: a mutant is built from
    /// the pieces of the one before.
    fn build(&self) -> Result<()> {
        for package in [HOST, CONNECTOR] {
            let output = cargo()
                .args(["build", "--release", "--package", package, "--target-dir"])
                .arg(&self.target)
                .env("CARGO_INCREMENTAL", "1")
                .current_dir(&self.tree)
                .stdin(Stdio::null())
                .output()
                .context("cargo could not be started")?;
            if !output.status.success() {
                bail!("{package} does not build:\n{}", String::from_utf8_lossy(&output.stderr));
            }
        }
        Ok(())
    }

    /// Keeps the host without a bug, beside the mutants that are built over it.
    fn keep_sound(&self) -> Result<PathBuf> {
        let sound = self.target.with_file_name("sound");
        fs::create_dir_all(&sound).context("a folder cannot be made")?;
        for entry in fs::read_dir(self.release()).context("nothing was built")? {
            let entry = entry.context("a folder's entry cannot be read")?;
            let name = entry.file_name();
            let (program, library) = (format!("{HOST}{}", std::env::consts::EXE_SUFFIX), library());
            if name == OsStr::new(&program) || name == OsStr::new(&library) {
                let to = sound.join(&name);
                fs::copy(entry.path(), &to).with_context(|| format!("{} cannot be written", to.display()))?;
            }
        }
        Ok(sound)
    }

    /// Puts a bug in, or takes it out.
    fn apply(&self, patch: &Path, way: Way) -> Result<()> {
        let mut git = Command::new("git");
        git.arg("apply");
        if way == Way::Out {
            git.arg("--reverse");
        }
        // The copy lies in a folder of the checkout: git is not to look for that.
        let output = git
            .arg(patch)
            .current_dir(&self.tree)
            .env("GIT_CEILING_DIRECTORIES", self.tree.parent().unwrap_or(&self.tree))
            .output()
            .context("git could not be started")?;
        if !output.status.success() {
            bail!(
                "{} does not apply; write it anew for the code as it is: {}",
                patch.display(),
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        Ok(())
    }
}

fn library() -> String {
    format!(
        "{}{}{}",
        std::env::consts::DLL_PREFIX,
        CONNECTOR.replace('-', "_"),
        std::env::consts::DLL_SUFFIX
    )
}

/// Every file below a folder; none where it is not there.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries {
            let path = entry.context("a folder's entry cannot be read")?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                all.push(path);
            }
        }
    }
    Ok(all)
}

/// What the simulation said.
enum Outcome {
    Sound,
    Broken { seed: Option<u64>, promise: String },
}

/// Runs seeds of the host in `folder` until one fails: in spot, where each of the planted bugs shows.
fn chaos(folder: &Path, first: u64, seeds: u64) -> Result<Outcome> {
    let output = Command::new(folder.join(HOST))
        .args(["chaos", "--json", "--until-failure", "--stage", "spot"])
        .args(["--seed", &first.to_string(), "--seeds", &seeds.to_string()])
        .arg("--plugin-dir")
        .arg(folder)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("the host in {} could not be started", folder.display()))?;
    let Ok(report) = serde_json::from_slice::<Value>(&output.stdout) else {
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.lines().rev().take(3).collect::<Vec<_>>();
        return Ok(Outcome::Broken {
            seed: None,
            promise: last.into_iter().rev().collect::<Vec<_>>().join(" | "),
        });
    };
    let failed = report["failed"].as_object().context("the report has no failures")?;
    if let Some((seed, promises)) = failed.iter().next() {
        let promises: Vec<&str> = promises
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        return Ok(Outcome::Broken {
            seed: seed.parse().ok(),
            promise: promises.first().copied().unwrap_or("no promise was named").to_owned(),
        });
    }
    if output.status.success() {
        Ok(Outcome::Sound)
    } else {
        bail!("the simulation failed and named no seed: {report}");
    }
}

fn summary(caught: &[Caught], survived: &[String]) {
    println!("\n{:<32} {:>6}  broken promise", "bug", "seed");
    for bug in caught {
        let seed = bug.seed.map_or("-".to_owned(), |seed| seed.to_string());
        let promise: String = bug.promise.chars().take(100).collect();
        println!("{:<32} {seed:>6}  {promise}", bug.name);
    }
    for name in survived {
        println!("{name:<32} {:>6}  none: it was not noticed", "-");
    }
    println!(
        "{} of {} bugs were noticed",
        caught.len(),
        caught.len() + survived.len()
    );
}
