//! What every other folder may use, and nothing else of ours: time, dates, tokens,
//! e-mail addresses, amounts of money, keys, sealed secrets, private files, and the metrics.

pub mod amount;
pub mod clock;
pub mod concurrency_limit;
pub mod date;
pub mod email_address;
pub mod hourly_limit;
pub mod key_file;
pub mod language;
pub mod masking;
pub mod metrics;
pub mod ownership;
pub mod rounds;
pub mod seal;
pub(crate) mod text_enum;
pub mod token;
pub mod typed;
