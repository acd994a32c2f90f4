//! `--export`: what a customer takes with them, and what can never be in it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use flate2::read::GzDecoder;
use sprite_agent::config::Config;
use sprite_agent::export::{Export, ExportLimits, Resumed};
use tempfile::TempDir;

use crate::gateway::TOKEN;
use crate::running::{HEALTH_TOKEN, configuration};

const MODEL_KEY: &str = "sk-of-the-operator-0123456789";

/// A machine's home, with the agent's folder, the gateway's, and a file beside them.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        for folder in ["arcamatrix/logs", "openclaw/workspace/notes", "openclaw/credentials"] {
            fs::create_dir_all(home.path(folder)).unwrap();
        }
        let supervisor = format!(
            "[supervisor]\ncommand = ['openclaw']\nstate_dir = '{}'\nlog_dir = '{}'\n\
             env = {{ MODEL_API_KEY = '{MODEL_KEY}', PATH = '/usr/bin:/bin' }}\n",
            home.path("openclaw").display(),
            home.path("arcamatrix/logs").display(),
        );
        let gateway = "127.0.0.1:3001".parse().unwrap();
        home.write("arcamatrix/sprite-agent.toml", &configuration(gateway, TOKEN, "", &supervisor));
        home.write("openclaw/openclaw.json", r#"{"gateway":{"auth":{"token":"t0p"}},"a":"kept"}"#);
        home.write("openclaw/credentials/telegram.json", "a bot's token");
        home.write("openclaw/workspace/notes/today.md", "buy milk");
        home.write("letter.txt", "dear all");
        home.write(".ssh-key", "a private key");
        home
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        fs::write(self.path(path), text).unwrap();
    }

    fn config(&self) -> PathBuf {
        self.path("arcamatrix/sprite-agent.toml")
    }

    fn export(&self, limits: ExportLimits) -> Exported {
        Exported::read(&self.archive(limits))
    }

    fn archive(&self, limits: ExportLimits) -> Vec<u8> {
        let mut archive = Vec::new();
        self.with_export(limits, |export| export.write(&mut archive).unwrap());
        archive
    }

    fn with_export<T>(&self, limits: ExportLimits, work: impl FnOnce(Export<'_>) -> T) -> T {
        let (config, config_path) = (Config::read(&self.config()).unwrap(), self.config());
        let home = Some(self.0.path());
        work(Export { config: &config, config_path: &config_path, home, limits })
    }

    /// What comes after `from` bytes of the archive with `mark`: its whole length, and the rest.
    fn rest(&self, mark: &str, from: usize) -> Option<(usize, Vec<u8>)> {
        let (mut output, from) = (Vec::new(), from as u64);
        let resumed = self.with_export(ExportLimits::default(), |export| {
            export.resume(mark, from, &mut output).unwrap()
        });
        if resumed == Resumed::Changed {
            assert_eq!(output, b"");
            return None;
        }
        let line = output.iter().position(|byte| *byte == b'\n').unwrap();
        let bytes = std::str::from_utf8(&output[..line]).unwrap().parse().unwrap();
        Some((bytes, output.split_off(line + 1)))
    }
}

/// An archive that was opened.
struct Exported {
    files: BTreeMap<String, Vec<u8>>,
    links: BTreeMap<String, PathBuf>,
}

impl Exported {
    fn read(archive: &[u8]) -> Self {
        let (mut files, mut links) = (BTreeMap::new(), BTreeMap::new());
        for entry in tar::Archive::new(GzDecoder::new(archive)).entries().unwrap() {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().display().to_string();
            if let Some(target) = entry.link_name().unwrap() {
                links.insert(path, target.into_owned());
            } else if entry.header().entry_type().is_file() {
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes).unwrap();
                files.insert(path, bytes);
            }
        }
        Self { files, links }
    }

    fn text(&self, path: &str) -> &str {
        let file = self.files.get(path);
        let file = file.unwrap_or_else(|| panic!("{path} is not in {:?}", self.files.keys()));
        std::str::from_utf8(file).unwrap()
    }

    fn report(&self) -> &str {
        self.text("REPORT.txt")
    }

    fn lacks(&self, secret: &str) {
        for (path, bytes) in &self.files {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{path} holds {secret}");
        }
    }
}

