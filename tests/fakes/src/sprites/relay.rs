//! Lets a request through to a sprite and its answer back, upgrades included.
//!
//! Both end when the sprite's connections are cut, and keep it awake until then.

use std::io;

use axum::body::{Body, Bytes};
use axum::http::{Request, Response, StatusCode};
use futures_util::{Stream, StreamExt as _, stream};
use hyper::body::Incoming;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional;

use super::sprite::Awake;

/// Takes the visitor's side of a possible upgrade out of the request.
pub fn outgoing(mut request: Request<Body>) -> (Request<Body>, OnUpgrade) {
    let upgrade = hyper::upgrade::on(&mut request);
    (request, upgrade)
}

/// The answer for the visitor.
pub fn incoming(
    mut response: Response<Incoming>,
    visitor: OnUpgrade,
    awake: Awake,
) -> Response<Body> {
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let sprite = hyper::upgrade::on(&mut response);
        tokio::spawn(join(visitor, sprite, awake));
        return response.map(|_| Body::empty());
    }
    response.map(|body| Body::from_stream(guarded(Body::new(body).into_data_stream(), awake)))
}

/// The stream, cut short with an error when the sprite's connections are.
pub fn guarded<E: Into<axum::BoxError> + Send>(
    body: impl Stream<Item = Result<Bytes, E>> + Send + Unpin,
    awake: Awake,
) -> impl Stream<Item = Result<Bytes, axum::BoxError>> + Send {
    stream::unfold(Some((body, awake)), |state| async move {
        let (mut body, mut awake) = state?;
        tokio::select! {
            piece = body.next() => Some((piece?.map_err(Into::into), Some((body, awake)))),
            () = awake.cut() => {
                Some((Err(io::Error::from(io::ErrorKind::ConnectionReset).into()), None))
            }
        }
    })
}

/// Ends with either side, or with the sprite; there is nobody to tell how.
async fn join(visitor: OnUpgrade, sprite: OnUpgrade, mut awake: Awake) {
    let ends: hyper::Result<(Upgraded, Upgraded)> = tokio::try_join!(visitor, sprite);
    let Ok((visitor, sprite)) = ends else { return };
    let (mut visitor, mut sprite) = (TokioIo::new(visitor), TokioIo::new(sprite));
    tokio::select! {
        _ = copy_bidirectional(&mut visitor, &mut sprite) => {}
        () = awake.cut() => {}
    }
}
