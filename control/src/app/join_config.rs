//! The `[join]` table: where machines join as edges, and what they are told.

use std::net::SocketAddr;

use shared::Upstream;
use shared::join::CONTROLS_MAX;
use shared::process::Section;

#[derive(Debug, Clone)]
pub struct JoinConfig {
    pub listen: SocketAddr,
    /// How machines reach `listen`.
    pub url: Upstream,
    /// How they reach the site listener of each control once they are edges; at least one.
    pub site_upstreams: Vec<Upstream>,
}

impl JoinConfig {
    pub fn from_section(join: &mut Section<'_>) -> Option<Self> {
        let listen = join.required("listen", str::parse);
        let url = join.required("url", |url| match Upstream::parse(url) {
            Ok(url) if url.is_tls() => Ok(url),
            Ok(_) => Err("must begin with https://".to_owned()),
            Err(error) => Err(error.to_string()),
        });
        let site_upstreams = join.one_or_more("site_upstream", CONTROLS_MAX, Upstream::parse);
        Some(Self { listen: listen?, url: url?, site_upstreams: site_upstreams? })
    }
}
