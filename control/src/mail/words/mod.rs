//! What the letters say, in each language that customers are written to in.
//!
//! A language is one value of a struct: a text that is missing in one of them, or that leaves
//! something out which it is given, does not compile.

mod account;
mod around;
mod ending;

pub(super) use self::account::AccountText;
pub(super) use self::around::AroundText;
pub(super) use self::ending::EndingText;

type Text = &'static str;

/// A text with one thing in it; the field says which.
type With1 = fn(&str) -> String;

/// A text with two things in it, in the order that the field says.
type With2 = fn(&str, &str) -> String;

type With3 = fn(&str, &str, &str) -> String;
