//! What the archive says of itself: a page to begin with, and what was left out.

use std::fmt::Write as _;

/// Said one by one; of more only the number.
const LINES_MAX: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct Report {
    lines: Vec<String>,
    unsaid: u64,
    files: u64,
    bytes: u64,
}

impl Report {
    pub(super) fn taken(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// `path` as in the archive.
    pub(super) fn say(&mut self, path: &str, what: &str) {
        if self.lines.len() == LINES_MAX {
            self.unsaid += 1;
            return;
        }
        // A name with a line break must not look like another line.
        let path = path.replace(char::is_control, "?");
        self.lines.push(format!("{path}: {what}"));
    }

    pub(super) fn text(&self) -> String {
        let Self { lines, unsaid, files, bytes } = self;
        let mut text = format!("{files} files with {bytes} bytes are in this archive.\n");
        if lines.is_empty() {
            text.push_str("Nothing was left out.\n");
        }
        for line in lines {
            text.push_str(line);
            text.push('\n');
        }
        if *unsaid > 0 {
            writeln!(text, "{unsaid} more were left out.").expect("writing to a string");
        }
        text
    }
}

pub(super) fn read_me(username: &str) -> String {
    format!(
        "Everything of the workspace {username}\n\
         \n\
         openclaw/openclaw.json   your assistant's settings; values of keys and passwords are\n\
         \x20                        left out\n\
         openclaw/workspace/      files, skills and notes that your assistant works with, as they\n\
         \x20                        were: if you kept keys of your own in them, they are in here\n\
         openclaw/agents/         conversations: one line of JSON for each message, or SQLite\n\
         \x20                        databases, with their -wal files beside them\n\
         openclaw/                everything else that OpenClaw keeps, such as schedules\n\
         home/                    what lay beside it in the machine's home folder\n\
         REPORT.txt               what was left out or changed while it was read, and why\n\
         \n\
         Passwords, keys and the sign-ins of connected accounts are not in here: connect them\n\
         again where you go. Databases are copied while they are in use; should one not open,\n\
         ask for the archive again. OpenClaw reads the folder openclaw/ as its state folder\n\
         (OPENCLAW_STATE_DIR). From the chat page each conversation can also be saved as\n\
         Markdown or JSON.\n"
    )
}
