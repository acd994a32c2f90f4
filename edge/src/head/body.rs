//! How the body of a request is delimited.

/// How the end of the request's body is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    None,
    Length(u64),
    Chunked,
}
