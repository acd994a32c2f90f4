//! `/config.json`: what the page may know. Nothing in it is secret.
//!
//! ```json
//! { "username": "ada", "site_url": "https://…", "skills": ["weather"],
//!   "limits": { "message_max_bytes": 20971520, "attachment_max_bytes": 15704064 },
//!   "assistant": {
//!     "name": "Assistant",
//!     "state": "starting | ready | restarting | failed",
//!     "reason": "ready | starting | restarting | draining | disk_full | port_taken | …",
//!     "message": "a sentence for the customer",
//!     "version": "2026.9.6", "ready_since": 1795764285,
//!     "mended": { "by": "doctor | last_good | pinned_version", "at": 1795764285, "message": "…" } },
//!   "settings": { "gateway_page": false, "gateway_page_available": true } }
//! ```
//!
//! `state`, `reason` and `message` are those of the event `arca.gateway` on the page's socket, of
//! `/pflaster/health` and of the metrics; every reason stands in `gateway_status`. `version`,
//! `ready_since` and `mended` may be `null`.

use serde::Serialize;
use shared::Username;

use super::choices::ChosenFacts;
use super::health::MendedFacts;
use crate::agent::Agent;

/// What the gateway takes of one attachment, before base64.
const ATTACHMENT_MAX_BYTES: usize = 19_464_192;

/// Room in a frame for what stands around an attachment: the text and the JSON.
const FRAME_OVERHEAD_BYTES: usize = 32 << 10;

#[derive(Debug, Serialize)]
pub struct PublicFacts<'a> {
    username: Username,
    site_url: &'a str,
    skills: &'a [String],
    limits: Limits,
    assistant: Assistant<'a>,
    settings: ChosenFacts,
}

#[derive(Debug, Serialize)]
struct Limits {
    message_max_bytes: usize,
    attachment_max_bytes: usize,
}

#[derive(Debug, Serialize)]
struct Assistant<'a> {
    name: &'a str,
    state: &'static str,
    reason: &'static str,
    message: &'static str,
    /// OpenClaw's version, by its own word; `null` before it was ready.
    version: Option<String>,
    /// Unix seconds, while it is ready.
    ready_since: Option<u64>,
    /// The page tells of it once: it remembers the time of the last one it has shown.
    mended: Option<MendedFacts>,
}

impl<'a> PublicFacts<'a> {
    pub fn new(agent: &'a Agent) -> Self {
        let config = &agent.config;
        let gateway = agent.gateway.borrow();
        let message_max_bytes = config.limits.message_max_bytes;
        // Base64 makes four bytes of three.
        let fits_in_frame = (message_max_bytes - FRAME_OVERHEAD_BYTES) / 4 * 3;
        Self {
            username: config.username,
            site_url: config.site_url.as_str(),
            skills: &config.skills,
            limits: Limits {
                message_max_bytes,
                attachment_max_bytes: fits_in_frame.min(ATTACHMENT_MAX_BYTES),
            },
            assistant: Assistant {
                name: &config.assistant_name,
                state: gateway.phase.label(),
                reason: gateway.reason.label(),
                message: gateway.reason.for_customer(),
                version: gateway.version.clone(),
                ready_since: gateway.ready_since,
                mended: gateway.mended.map(MendedFacts::from),
            },
            settings: ChosenFacts::new(agent),
        }
    }
}
