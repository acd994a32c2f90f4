//! Customers' own domains: a name is added, its record of DNS looked for, a certificate
//! obtained, and every edge told.
//!
//! ```text
//! added ──▶ CNAME to the workspace's host? ──▶ order, proven by the edges ──▶ row ──▶ edges
//! ```
//!
//! The record proves whose the domain is: only its owner can set it, and it names the
//! workspace. It is looked for as long as the domain is served, and what is not there any more
//! is not served any more.

mod config;
mod dns;
mod reconciler;
mod service;

pub use config::DomainsConfig;
pub use reconciler::DomainReconciler;
pub use service::{DomainRefused, DomainService};
