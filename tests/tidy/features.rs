//! Tests and programs compile their dependencies once.
//!
//! A feature that only a test asks for would have everything above it compiled a second
//! time for the programs that the test starts: a minute and a half of each clean build.

use std::collections::BTreeSet;
use std::process::Command;

use crate::{none, root};

/// As the Makefile's `PROGRAMS`.
const PROGRAMS: [&str; 10] = [
    "--package",
    "e2e",
    "--package",
    "edge",
    "--package",
    "sprite-agent",
    "--package",
    "control",
    "--package",
    "fakes",
];

/// Each package that is compiled, with its features.
fn compiled(arguments: &[&str]) -> BTreeSet<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["tree", "--locked", "--prefix", "none", "--no-dedupe", "--format", "{p} {f}"])
        .args(arguments)
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn no_test_asks_for_a_feature_that_no_program_has() {
    let tests = compiled(&["--workspace", "--edges", "normal,build,dev"]);
    let programs = compiled(&[&["--edges", "normal,build"], PROGRAMS.as_slice()].concat());
    assert!(programs.len() > 100, "{programs:?}");
    let twice = programs.difference(&tests).map(|line| format!("compiled with others too: {line}"));
    none(&twice.collect::<Vec<_>>());
}
