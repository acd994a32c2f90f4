//! Calls that a sprite answers itself: wake it, let them through.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::header::{CONTENT_TYPE, UPGRADE};
use axum::http::{Method, Response, Uri};
use axum::response::IntoResponse as _;
use futures_util::{SinkExt as _, StreamExt as _, future, stream};
use tokio::net::UnixStream;
use tokio::time::sleep;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;

use super::fleet::Fleet;
use super::guest::session::stream_id;
use super::refusal::Refusal;
use super::relay;
use super::sprite::{Awake, Sprite};

/// How long a call to a wedged sprite hangs, if its client lets it.
const WEDGED: Duration = Duration::from_secs(600);

/// Pause before each frame but the first of a command over plain HTTP. Clients
/// take what one read returns for one frame, and lose the exit behind output.
const FRAME_GAP: Duration = Duration::from_millis(10);

/// Folders of the API that the sprite serves itself. `control` is not among
/// them: clients fall back to `exec`.
const SERVED_INSIDE: [&str; 5] = ["exec", "fs", "ports", "proxy", "services"];

pub async fn forward(
    State(fleet): State<Arc<Fleet>>,
    Path((name, rest)): Path<(String, String)>,
    request: Request,
) -> Result<Response<Body>, Refusal> {
    let sprite = fleet.find(&name)?;
    let folder = rest.split('/').next().unwrap_or_default();
    if !SERVED_INSIDE.contains(&folder) {
        return Err(Refusal::not_found("not found"));
    }
    if folder == "services" {
        hang_if_wedged(&sprite).await?;
    }
    let awake = sprite.wake().await?;
    let is_put = request.method() == Method::PUT;
    if folder == "services" && is_put && sprite.take_unready() {
        return Err(Refusal::unavailable("service manager is not ready"));
    }
    let starts_command =
        request.method() == Method::POST || request.headers().contains_key(UPGRADE);
    if rest == "exec" && starts_command {
        sleep(sprite.settings().exec).await;
    }
    if rest == "exec" && request.method() == Method::POST {
        return exec(awake, request).await;
    }
    let (mut request, upgrade) = relay::outgoing(request);
    *request.uri_mut() = inner_uri(request.uri());
    let sent = super::inward::send(&awake.sockets.api(), request).await;
    let response = sent.map_err(|error| Refusal::unavailable(format!("{error:#}")))?;
    let mut response = relay::incoming(response, upgrade, awake);
    if folder == "exec" {
        let capability = "signal".parse().expect("a plain word");
        response.headers_mut().insert("x-sprite-capabilities", capability);
    }
    Ok(response)
}

/// # Errors
/// 504 for a client of endless patience.
pub async fn hang_if_wedged(sprite: &Sprite) -> Result<(), Refusal> {
    if !sprite.trouble().wedged {
        return Ok(());
    }
    sleep(WEDGED).await;
    Err(Refusal::new(axum::http::StatusCode::GATEWAY_TIMEOUT, "upstream timed out"))
}

/// `/v1/sprites/NAME/exec?…` outside is `/v1/exec?…` inside.
fn inner_uri(uri: &Uri) -> Uri {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let rest = path.splitn(5, '/').nth(4).unwrap_or_default();
    format!("/v1/{rest}").parse().expect("a part of a URI is a URI")
}

/// A command over plain HTTP: each frame of its output is one chunk.
async fn exec(awake: Awake, request: Request) -> Result<Response<Body>, Refusal> {
    let uri = inner_uri(request.uri());
    let has_input = uri.query().is_some_and(|query| query.contains("stdin=true"));
    let failed = |error: &dyn std::fmt::Display| Refusal::unavailable(format!("exec: {error}"));
    let stream = UnixStream::connect(awake.sockets.api()).await.map_err(|error| failed(&error))?;
    let (socket, _) = match client_async(format!("ws://sprite{uri}"), stream).await {
        Ok(connected) => connected,
        Err(tokio_tungstenite::tungstenite::Error::Http(refused)) => {
            let (parts, body) = refused.into_parts();
            let body = Body::from(body.unwrap_or_default());
            let headers = [(CONTENT_TYPE, "application/json")];
            return Ok((parts.status, headers, body).into_response());
        }
        Err(error) => return Err(failed(&error)),
    };
    let (mut sink, frames) = socket.split();
    let mut input = request.into_body().into_data_stream();
    let feeding = tokio::spawn(async move {
        while let Some(Ok(piece)) = input.next().await {
            if has_input {
                let mut frame = vec![stream_id::STDIN];
                frame.extend_from_slice(&piece);
                sink.send(Message::Binary(frame.into())).await?;
            }
        }
        sink.send(Message::Binary(vec![stream_id::STDIN_EOF].into())).await?;
        Ok::<_, tokio_tungstenite::tungstenite::Error>(sink)
    });
    let start = (frames, Some(feeding), Duration::ZERO);
    let output = stream::unfold(start, |(mut frames, feeding, gap)| async move {
        // Kept to the end: its half of the socket must not close before.
        let feeding = feeding?;
        loop {
            match frames.next().await? {
                Ok(Message::Binary(frame)) => {
                    sleep(gap).await;
                    let goes_on = frame.first() != Some(&stream_id::EXIT);
                    return Some((Ok(frame), (frames, goes_on.then_some(feeding), FRAME_GAP)));
                }
                Ok(_) => {}
                Err(error) => return Some((Err(error), (frames, None, FRAME_GAP))),
            }
        }
    });
    let body = relay::guarded(Box::pin(output), awake);
    let body = body.filter(|piece| future::ready(!matches!(piece, Ok(bytes) if bytes.is_empty())));
    Ok(([(CONTENT_TYPE, "application/octet-stream")], Body::from_stream(body)).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sprites_name_is_left_outside() {
        let inner = |uri: &str| inner_uri(&uri.parse().unwrap()).to_string();
        assert_eq!(inner("/v1/sprites/dev-1/exec?cmd=a+b"), "/v1/exec?cmd=a+b");
        assert_eq!(inner("/v1/sprites/dev-1/services/a%2Fb/stop"), "/v1/services/a%2Fb/stop");
    }
}
