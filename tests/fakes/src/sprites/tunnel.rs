//! TCP ports reached through a Unix socket: the way into a sprite's own
//! network, and out of it.
//!
//! The caller sends the port (two bytes, big-endian); one byte comes back,
//! and after `OPEN` the stream carries the connection's bytes.

use std::io;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// In place of a port: whichever the sprite's URL leads to.
pub const HTTP: u16 = 0;

const OPEN: u8 = 0;
const CLOSED: u8 = 1;

/// Connections at once through one socket; more wait their turn.
const CONNECTIONS_MAX: usize = 4096;

/// Everything is on this machine: a longer silence means a lost peer.
const OPENING_TIMEOUT: Duration = Duration::from_secs(5);

/// Connects to `port` beyond the socket at `path`.
///
/// # Errors
/// `ConnectionRefused` when nothing listens on the port.
pub async fn connect(path: &Path, port: u16) -> io::Result<UnixStream> {
    let opening = async {
        let mut stream = UnixStream::connect(path).await?;
        stream.write_all(&port.to_be_bytes()).await?;
        match stream.read_u8().await? {
            OPEN => Ok(stream),
            _ => Err(io::ErrorKind::ConnectionRefused.into()),
        }
    };
    timeout(OPENING_TIMEOUT, opening).await?
}

/// Serves the far end; `target` turns what was asked for into a port of
/// this network's loopback, or refuses it.
pub async fn serve(listener: UnixListener, target: impl Fn(u16) -> Option<u16>) {
    let turns = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let turn = turns.clone().acquire_owned().await.expect("never closed");
        let Ok((mut stream, _)) = listener.accept().await else { continue };
        let Ok(Ok(asked)) = timeout(OPENING_TIMEOUT, stream.read_u16()).await else { continue };
        let port = target(asked);
        tokio::spawn(async move {
            let _turn = turn;
            join(stream, port).await;
        });
    }
}

/// Ends with either side; there is nobody to tell how.
async fn join(mut stream: UnixStream, port: Option<u16>) {
    let tcp = match port {
        Some(port) => TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.ok(),
        None => None,
    };
    let Some(mut tcp) = tcp else {
        let _ = stream.write_u8(CLOSED).await;
        return;
    };
    let _ = tcp.set_nodelay(true);
    if stream.write_u8(OPEN).await.is_ok() {
        let _ = copy_bidirectional(&mut stream, &mut tcp).await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_port_is_reached_or_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tunnel.sock");
        let echo = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = echo.local_addr().unwrap().port();
        tokio::spawn(serve(UnixListener::bind(&path).unwrap(), move |asked| {
            (asked == HTTP).then_some(port)
        }));
        tokio::spawn(async move {
            let (mut stream, _) = echo.accept().await.unwrap();
            let (mut reader, mut writer) = stream.split();
            tokio::io::copy(&mut reader, &mut writer).await.unwrap();
        });
        let mut stream = connect(&path, HTTP).await.unwrap();
        stream.write_all(b"through").await.unwrap();
        let mut answer = [0; 7];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"through");
        let refused = connect(&path, 8080).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    }
}
