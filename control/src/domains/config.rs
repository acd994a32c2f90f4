//! `[domains]`: how many a workspace may have, and how they are looked at.

use std::net::SocketAddr;

use shared::process::Section;

#[derive(Debug, Clone, Copy)]
pub struct DomainsConfig {
    /// Of one workspace.
    pub most: u64,
    pub orders_per_hour: usize,
    /// Who is asked about records of DNS; whom the system asks, where nobody is named.
    pub resolver: Option<SocketAddr>,
}

impl DomainsConfig {
    pub fn from_section(section: &mut Section<'_>) -> Self {
        // Let's Encrypt takes 300 orders of an account in three hours.
        let orders = section.number("orders_per_hour", 1..=300, 60);
        Self {
            most: section.number("per_workspace", 0..=10, 1),
            orders_per_hour: usize::try_from(orders).unwrap_or(usize::MAX),
            resolver: section.optional("resolver", str::parse),
        }
    }
}
