//! Descriptors that go from one process to another along with a line of text.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

use crate::limits::HANDED_SOCKETS_MAX;

const SPACE: usize = rustix::cmsg_space!(ScmRights(HANDED_SOCKETS_MAX));

/// Sends `line`, which is short, and `sockets` with it.
///
/// # Errors
/// When the other side is gone, or there are more than [`HANDED_SOCKETS_MAX`].
pub(super) fn send(stream: &UnixStream, line: &str, sockets: &[TcpListener]) -> io::Result<()> {
    let sockets: Vec<BorrowedFd<'_>> = sockets.iter().map(|socket| socket.as_fd()).collect();
    let mut space = [MaybeUninit::uninit(); SPACE];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(&sockets)) {
        return Err(io::Error::other("too many listening sockets"));
    }
    let sent = sendmsg(stream, &[IoSlice::new(line.as_bytes())], &mut control, SendFlags::empty())?;
    if sent == line.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
}

/// The line, without its end, and the sockets that came with it.
///
/// # Errors
/// When the other side says nothing more.
pub(super) fn receive(stream: &UnixStream) -> io::Result<(String, Vec<TcpListener>)> {
    let mut bytes = [0; 512];
    let mut space = [MaybeUninit::uninit(); SPACE];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received =
        recvmsg(stream, &mut [IoSliceMut::new(&mut bytes)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let mut sockets = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            sockets.extend(descriptors.map(TcpListener::from));
        }
    }
    let line = String::from_utf8_lossy(&bytes[..received.bytes]);
    match line.strip_suffix('\n') {
        Some(line) => Ok((line.to_owned(), sockets)),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}
