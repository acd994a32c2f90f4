//! The form of a backup: lines of JSON, the last of which says that the file is whole.
//!
//! ```text
//! {"head":{"format":1,"release":"0.3.0","made_at":1800000000000,"schema":13,"generation":41}}
//! {"keys":"current = …"}
//! {"table":"customers","columns":[["username","text"],…]}
//! ["ada","ada@example.com",…]
//! {"end":{"rows":1,"sha256":"…"}}
//! ```

use std::io::{self, BufRead as _, BufReader, Read as _, Write};
use std::path::Path;

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use shared::process::named_file;
use shared::{Generation, hex};

use crate::store::{Cells, TableShape};

/// Of the file. Another number is another form, which this release cannot read.
pub(super) const FORMAT: u64 = 1;

/// Longest line that is read: a row with a letter in it has some kilobytes.
const LINE_MAX_BYTES: u64 = 64 << 20;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) format: u64,
    /// That wrote it.
    pub(super) release: String,
    /// Unix milliseconds.
    pub(super) made_at: u64,
    /// Number of the newest migration.
    pub(super) schema: u64,
    /// Of the route table.
    pub(super) generation: Generation,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Line {
    Row(Cells),
    Head { head: Head },
    Keys { keys: String },
    Table(TableShape),
    End { end: End },
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct End {
    rows: u64,
    /// Of every byte before this line.
    sha256: String,
}

pub(super) struct Writer<W> {
    out: W,
    digest: Sha256,
    rows: u64,
}

impl<W: Write> Writer<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, digest: Sha256::new(), rows: 0 }
    }

    pub(super) fn put(&mut self, line: &Line) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.digest.update(&text);
        self.rows += u64::from(matches!(line, Line::Row(_)));
        self.out.write_all(&text)
    }

    /// How many rows there are.
    pub(super) fn finish(mut self) -> io::Result<(W, u64)> {
        let (rows, digest) = (self.rows, self.digest.clone().finalize());
        self.put(&Line::End { end: End { rows, sha256: hex::encode(&digest) } })?;
        self.out.flush()?;
        Ok((self.out, rows))
    }
}

/// Reads line by line; [`Reader::next`] has seen the end line before it says that all came.
pub(super) struct Reader {
    lines: BufReader<std::fs::File>,
    digest: Sha256,
    rows: u64,
    number: u64,
    has_ended: bool,
}

impl Reader {
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let file =
            named_file::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        let lines = BufReader::with_capacity(1 << 20, file);
        Ok(Self { lines, digest: Sha256::new(), rows: 0, number: 0, has_ended: false })
    }

    /// `None` after the end.
    pub(super) fn next(&mut self) -> anyhow::Result<Option<Line>> {
        let mut text = Vec::new();
        let read = (&mut self.lines).take(LINE_MAX_BYTES).read_until(b'\n', &mut text)?;
        self.number += 1;
        if read == 0 {
            if self.has_ended {
                return Ok(None);
            }
            bail!("the backup breaks off after line {}: it is not whole", self.number - 1);
        }
        if self.has_ended {
            bail!("line {}: something follows the end", self.number);
        }
        let line: Line = serde_json::from_slice(&text)
            .map_err(|_| anyhow::anyhow!("line {}: it is no line of a backup", self.number))?;
        if let Line::End { end } = &line {
            let digest = hex::encode(&self.digest.clone().finalize());
            if end.rows != self.rows || end.sha256 != digest {
                bail!("the backup was changed since it was made: its checksum is another one");
            }
            self.has_ended = true;
        }
        self.rows += u64::from(matches!(line, Line::Row(_)));
        self.digest.update(&text);
        Ok(Some(line))
    }
}

/// Reads all of it once, so that nothing is begun with a file that breaks off.
pub(super) fn examine(path: &Path) -> anyhow::Result<(Head, String)> {
    let mut reader = Reader::open(path)?;
    let head = match reader.next()? {
        Some(Line::Head { head }) => head,
        _ => bail!("{} is no backup of control's", path.display()),
    };
    if head.format != FORMAT {
        bail!(
            "{} has form {}, and this release reads {FORMAT}: restore with release {}",
            path.display(),
            head.format,
            head.release
        );
    }
    let Some(Line::Keys { keys }) = reader.next()? else { bail!("the backup has no key ring") };
    while reader.next()?.is_some() {}
    Ok((head, keys))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written() -> Vec<u8> {
        let mut writer = Writer::new(Vec::new());
        let generation = Generation(4);
        let release = "1.2.3".to_owned();
        let head = Head { format: FORMAT, release, made_at: 1, schema: 13, generation };
        writer.put(&Line::Head { head }).unwrap();
        writer.put(&Line::Keys { keys: "current".to_owned() }).unwrap();
        writer.put(&Line::Row(vec![json!("ada"), json!(null), json!(-7)])).unwrap();
        writer.finish().unwrap().0
    }

    fn check(bytes: &[u8], expected: Result<(), &str>) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let seen = examine(file.path()).map(drop).map_err(|error| error.to_string());
        match expected {
            Ok(()) => assert_eq!(seen, Ok(())),
            Err(part) => assert!(seen.as_ref().unwrap_err().contains(part), "{seen:?}"),
        }
    }

    #[test]
    fn a_backup_is_read_whole_or_not_at_all() {
        let good = written();
        check(&good, Ok(()));
        let text = String::from_utf8(good.clone()).unwrap();
        let lines: Vec<_> = text.lines().collect();
        check(format!("{}\n", lines[..3].join("\n")).as_bytes(), Err("it is not whole"));
        check(&good[..good.len() - 9], Err("it is no line of a backup"));
        check(text.replace("\"ada\"", "\"eve\"").as_bytes(), Err("was changed"));
        check((text.clone() + "[1]\n").as_bytes(), Err("something follows"));
        check(text.replace("\"format\":1", "\"format\":2").as_bytes(), Err("has form 2"));
        check(b"[[edges]]\n", Err("line 1"));
    }
}
