//! The certificate that visitors are shown: obtained and renewed by ACME, handed to every edge.
//!
//! ```text
//! due? ──▶ claim ──▶ order ──▶ proofs in place ──▶ the authority looks ──▶ row ──▶ edges
//! ```
//!
//! A row says how it stands, so that any control may do this and one at a time does. Edges go
//! on with what they have while anything here fails.

mod config;
mod order;
mod proofs;
mod reconciler;

pub use config::{CertificatesConfig, ProofConfig};
pub use order::{CERTIFICATE, CertificateOrder, obtain};
pub use reconciler::CertificateReconciler;
