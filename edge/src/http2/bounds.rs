//! What a client may do within one connection.

use bytes::Bytes;
use h2::server::{Builder, Connection};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::limits::{
    HTTP2_CONNECTION_WINDOW_BYTES, HTTP2_HEAD_LIST_BYTES, HTTP2_SEND_BUFFER_BYTES,
    HTTP2_STREAM_WINDOW_BYTES,
};

/// The beginning of a connection, with at most `streams` requests at a time.
///
/// # Errors
/// When the client speaks something else, or is gone.
pub(crate) async fn handshake<T>(io: T, streams: u32) -> Result<Connection<T, Bytes>, h2::Error>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    // What is not set here the library bounds by itself: streams that are reset before
    // they were looked at, errors that a client makes us answer, small DATA frames, and
    // CONTINUATION frames by the length of the list.
    Builder::new()
        .max_concurrent_streams(streams)
        .max_header_list_size(HTTP2_HEAD_LIST_BYTES)
        .initial_window_size(HTTP2_STREAM_WINDOW_BYTES)
        .initial_connection_window_size(HTTP2_CONNECTION_WINDOW_BYTES)
        .max_send_buffer_size(HTTP2_SEND_BUFFER_BYTES)
        .enable_connect_protocol()
        .handshake(io)
        .await
}
