//! Letters to customers: what kinds there are, what each has to say, and what became
//! of it.

mod letter;
mod message;

pub use letter::{Letter, LetterKind, Recipient};
pub use message::{Mail, MailEnd, MailRecord, MailState, NewMail};
