//! The beginning of an answer of the site's, which several controls can give.

use super::downstream::Downstream;
use super::error::ForwardError;
use super::forwarder::{Answer, Forwarder};
use super::upstream_request::UpstreamRequest;
use crate::observe::RequestRecord;

impl Forwarder {
    /// At the control that `request` names, and at each other one for as long as nothing was
    /// sent, or it does no harm twice. At last `request` names the one that was asked last.
    pub(super) async fn begin_at_control(
        &self,
        downstream: &mut Downstream<'_>,
        request: &mut UpstreamRequest,
        record: &mut RequestRecord,
    ) -> Result<Answer, ForwardError> {
        let mut others = self.controls.count() - 1;
        loop {
            let tried = self.try_once(downstream, request, record).await;
            let may_ask_another = match &tried {
                Err(ForwardError::Dial(_)) => true,
                Err(ForwardError::Sprite(_)) => request.repeatable,
                // The client has waited long enough. The next request goes elsewhere.
                Err(ForwardError::SpriteTimeout) => false,
                _ => return tried,
            };
            let (next, is_news) = self.controls.give_up(request.group);
            if is_news {
                record.control_given_up();
            }
            if others == 0 || !may_ask_another {
                return tried;
            }
            others -= 1;
            request.upstream = next.upstream.clone();
            request.group = next.group;
        }
    }
}
