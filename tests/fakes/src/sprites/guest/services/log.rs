//! What a service has said, on the sprite's disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde_json::{Value, json};

/// A log that grows over this begins anew; it outlives the service itself.
const LOG_BYTES_MAX: u64 = 10 * 1024 * 1024;

/// Both streams of one service in one file.
pub struct Log {
    path: PathBuf,
    file: Mutex<Option<File>>,
}

impl Log {
    pub fn new(folder: &Path, service: &str) -> Self {
        Self { path: folder.join(format!("{service}.log")), file: Mutex::default() }
    }

    /// # Errors
    /// When the disk refuses; the service goes on without a log.
    pub fn append(&self, text: &[u8]) -> io::Result<()> {
        let mut open = self.file.lock().expect("nothing panics while holding it");
        let file = match open.as_mut() {
            Some(file) => file,
            None => {
                fs::create_dir_all(self.path.parent().unwrap_or(Path::new("/")))?;
                let file = OpenOptions::new().create(true).append(true).open(&self.path)?;
                open.insert(file)
            }
        };
        if file.metadata()?.len() + text.len() as u64 > LOG_BYTES_MAX {
            file.set_len(0)?;
        }
        file.write_all(text)
    }

    /// The last `count` lines; none when there is no log.
    pub fn tail(&self, count: usize) -> Vec<String> {
        let text = fs::read(&self.path).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(count)..].iter().map(ToString::to_string).collect()
    }

    /// As the API names them: one file under three names.
    pub fn files(&self) -> Value {
        let path = &self.path;
        json!({"combined": path, "stdout": path, "stderr": path})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::new(folder.path(), "web");
        assert!(log.tail(2).is_empty());
        for line in ["one\n", "two\n", "three\n"] {
            log.append(line.as_bytes()).unwrap();
        }
        assert_eq!(log.tail(2), ["two", "three"]);
    }
}
