//! Files that somebody named in a configuration or on a command line. The name may be wrong: a
//! device never ends, a pipe may never begin, and what was meant for a key may be a disk image.

use std::fs::{File, FileType, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;

/// A key ring, a token, a certificate with its chain, a configuration, a text for people: all of
/// these have some kilobytes. A bundle of every authority that browsers trust has a quarter of it.
pub const MAX_BYTES: u64 = 1 << 20;

/// How long whoever writes into a pipe may take: a program that fetches a secret over a network.
const PIPE_MAX: Duration = Duration::from_secs(10);

/// Opens what is a file with an end. It does not wait.
///
/// # Errors
/// Says what it is instead.
pub fn open(path: &Path) -> io::Result<File> {
    // Before it is opened: some devices do something when they are.
    check(&path.metadata()?)?;
    let file = open_at_once(path)?;
    check(&file.metadata()?)?;
    Ok(file)
}

/// All of it. A pipe that somebody writes into, as a shell makes of `<(command)`, is waited for
/// ten seconds at most.
///
/// # Errors
/// When it is no file, has more than `max_bytes`, or cannot be read.
pub fn read(path: &Path, max_bytes: u64) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    // One more than it may have: a file can grow while it is read.
    let read = if path.metadata()?.file_type().is_fifo() {
        let until = Instant::now() + PIPE_MAX;
        Pipe { pipe: open_at_once(path)?, until }.take(max_bytes + 1).read_to_end(&mut content)?
    } else {
        open(path)?.take(max_bytes + 1).read_to_end(&mut content)?
    };
    if read as u64 > max_bytes {
        let message = format!("it has more than {max_bytes} bytes");
        return Err(io::Error::new(ErrorKind::FileTooLarge, message));
    }
    Ok(content)
}

/// A text of at most [`MAX_BYTES`].
///
/// # Errors
/// As [`read`], and when it is no text.
pub fn read_text(path: &Path) -> io::Result<String> {
    // Nothing of it is said: it may be a key.
    let no_text = |_| io::Error::new(ErrorKind::InvalidData, "it is no text in UTF-8");
    String::from_utf8(read(path, MAX_BYTES)?).map_err(no_text)
}

fn open_at_once(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

/// A pipe that is read until a moment, and not longer.
struct Pipe {
    pipe: File,
    until: Instant,
}

impl io::Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.pipe.read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                result => return result,
            }
            let left = self.until.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).map_err(io::Error::other)?;
            if poll(&mut [PollFd::new(&self.pipe, PollFlags::IN)], Some(&left))? == 0 {
                let message = "it is a pipe that nobody has written to its end";
                return Err(io::Error::new(ErrorKind::TimedOut, message));
            }
        }
    }
}

fn check(metadata: &Metadata) -> io::Result<()> {
    match other_than_file(metadata.file_type()) {
        None => Ok(()),
        Some(found) => {
            let message = format!("it is {found}, and no file");
            Err(io::Error::new(ErrorKind::InvalidInput, message))
        }
    }
}

/// What stands where a file is meant to; `None` for a file.
pub fn other_than_file(kind: FileType) -> Option<&'static str> {
    match kind {
        _ if kind.is_file() => None,
        _ if kind.is_dir() => Some("a folder"),
        _ if kind.is_fifo() => Some("a pipe"),
        _ if kind.is_socket() => Some("a socket"),
        _ => Some("a device"),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::fd::AsRawFd as _;
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn only_a_file_of_some_size_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let check = |path: &Path, expected: &str| {
            let error = read_text(path).unwrap_err().to_string();
            assert!(error.contains(expected), "{}: {error}", path.display());
        };
        std::fs::write(at("key"), "abc\n").unwrap();
        std::os::unix::fs::symlink(at("key"), at("link")).unwrap();
        assert_eq!(read_text(&at("link")).unwrap(), "abc\n");
        check(&at("absent"), "No such file");
        check(folder.path(), "it is a folder, and no file");
        check(Path::new("/dev/zero"), "it is a device, and no file");
        pipe(&at("pipe"));
        assert_eq!(read_text(&at("pipe")).unwrap(), "", "nobody writes into it");
        assert!(open(&at("pipe")).unwrap_err().to_string().contains("it is a pipe, and no file"));
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        check(&at("socket"), "it is a socket, and no file");
        // Five gigabytes, of which none is on the disk.
        File::create(at("image")).unwrap().set_len(5 << 30).unwrap();
        check(&at("image"), "it has more than 1048576 bytes");
        std::fs::write(at("binary"), b"\xff\xfe").unwrap();
        check(&at("binary"), "it is no text");
        assert_eq!(read(&at("key"), 4).unwrap(), b"abc\n");
        assert!(read(&at("key"), 3).is_err());
    }

    #[test]
    fn what_somebody_writes_into_a_pipe_is_read_to_its_end() {
        let (end, mut writer) = std::io::pipe().unwrap();
        let path = PathBuf::from(format!("/dev/fd/{}", end.as_raw_fd()));
        writer.write_all(b"abc").unwrap();
        let reader = std::thread::spawn(move || read_text(&path));
        writer.write_all(b"def\n").unwrap();
        drop(writer);
        assert_eq!(reader.join().unwrap().unwrap(), "abcdef\n");
    }

    #[test]
    fn a_pipe_that_nobody_ends_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        pipe(&path);
        // Both ways, so that the pipe has a writer.
        let _writer = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        let mut pipe = Pipe { pipe: open_at_once(&path).unwrap(), until: Instant::now() };
        let error = pipe.read(&mut [0; 8]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }

    fn pipe(path: &Path) {
        let made = std::process::Command::new("mkfifo").arg(path).status().unwrap();
        assert!(made.success());
    }
}
