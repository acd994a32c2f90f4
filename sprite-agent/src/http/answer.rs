//! Answers of our own: their form and the headers all of them carry.

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use hyper::{Response, StatusCode};
use serde::Serialize;
use shared::RequestId;
use shared::request_id::REQUEST_ID_HEADER;
use shared::wire::ErrorBody;

use super::file_body::FileBody;

/// Bytes of ours, or a body that is passed on as it comes: from the gateway, or out of a file.
pub type Body = Either<Full<Bytes>, Either<Incoming, FileBody>>;
pub type Answer = Response<Body>;

pub fn full(bytes: &'static [u8]) -> Body {
    Either::Left(Full::new(Bytes::from_static(bytes)))
}

pub fn passed_on(body: Incoming) -> Body {
    Either::Right(Either::Left(body))
}

pub fn file(body: FileBody) -> Body {
    Either::Right(Either::Right(body))
}

pub fn json(status: StatusCode, body: &impl Serialize) -> Answer {
    let body = serde_json::to_vec(body).expect("our own bodies are JSON");
    bytes(status, "application/json", Bytes::from(body))
}

pub fn bytes(status: StatusCode, content_type: &'static str, body: Bytes) -> Answer {
    let mut answer = Response::new(Either::Left(Full::new(body)));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// `code` is for programs, `message` a sentence for people.
pub fn error(status: StatusCode, code: &'static str, message: &str) -> Answer {
    json(status, &ErrorBody::new(code, message))
}

pub fn redirect(location: &str) -> Answer {
    let Ok(location) = HeaderValue::from_str(location) else {
        return error(StatusCode::BAD_REQUEST, "bad_path", "The path is not valid.");
    };
    let mut answer = bytes(StatusCode::FOUND, "text/plain; charset=utf-8", Bytes::new());
    answer.headers_mut().insert(LOCATION, location);
    answer
}

/// The connection of somebody whom no edge vouched for ends with the answer.
pub fn closing(mut answer: Answer) -> Answer {
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}

/// Puts on what every answer carries. Values that are there already stay.
pub fn finish(mut answer: Answer, request: RequestId) -> Answer {
    let id = HeaderValue::from_str(&request.to_string()).expect("an id is a header value");
    let headers = answer.headers_mut();
    headers.insert(HeaderName::from_static(REQUEST_ID_HEADER), id);
    for (name, value) in [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("permissions-policy"), PERMISSIONS),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    answer
}

/// The page uses none of these; script that got into it should not either.
const PERMISSIONS: &str = "camera=(), display-capture=(), geolocation=(), microphone=(), \
                           payment=(), usb=(), serial=(), hid=(), midi=()";