#[test]
fn everything_of_the_customer_is_in_it_and_no_secret_is() {
    let home = Home::new();
    let said = format!("env says {TOKEN} and {HEALTH_TOKEN} and {MODEL_KEY}.");
    home.write("openclaw/workspace/notes/said.md", &said);
    let exported = home.export(ExportLimits::default());
    assert!(exported.text("README.txt").starts_with("Everything of the workspace ada"));
    assert_eq!(exported.text("openclaw/workspace/notes/today.md"), "buy milk");
    assert_eq!(exported.text("home/letter.txt"), "dear all");
    assert!(exported.text("openclaw/openclaw.json").contains("kept"));
    assert_eq!(exported.text("openclaw/workspace/notes/said.md").len(), said.len());
    for secret in [TOKEN, HEALTH_TOKEN, MODEL_KEY, "t0p", "a bot's token", "a private key"] {
        exported.lacks(secret);
    }
    assert!(exported.files.keys().all(|path| !path.contains("arcamatrix")));
    let report = exported.report();
    for line in ["openclaw/credentials: left out: it holds a key", "home/.ssh-key: left out"] {
        assert!(report.contains(line), "{line}: {report}");
    }
}

#[test]
fn no_link_leads_out_of_it() {
    let home = Home::new();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("passwd"), "root of all evil").unwrap();
    let notes = home.path("openclaw/workspace/notes");
    symlink(outside.path().join("passwd"), notes.join("passwd")).unwrap();
    symlink(outside.path(), notes.join("folder")).unwrap();
    symlink("../../../arcamatrix/sprite-agent.toml", notes.join("keys")).unwrap();
    symlink("../../credentials", notes.join("up")).unwrap();
    symlink("today.md", notes.join("latest.md")).unwrap();
    symlink("notes", notes.join("loop")).unwrap();
    let exported = home.export(ExportLimits::default());
    exported.lacks("root of all evil");
    exported.lacks("a bot's token");
    assert_eq!(
        exported.links.get("openclaw/workspace/notes/latest.md"),
        Some(&PathBuf::from("today.md"))
    );
    for name in ["passwd", "folder", "keys"] {
        let line = format!("openclaw/workspace/notes/{name}: left out: a link to something");
        assert!(exported.report().contains(&line), "{line}: {}", exported.report());
    }
}

