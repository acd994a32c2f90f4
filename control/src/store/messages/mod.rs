//! What leaves us in words: mails to customers, tickets for the operator.

pub mod mails;
pub mod tickets;
