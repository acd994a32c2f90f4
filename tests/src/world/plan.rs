//! What a world is made of, chosen by each story.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::sprite::Gateway;
use crate::vendors::Vendors;

/// What a world is made of.
#[derive(Debug, Clone)]
pub struct Plan {
    pub edges: usize,
    /// Customers, each with a password, a sprite and a live route.
    pub tenants: Vec<String>,
    /// Control processes; more than one need a database that they can share.
    pub controls: usize,
    /// Control's database; a file of its own without it.
    pub database_url: Option<String>,
    /// Where everything is kept; a temporary folder without it.
    pub state: Option<PathBuf>,
    /// The first edge's port; further edges follow. Free ports without it.
    pub public_port: Option<u16>,
    pub gateway: Gateway,
    /// The Bot API that assistants speak to instead of Telegram's.
    pub telegram: Option<SocketAddr>,
    /// Stand-ins for the vendors, and how they behave.
    pub vendors: Option<Vendors>,
    /// Lines for the top of `control.toml`.
    pub control_config: String,
    /// Lines for the table `[limits]` of every `edge.toml`.
    pub edge_limits: String,
}

impl Plan {
    /// One edge, and one sprite for each of `tenants`.
    pub fn with_tenants(tenants: &[&str]) -> Self {
        Self {
            edges: 1,
            tenants: tenants.iter().map(ToString::to_string).collect(),
            controls: 1,
            database_url: None,
            state: None,
            public_port: None,
            gateway: Gateway::Fake,
            telegram: None,
            vendors: None,
            control_config: String::new(),
            edge_limits: String::new(),
        }
    }

    #[must_use]
    pub fn with_edges(self, edges: usize) -> Self {
        Self { edges, ..self }
    }

    /// So many controls, all on the database at `url`.
    #[must_use]
    pub fn with_controls(self, controls: usize, url: &str) -> Self {
        Self { controls, database_url: Some(url.to_owned()), ..self }
    }

    #[must_use]
    pub fn with_vendors(self, vendors: Vendors) -> Self {
        Self { vendors: Some(vendors), ..self }
    }

    #[must_use]
    pub fn with_control_config(self, lines: &str) -> Self {
        Self { control_config: lines.to_owned(), ..self }
    }

    #[must_use]
    pub fn with_edge_limits(self, lines: &str) -> Self {
        Self { edge_limits: lines.to_owned(), ..self }
    }
}
