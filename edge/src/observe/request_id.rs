//! The id by which a request is found again in every log.

use shared::RequestId;

/// From a generator that is fast rather than secret: these ids only tell requests apart.
pub(crate) fn random_request_id() -> RequestId {
    RequestId::from_bits(fastrand::u128(..))
}
