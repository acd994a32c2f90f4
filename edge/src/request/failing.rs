//! What a client is told when its request cannot be answered: it was not passed on, its answer
//! did not come back, or access ended meanwhile.

use super::connection::{ConnectionHandler, Next};
use crate::client_stream::ClientStream;
use crate::forward::{ForwardError, Malformed, TargetKind};
use crate::head::HeadError;
use crate::observe::RequestRecord;
use crate::observe::labels::{Limit, Source};
use crate::respond::{Refusal, Response, ResponseOptions};

impl ConnectionHandler {
    /// What becomes of the connection when a request could not be passed on, or its
    /// answer not be brought back.
    pub(super) async fn fail(
        &self,
        stream: &mut ClientStream,
        error: &ForwardError,
        kind: TargetKind,
        mut record: RequestRecord,
        options: ResponseOptions,
    ) -> Next {
        tracing::debug!(request = %options.request, %error, "a request could not be passed on");
        let source = if error.is_clients() { Source::Client } else { kind.source() };
        // Only the end of the connection can tell of a failure in the middle.
        if record.has_response() || matches!(error, ForwardError::Client) {
            record.failed(source);
            return Next::Drop;
        }
        let response = self.failure(error, kind, options);
        record.answered(source, response.status);
        self.respond(stream, &response, options.keep_alive).await
    }

    /// Access was taken away: what has begun must not look whole, and what has not
    /// is told so.
    pub(super) async fn end_revoked(
        &self,
        stream: &mut ClientStream,
        mut record: RequestRecord,
        options: ResponseOptions,
    ) -> Next {
        if record.has_response() {
            record.revoked();
            return Next::Drop;
        }
        let response = Response::refused(Refusal::AccessEnded, self.handler.site(), options);
        record.answered(Source::Edge, response.status);
        record.revoked();
        // What is left of the body is nobody's any more.
        self.respond(stream, &response, false).await;
        Next::Close
    }

    /// The response in place of one that cannot be brought back.
    fn failure(
        &self,
        error: &ForwardError,
        kind: TargetKind,
        options: ResponseOptions,
    ) -> Response {
        let malformed = |error: HeadError| {
            self.telemetry.metrics.count_malformed(error);
            Response::malformed(error, options.request)
        };
        let refusal = match (error, kind) {
            (ForwardError::Body(_), _) => return malformed(HeadError::Chunk),
            (ForwardError::EarlyBytes, _) => return malformed(HeadError::EarlyBytes),
            (ForwardError::BodyTimeout, _) => Refusal::BodyTimeout,
            (ForwardError::Waking, _) => Refusal::Waking,
            (ForwardError::GivenUp, _) => Refusal::GivenUp,
            (ForwardError::Crowded, _) => {
                self.telemetry.metrics.count_limited(Limit::Held);
                Refusal::TooManyRequests
            }
            (ForwardError::TooLarge, _) => Refusal::BodyTooLarge,
            (_, TargetKind::Site) => Refusal::SiteUnreachable,
            (ForwardError::Malformed(Malformed::Upgrade), _) => Refusal::SpriteRefusedUpgrade,
            (_, TargetKind::Sprite(_)) if error.is_timeout() => Refusal::SpriteTimeout,
            (_, TargetKind::Sprite(_)) => Refusal::SpriteUnreachable,
        };
        Response::refused(refusal, self.handler.site(), options)
    }
}
