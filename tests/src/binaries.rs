//! The programs under test, built once by the harness itself.
//!
//! `cargo test` builds no program for another crate's tests on a clean tree,
//! and leaves stale ones on a used tree. Asking cargo costs half a second when
//! nothing has changed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context as _, bail};

/// The packages whose programs a world runs. The Makefile builds the same list, so
/// that both share one set of compiled dependencies.
const PACKAGES: [&str; 5] = ["e2e", "edge", "sprite-agent", "control", "fakes"];

/// Programs that run in the machines of the fake provider.
const IN_MACHINES: [&str; 2] = ["sprite-agent", "fake-gateway"];

/// What the fake provider is told to `--share`, so that its machines find our programs in
/// `folder`.
///
/// Each by itself: whatever else cargo builds beside them would be on every machine's disk as
/// well, and read by every search that asks what has changed there since it was made.
///
/// # Errors
/// As [`program`].
pub fn shared_with_machines(folder: &str) -> anyhow::Result<Vec<String>> {
    let share = |name| Ok(format!("{}={folder}/{name}", program(name)?.display()));
    IN_MACHINES.into_iter().map(share).collect()
}

/// Where one of the project's programs is, fresh.
///
/// # Errors
/// With the compiler's output, when it does not build.
pub fn program(name: &str) -> anyhow::Result<PathBuf> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let built = BUILT.get_or_init(|| build().map_err(|error| format!("{error:#}")));
    match built {
        Ok(folder) => Ok(folder.join(name)),
        Err(error) => bail!("build the programs under test: {error}"),
    }
}

/// `target`, for things worth keeping between runs.
///
/// # Errors
/// When this program does not run out of a target folder.
pub fn target_folder() -> anyhow::Result<PathBuf> {
    let profile = profile_folder()?;
    Ok(profile.parent().context("the target folder has a parent")?.to_owned())
}

fn build() -> anyhow::Result<PathBuf> {
    let folder = profile_folder()?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--bins"]);
    command.args(PACKAGES.iter().flat_map(|package| ["--package", package]));
    for (name, _) in std::env::vars_os() {
        if is_of_the_tests_package(&name.to_string_lossy()) {
            command.env_remove(&name);
        }
    }
    command.arg("--target-dir").arg(target_folder()?);
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")));
    if folder.ends_with("release") {
        command.arg("--release");
    }
    let output = command.output().context("run cargo build")?;
    if !output.status.success() {
        bail!("cargo build failed:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(folder)
}

/// Does `cargo test` set this variable for the package whose tests run? A build script below us
/// (ring's) asks for them, and everything above it would be compiled anew at each turn.
fn is_of_the_tests_package(variable: &str) -> bool {
    // The last one where that package has a build script.
    ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|prefix| variable.starts_with(prefix))
        || variable == "OUT_DIR"
}

/// `target/debug` of `target/debug/demo` and of `target/debug/deps/stories-0123`.
fn profile_folder() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe().context("find this program's own file")?;
    let folder = program.parent().context("a program stands in a folder")?;
    let folder = if folder.ends_with("deps") { folder.parent() } else { Some(folder) };
    Ok(folder.context("deps stands in a profile's folder")?.to_owned())
}
