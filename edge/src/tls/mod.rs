//! TLS towards clients: certificates from files and from control, chosen by the name a client
//! asks for, exchanged while connections go on.
//!
//! A pair that is bad, mismatched, expired or unreadable is refused and named; what was
//! served before it goes on being served. Tickets are sealed with keys out of the key
//! ring, so that a session is resumed at any edge and over an upgrade.

mod acceptor;
mod certificate;
mod certificates;
mod challenges;
mod config;
mod handed;
mod tickets;

pub(crate) use acceptor::{HandshakeError, TlsAcceptor};
pub(crate) use certificate::Certificate;
pub(crate) use certificates::Certificates;
pub(crate) use challenges::Challenges;
pub(crate) use config::{TlsConfig, private_certificate};
pub(crate) use handed::{HandOverError, HandedCertificates};
