//! To which trace a request belongs, and which span of it is the edge's own
//! (W3C Trace Context).

use shared::RequestId;

use crate::head::Head;
use crate::policy::request::valid_traceparent;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Trace {
    pub(super) id: u128,
    pub(super) span: u64,
    /// The span of who has asked.
    pub(super) parent: Option<u64>,
    /// Is it wanted by whoever has begun it? Nobody else sees all of it.
    pub(super) is_sampled: bool,
}

impl Trace {
    /// Goes on with what `head` says, or begins one of which the id is the request's, so that
    /// logs and traces meet.
    pub(super) fn of(head: &Head<'_>, request: RequestId) -> Self {
        // Random as well; a span is never all zero.
        let span = fastrand::u64(1..);
        let begun = || Self { id: request.bits(), span, parent: None, is_sampled: true };
        let parsed = head.value("traceparent").and_then(parse);
        parsed.map_or_else(begun, |(id, parent, flags)| Self {
            id,
            span,
            parent: Some(parent),
            is_sampled: flags & 1 == 1,
        })
    }

    /// What the next server is told.
    pub(super) fn traceparent(&self) -> [u8; 55] {
        let mut text = *b"00-................................-................-00";
        text[3..35].copy_from_slice(&RequestId::from_bits(self.id).digits());
        text[36..52].copy_from_slice(&span_digits(self.span));
        text[54] = if self.is_sampled { b'1' } else { b'0' };
        text
    }
}

pub(crate) fn span_digits(span: u64) -> [u8; 16] {
    let digits = RequestId::from_bits(span.into()).digits();
    digits[16..].try_into().expect("half of the digits")
}

/// Its trace, its span and its flags.
fn parse(value: &[u8]) -> Option<(u128, u64, u8)> {
    let text = valid_traceparent(value)?;
    Some((
        u128::from_str_radix(&text[3..35], 16).ok()?,
        u64::from_str_radix(&text[36..52], 16).ok()?,
        u8::from_str_radix(&text[53..], 16).ok()?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head::NO_HEADERS;
    use proptest::prelude::*;

    fn of(lines: &str) -> Trace {
        let text = format!("GET / HTTP/1.1\r\nHost: a.test\r\n{lines}\r\n");
        let mut slots = NO_HEADERS;
        let head = Head::parse(text.as_bytes(), &mut slots).unwrap();
        Trace::of(&head, RequestId::from_bits(7))
    }

    #[test]
    fn a_trace_goes_on_or_begins_with_the_request() {
        let theirs = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331";
        let trace = of(&format!("traceparent: {theirs}-01\r\n"));
        assert_eq!((trace.parent, trace.is_sampled), (Some(0xb7ad_6b71_6920_3331), true));
        let ours = String::from_utf8(trace.traceparent().to_vec()).unwrap();
        assert!(ours.starts_with(&theirs[..36]) && ours.ends_with("-01"), "{ours}");
        assert!(!ours.contains("b7ad6b7169203331"), "the parent of what follows is our own span");
        assert!(!of(&format!("traceparent: {theirs}-00\r\n")).is_sampled);
        for bad in ["", "00-0-0-01", &format!("ff-{}-01", &theirs[3..]), &format!("{theirs}-01-x")]
        {
            let trace = of(&format!("traceparent: {bad}\r\n"));
            assert_eq!((trace.id, trace.parent, trace.is_sampled), (7, None, true), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(id in 1u128.., span in 1u64.., is_sampled in any::<bool>()) {
            let trace = Trace { id, span, parent: None, is_sampled };
            prop_assert_eq!(parse(&trace.traceparent()), Some((id, span, u8::from(is_sampled))));
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            parse(&bytes);
        }
    }
}
