//! Letters to customers: written once, kept, sent once.
//!
//! `words` says what each letter says, `stationery` makes HTML and text of it.
//! The result is stored with the task that sends it, in the transaction of what
//! it tells of; `job` carries it to Resend, and `outcome` decides what comes
//! after an error. A retry sends the same bytes under the same key.

pub mod address;
mod config;
mod job;
mod letter;
mod occasion;
mod outcome;
mod post;
mod stationery;
mod words;

pub use config::ResendConfig;
pub use job::MailJob;
pub use letter::{Letter, LetterKind, Recipient};
pub use occasion::{ORDER_PATIENCE, Welcome, post_welcome};
pub use post::{Mail, MailEnd, MailRecord, MailState, NewMail};
pub use stationery::Stationery;
