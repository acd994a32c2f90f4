//! One request as it goes on.

use std::sync::Arc;

use shared::{RequestId, Upstream, Username};

use super::upgrade::Offer;
use crate::head::Body;
use crate::observe::labels::Source;
use crate::waking::Sprite;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TargetKind {
    /// The one of this workspace.
    Sprite(Username),
    Site,
}

impl TargetKind {
    /// Who answers, as it is counted.
    pub(crate) const fn source(self) -> Source {
        match self {
            Self::Sprite(_) => Source::Sprite,
            Self::Site => Source::Site,
        }
    }
}

/// One request for a sprite or for control.
pub(crate) struct UpstreamRequest {
    /// The head as it goes on.
    pub head: Vec<u8>,
    pub kind: TargetKind,
    pub upstream: Upstream,
    /// Connections are shared within one group only: one workspace's assignment, or the site.
    pub group: u64,
    pub id: RequestId,
    pub body: Body,
    /// HEAD: an answer without a body, whatever its head says.
    pub head_only: bool,
    /// GET and its like: may be sent again when a kept connection had died.
    /// Never with a body, of which nothing is kept.
    pub repeatable: bool,
    /// May another request follow, when this one and its answer are whole?
    pub keep_alive: bool,
    /// The client waits to be asked for the body.
    pub expects_continue: bool,
    /// The client speaks HTTP/1.1: it is given chunks.
    pub knows_chunks: bool,
    /// Which may be asleep; `None` for the site.
    pub(crate) sprite: Option<Arc<Sprite>>,
    /// A person waits to see the answer.
    pub(crate) is_page: bool,
    /// It asks for a WebSocket.
    pub(crate) offer: Option<Offer>,
}
