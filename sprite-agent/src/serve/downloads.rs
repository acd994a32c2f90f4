//! `/files/…`: one file of the assistant's own folder, to be saved; `/attachments/…`: one that came
//! with a message.
//!
//! The page lists the folder, and looks at texts and pictures in it, by asking the gateway; what
//! is saved comes from here, whatever it is and however large. It is never shown under the
//! workspace's own origin: whatever the assistant has written is bytes to a browser.
//!
//! The assistant may exchange folders for links while we look, and we may be root: nothing is
//! opened but by its name in a folder that is open already, and no link is followed.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;

use hyper::header::{
    CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, HeaderValue, RETRY_AFTER,
};
use hyper::{Method, StatusCode};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use rustix::fs::{FileType, Mode, OFlags, fstat, openat};
use tracing::debug;

use crate::agent::Agent;
use crate::http::answer::{self, Answer};
use crate::http::file_body::FileBody;

/// Folders in each other; each is opened on the way.
const DEPTH_MAX: usize = 64;

/// A larger one comes with the export, which goes past the edge.
const FILE_MAX_BYTES: u64 = 2 << 30;

/// All but what RFC 8187 lets stand.
const NOT_IN_NAME: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'%')
    .add(b'\'')
    .add(b'(')
    .add(b')')
    .add(b'*')
    .add(b',')
    .add(b'/')
    .add(b':')
    .add(b';')
    .add(b'<')
    .add(b'=')
    .add(b'>')
    .add(b'?')
    .add(b'@')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'{')
    .add(b'}');

/// `path` is what follows the prefix, as it came, and leads to a file in `folder`.
pub async fn answer(agent: &Agent, folder: Option<&Path>, method: &Method, path: &str) -> Answer {
    let Some(names) = names_in(path) else { return not_there() };
    let Some(folder) = folder.map(Path::to_owned) else { return not_there() };
    let Some(place) = agent.claim_download() else {
        let message = "Several files are being saved already; try again when one is done.";
        let code = "too_many_downloads";
        let mut answer = answer::error(StatusCode::SERVICE_UNAVAILABLE, code, message);
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
        return answer;
    };
    let name = names.last().cloned().unwrap_or_default();
    // A disk that hangs must not hold up the conversations.
    let opened = tokio::task::spawn_blocking(move || open(&folder, &names)).await;
    let (file, bytes) = match opened {
        Ok(Ok(opened)) => opened,
        Ok(Err(error)) => {
            debug!(%error, "a file that was asked for cannot be opened");
            return not_there();
        }
        Err(_) => return not_there(),
    };
    if bytes > FILE_MAX_BYTES {
        let message = "This file is too large to be saved here; take it out with the export.";
        return answer::error(StatusCode::PAYLOAD_TOO_LARGE, "file_too_large", message);
    }
    let mut answer = answer::bytes(StatusCode::OK, "application/octet-stream", bytes::Bytes::new());
    if *method == Method::GET {
        *answer.body_mut() = answer::file(FileBody::read(file, bytes, place));
    }
    let headers = answer.headers_mut();
    headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes));
    headers.insert(CONTENT_DISPOSITION, disposition(&name));
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; sandbox; frame-ancestors 'none'"),
    );
    answer
}

fn not_there() -> Answer {
    let message = "Your assistant has no such file.";
    answer::error(StatusCode::NOT_FOUND, "no_file", message)
}

/// The name is the assistant's: only as an extended value, in which nothing has a meaning.
fn disposition(name: &str) -> HeaderValue {
    let name = utf8_percent_encode(name, NOT_IN_NAME);
    HeaderValue::from_str(&format!("attachment; filename*=UTF-8''{name}"))
        .expect("what is encoded is ASCII")
}

/// The names on the way, decoded; `None` unless each is the plain name of an entry.
fn names_in(path: &str) -> Option<Vec<String>> {
    let names = path.split('/').map(|name| {
        let name = percent_decode_str(name).decode_utf8().ok()?;
        let is_plain =
            !matches!(&*name, "" | "." | "..") && !name.contains(['/', '\0']) && name.len() <= 255;
        is_plain.then(|| name.into_owned())
    });
    let names: Vec<_> = names.take(DEPTH_MAX + 1).collect::<Option<_>>()?;
    (names.len() <= DEPTH_MAX).then_some(names)
}

/// The file with its length. A second name for it would be of something outside this folder.
fn open(root: &Path, names: &[String]) -> std::io::Result<(File, u64)> {
    let (name, folders) = names.split_last().ok_or(std::io::ErrorKind::NotFound)?;
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NOCTTY;
    // The root's own path is the operator's, and may lead through links.
    let mut folder: OwnedFd = File::open(root)?.into();
    for inner in folders {
        folder = openat(&folder, inner.as_str(), flags | OFlags::DIRECTORY, Mode::empty())?;
    }
    // Without waiting: a pipe would hold us up for ever.
    let file = openat(&folder, name.as_str(), flags | OFlags::NONBLOCK, Mode::empty())?;
    let seen = fstat(&file)?;
    if !FileType::from_raw_mode(seen.st_mode).is_file() || seen.st_nlink != 1 {
        return Err(std::io::ErrorKind::NotFound.into());
    }
    Ok((file.into(), u64::try_from(seen.st_size).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_plain_names_lead_to_a_file() {
        assert_eq!(names_in("a/b%20c.md"), Some(vec!["a".to_owned(), "b c.md".to_owned()]));
        assert_eq!(names_in("%C3%A4.txt"), Some(vec!["ä.txt".to_owned()]));
        let long = "x".repeat(256);
        let deep = vec!["a"; DEPTH_MAX + 1].join("/");
        let no =
            ["", "a/", "/a", "..", "a/../b", "%2e%2e/x", "a%2Fb", "a%00", ".", "%ff", &long, &deep];
        for path in no {
            assert_eq!(names_in(path), None, "{path}");
        }
    }

    #[test]
    fn nothing_outside_the_folder_is_opened_whatever_lies_in_it() {
        let machine = tempfile::tempdir().unwrap();
        let root = machine.path().join("workspace");
        fs::create_dir_all(root.join("in")).unwrap();
        fs::write(machine.path().join("secret"), "s").unwrap();
        fs::write(root.join("in/mine.txt"), "mine").unwrap();
        symlink("../secret", root.join("link")).unwrap();
        symlink("in/mine.txt", root.join("inner-link")).unwrap();
        symlink("..", root.join("up")).unwrap();
        fs::hard_link(machine.path().join("secret"), root.join("hard")).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, root.join("pipe"), FileType::Fifo, Mode::RUSR, 0)
            .unwrap();
        let opens = |path: &str| open(&root, &names_in(path).unwrap()).map(|(_, bytes)| bytes).ok();
        assert_eq!(opens("in/mine.txt"), Some(4));
        for path in
            ["link", "inner-link", "up/secret", "hard", "pipe", "in", "gone", "in/mine.txt/x"]
        {
            assert_eq!(opens(path), None, "{path}");
        }
    }

    #[test]
    fn a_name_cannot_say_anything_in_the_header() {
        let check = |name: &str, expected: &str| {
            let expected = format!("attachment; filename*=UTF-8''{expected}");
            assert_eq!(disposition(name), expected, "{name:?}");
        };
        check("report 1.pdf", "report%201.pdf");
        check("ä\"; filename=x\r\ny", "%C3%A4%22%3B%20filename%3Dx%0D%0Ay");
    }
}
