//! Programs of other crates that the machines run, built once.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// What the harness of the stories builds as well: with one list, both share one set of
/// compiled dependencies.
const PACKAGES: [&str; 5] = ["e2e", "edge", "sprite-agent", "control", "fakes"];

/// Where they are built already, for whoever knows that they are fresh.
const VARIABLE: &str = "ARCA_TEST_PROGRAMS";

/// The folder that they stand in, all of them fresh.
pub(crate) fn folder() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(build)
}

fn build() -> PathBuf {
    if let Some(folder) = std::env::var_os(VARIABLE) {
        return folder.into();
    }
    // `target/debug/deps/control-0123`
    let own = std::env::current_exe().unwrap();
    let folder = own.parent().and_then(Path::parent).unwrap().to_owned();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--bins"]);
    command.args(PACKAGES.iter().flat_map(|package| ["--package", package]));
    // Of the package under test: a build script below (ring's) asks for them, and all
    // above it would be compiled anew.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command.arg("--target-dir").arg(folder.parent().unwrap());
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    if folder.ends_with("release") {
        command.arg("--release");
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    folder
}
