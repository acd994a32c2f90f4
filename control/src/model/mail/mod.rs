//! Letters to customers: what kinds there are, what each has to say, and what became
//! of it.

mod message;
mod record;

pub use message::{MailKind, Message, Recipient};
pub use record::{Mail, MailEnd, MailRecord, MailState, NewMail};
