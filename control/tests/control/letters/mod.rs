//! What is written to customers and to the operator, over the wire, to vendors
//! that remember what they were told.

mod email_change;
mod links;
mod mails;
mod paper;
mod tickets;
pub(crate) mod vendor;
