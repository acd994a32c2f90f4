//! Connections and heads that are refused before anybody knows what they want.

use bytes::BytesMut;
use memchr::memmem;
use pingora::time::timeout;
use tokio::io::AsyncReadExt as _;

use super::connection::ConnectionHandler;
use super::entrance::Entrance;
use super::farewell::linger_briefly;
use super::overlong::Overlong;
use crate::client_stream::ClientStream;
use crate::head::HeadError;
use crate::limits::{OVERLONG_HEAD_BYTES, TooMany};
use crate::observe::labels::{Limit, Outcome, Source};
use crate::observe::random_request_id;
use crate::respond::{Refusal, Response, ResponseOptions};

impl ConnectionHandler {
    /// Answers a head that cannot be trusted, and ends: where the next request
    /// would begin cannot be known.
    pub(super) async fn refuse_head(&self, mut stream: ClientStream, error: HeadError) {
        let request = random_request_id();
        let response = Response::malformed(error, request);
        self.write(&mut stream, &response).await;
        self.telemetry.refused_head(request, &stream.arrival(), error);
        self.close(stream).await;
    }

    /// The same for a head that is too large: a person gets a page that helps.
    pub(super) async fn refuse_overlong(&self, mut stream: ClientStream, mut bytes: BytesMut) {
        let request = random_request_id();
        if let Ok(_place) = self.places.overlong.try_acquire() {
            let rest = async {
                let is_whole = |bytes: &[u8]| memmem::find(bytes, b"\r\n\r\n").is_some();
                while !is_whole(&bytes) && bytes.len() < OVERLONG_HEAD_BYTES {
                    if stream.read_buf(&mut bytes).await? == 0 {
                        break;
                    }
                }
                std::io::Result::Ok(())
            };
            // What there is by then has to do.
            let _ = timeout(self.limits.configured().deadlines.head, rest).await;
        }
        let options = ResponseOptions { request, page: None, keep_alive: false, head_only: false };
        let head = Overlong::read(&bytes);
        let is_ours = |host: &str| self.handler.is_ours(host);
        let (error, response) = (head.error(), head.answer(self.handler.site(), is_ours, options));
        drop(bytes);
        self.write(&mut stream, &response).await;
        self.telemetry.refused_head(request, &stream.arrival(), error);
        self.close(stream).await;
    }

    /// Costs as little as can be: this happens when there is too little of everything.
    pub(super) async fn refuse_connection(
        &self,
        mut stream: ClientStream,
        entrance: &Entrance,
        too_many: TooMany,
    ) {
        self.telemetry.metrics.connections_refused.inc();
        self.telemetry.metrics.count(Source::Edge, Outcome::Refused);
        self.telemetry.metrics.count_limited(match too_many {
            TooMany::InAll => Limit::Connections,
            TooMany::FromAddress => Limit::ConnectionsPerAddress,
            TooMany::Floods => Limit::Floods,
        });
        // To a client that waits for a handshake a text means nothing.
        if too_many != TooMany::FromAddress || matches!(entrance, Entrance::Tls(_)) {
            return;
        }
        let options = ResponseOptions {
            request: random_request_id(),
            page: None,
            keep_alive: false,
            head_only: false,
        };
        let response = Response::refused(Refusal::TooManyConnections, self.handler.site(), options);
        // Its request is unread, and would destroy the answer: but not many at a time
        // may hold a descriptor for that.
        let Ok(_place) = self.places.refused.try_acquire() else { return };
        self.write(&mut stream, &response).await;
        linger_briefly(stream).await;
    }
}
