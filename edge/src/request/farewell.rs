//! The last moments of a connection: what was said last must arrive.

use std::time::Duration;

use pingora::time::timeout;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Semaphore;

use crate::client_stream::ClientStream;
use crate::limits::{
    LINGER, LINGER_BRIEF, LINGER_SILENCE, LINGERING_MAX, OVERLONG_AT_ONCE, REFUSED_AT_ONCE,
};

/// Places for connections that are told something before they end.
pub(crate) struct Places {
    /// Beyond the limit of their address.
    pub(super) refused: Semaphore,
    lingering: Semaphore,
    pub(super) overlong: Semaphore,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            refused: Semaphore::new(REFUSED_AT_ONCE),
            lingering: Semaphore::new(LINGERING_MAX),
            overlong: Semaphore::new(OVERLONG_AT_ONCE),
        }
    }
}

impl Places {
    /// Ends the connection, or the one stream of it, so that what was said last arrives.
    pub(super) async fn linger(&self, stream: ClientStream) {
        match self.lingering.try_acquire() {
            Ok(_place) => linger(stream, LINGER_SILENCE, LINGER).await,
            Err(_) => linger_briefly(stream).await,
        }
    }
}

/// The same for a connection of which there may be many.
pub(super) async fn linger_briefly(stream: ClientStream) {
    linger(stream, LINGER_BRIEF, LINGER_BRIEF).await;
}

/// Says that nothing more comes, and reads on until the client has seen it, is
/// silent, or `longest` is over: closing with unread bytes would reset the connection
/// and destroy the response with it. A stream of HTTP/2 would be reset right behind its
/// answer, which curl takes for the end of a request that nobody answered, and of which
/// Python's httpx hears nothing while it waits to send more.
async fn linger(mut stream: ClientStream, silence: Duration, longest: Duration) {
    let drain = async {
        stream.shutdown().await?;
        let mut space = vec![0; 16 * 1024];
        loop {
            match timeout(silence, stream.read(&mut space)).await {
                Ok(Ok(1..)) => {}
                Ok(Err(error)) => return Err(error),
                Ok(Ok(0)) | Err(_) => return Ok(()),
            }
        }
    };
    // Whether it ended well matters to nobody any more.
    let _ = timeout(longest, drain).await;
}
