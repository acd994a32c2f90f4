//! The languages that customers are spoken to in, which the edges' pages speak as well.

pub use shared::Language;
