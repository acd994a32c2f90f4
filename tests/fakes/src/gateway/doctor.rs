//! `doctor`: mends the config file on disk.

use std::path::Path;
use std::{fs, io};

use serde_json::Value;
use tracing::{error, info};

use super::command_line::Place;
use super::config_file;
use super::settings::Exit;
use super::skills;

/// Runs `doctor`: mends the config file in place, keeping a `.bak`.
///
/// # Errors
/// 1 when the file cannot be read or mended; it is then unchanged.
pub fn run(place: &Place, fix: bool) -> Result<(), Exit> {
    let path = place.config_path();
    let failed = |what: &dyn std::fmt::Display| {
        error!("config at {} cannot be repaired automatically: {what}", path.display());
        1
    };
    let text = fs::read_to_string(&path).map_err(|error| failed(&error))?;
    let (mended, changes) =
        skills::with_this_machine(|machine| config_file::repair(&text, &skills::unusable(machine)))
            .map_err(|error| failed(&error))?;
    for change in &changes {
        info!("{}: {change}", path.display());
    }
    if fix && !changes.is_empty() {
        replace(&path, &text, &mended).map_err(|error| failed(&error))?;
        info!("updated config: {}", path.display());
    }
    info!("doctor complete");
    Ok(())
}

fn replace(path: &Path, before: &str, mended: &Value) -> io::Result<()> {
    fs::write(path.with_extension("json.bak"), before)?;
    let beside = path.with_extension("json.tmp");
    fs::write(&beside, serde_json::to_vec_pretty(mended)?)?;
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_folder(config: &str) -> (tempfile::TempDir, Place) {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("openclaw.json"), config).unwrap();
        let place = Place { state_dir: Some(dir.path().to_owned()), config_path: None };
        (dir, place)
    }

    #[test]
    fn it_mends_the_file_and_keeps_the_old_one() {
        let broken = r#"{"gateway":{"mode":"local"},"bogus":1}"#;
        let (dir, place) = in_folder(broken);
        run(&place, true).expect("it can be mended");
        let mended = fs::read_to_string(place.config_path()).unwrap();
        assert!(config_file::parse(&mended).is_ok(), "{mended}");
        let kept = fs::read_to_string(dir.path().join("openclaw.json.bak")).unwrap();
        assert_eq!(kept, broken);
    }

    #[test]
    fn it_only_looks_unless_told_to_fix() {
        let broken = r#"{"gateway":{"mode":"local"},"bogus":1}"#;
        let (_dir, place) = in_folder(broken);
        run(&place, false).expect("it can be mended");
        assert_eq!(fs::read_to_string(place.config_path()).unwrap(), broken);
    }

    #[test]
    fn it_leaves_alone_what_it_cannot_read() {
        let (_dir, place) = in_folder("{ nope");
        assert_eq!(run(&place, true), Err(1));
        assert_eq!(fs::read_to_string(place.config_path()).unwrap(), "{ nope");
    }
}