#[test]
fn what_is_no_file_holds_nobody_up() {
    let home = Home::new();
    let pipe = home.path("openclaw/workspace/pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let _socket =
        std::os::unix::net::UnixListener::bind(home.path("openclaw/workspace/socket")).unwrap();
    let exported = home.export(ExportLimits::default());
    for name in ["pipe", "socket"] {
        let line = format!("openclaw/workspace/{name}: left out: neither a file nor a folder");
        assert!(exported.report().contains(&line), "{}", exported.report());
    }
}

#[test]
fn it_is_bounded_and_says_what_did_not_fit() {
    let home = Home::new();
    // A terabyte that costs no disk.
    let huge = File::create(home.path("openclaw/workspace/a-huge.img")).unwrap();
    huge.set_len(1 << 40).unwrap();
    home.write("openclaw/workspace/b-large", &"x".repeat(4_000));
    home.write("openclaw/workspace/c-small", "last");
    let limits =
        ExportLimits { file_max_bytes: 1 << 20, total_max_bytes: 4_200, entries_max: 1_000 };
    let exported = home.export(limits);
    let report = exported.report();
    assert!(report.contains("a-huge.img: left out: larger than a file"), "{report}");
    assert_eq!(exported.text("openclaw/workspace/b-large").len(), 4_000);
    let limits = ExportLimits { total_max_bytes: 3_000, ..limits };
    let exported = home.export(limits);
    let report = exported.report();
    assert!(report.contains("b-large: left out: the archive is as large"), "{report}");
    assert_eq!(exported.text("openclaw/workspace/c-small"), "last");
    let limits = ExportLimits { entries_max: 3, ..ExportLimits::default() };
    assert!(home.export(limits).report().contains("left out: the archive is as large"));
    let mut deep = home.path("openclaw/workspace");
    for _ in 0..70 {
        deep.push("d");
    }
    fs::create_dir_all(&deep).unwrap();
    assert!(home.export(ExportLimits::default()).report().contains("too many folders"));
}

#[test]
fn an_unreadable_file_and_a_bad_name_are_said_and_the_rest_comes() {
    let home = Home::new();
    home.write("openclaw/workspace/line\nbreak", "whole");
    home.write("openclaw/openclaw.json.bak", "{ // not JSON\n  token: 't0p' }");
    let exported = home.export(ExportLimits::default());
    assert_eq!(exported.text("openclaw/workspace/line\nbreak"), "whole");
    assert!(exported.report().contains("openclaw/openclaw.json.bak: left out"));
    exported.lacks("t0p");
}

/// The program, whose reader takes nothing until the file has changed.
#[test]
fn a_file_that_changes_while_it_is_read_is_said_and_the_archive_is_whole() {
    let home = Home::new();
    let path = home.path("openclaw/workspace/growing");
    // More than what fits between the two processes, and nothing that compresses.
    let mut noise = vec![0; 8 << 20];
    File::open("/dev/urandom").unwrap().read_exact(&mut noise).unwrap();
    fs::write(&path, &noise).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_sprite-agent"))
        .arg("--config")
        .arg(home.config())
        .arg("--export")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = child.stdout.take().unwrap();
    let mut archive = vec![0; 256 << 10];
    output.read_exact(&mut archive).unwrap();
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(1 << 20).unwrap();
    output.read_to_end(&mut archive).unwrap();
    assert!(child.wait().unwrap().success());
    let exported = Exported::read(&archive);
    assert_eq!(exported.files["openclaw/workspace/growing"].len(), 8 << 20);
    let line = "openclaw/workspace/growing: changed while it was read";
    assert!(exported.report().contains(line), "{}", exported.report());
}

#[test]
fn a_reader_that_goes_away_ends_it_without_a_word() {
    let home = Home::new();
    let mut noise = vec![0; 4 << 20];
    File::open("/dev/urandom").unwrap().read_exact(&mut noise).unwrap();
    fs::write(home.path("openclaw/workspace/noise"), &noise).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_sprite-agent"))
        .arg("--config")
        .arg(home.config())
        .arg("--export")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    // As SIGPIPE would.
    assert_eq!(output.status.code(), Some(141));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(Path::new(&home.config()).exists());
}

/// The mark with which an archive begins.
fn mark_of(archive: &[u8]) -> String {
    let decoder = GzDecoder::new(archive);
    String::from_utf8(decoder.header().unwrap().comment().unwrap().to_vec()).unwrap()
}

#[test]
fn one_that_broke_off_anywhere_goes_on_from_there() {
    let home = Home::new();
    home.write("openclaw/workspace/large", &"noise ".repeat(100_000));
    symlink("today.md", home.path("openclaw/workspace/notes/link")).unwrap();
    let archive = home.archive(ExportLimits::default());
    let mark = mark_of(&archive);
    for from in [0, 1, 41, 42, 43, 65_600, archive.len() / 2, archive.len() - 1] {
        let (bytes, rest) = home.rest(&mark, from).unwrap();
        assert_eq!(bytes, archive.len());
        assert!(rest == archive[from..], "from {from}");
    }
    // There is nothing after its end.
    assert_eq!(home.rest(&mark, archive.len()), None);
}

#[test]
fn whatever_changed_since_it_is_another_archive() {
    let home = Home::new();
    let mut marks = vec![mark_of(&home.archive(ExportLimits::default()))];
    let changes: [&dyn Fn(); 6] = [
        &|| home.write("openclaw/workspace/notes/today.md", "buy silk and oats"),
        &|| home.write("openclaw/workspace/notes/new.md", ""),
        &|| home.write("openclaw/openclaw.json", r#"{"a":"other"}"#),
        &|| fs::remove_file(home.path("letter.txt")).unwrap(),
        &|| symlink("today.md", home.path("openclaw/workspace/notes/link")).unwrap(),
        // Of what is left out the report tells.
        &|| home.write(".another-key", "a private key"),
    ];
    for change in changes {
        change();
        for mark in &marks {
            assert_eq!(home.rest(mark, 100), None);
        }
        marks.push(mark_of(&home.archive(ExportLimits::default())));
    }
    // The time that a program sets does not hide a change.
    let note = home.path("openclaw/workspace/notes/today.md");
    let before = fs::metadata(&note).unwrap();
    let changed = |seen: &fs::Metadata| (seen.ctime(), seen.ctime_nsec());
    // As finely as the kernel tells times.
    while changed(&fs::metadata(&note).unwrap()) == changed(&before) {
        home.write("openclaw/workspace/notes/today.md", "buy silk and rice");
        let file = File::options().write(true).open(&note).unwrap();
        file.set_modified(before.modified().unwrap()).unwrap();
    }
    assert_eq!(home.rest(marks.last().unwrap(), 100), None);
}
