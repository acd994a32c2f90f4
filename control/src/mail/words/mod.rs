//! What the letters say, in each language that customers are written to in.
//!
//! A language is one value of [`LetterText`]: a text that is missing in one of them, or that
//! leaves something out which it is given, does not compile.

mod english;
mod german;
mod letter_text;

pub(super) use self::letter_text::LetterText;
use crate::base::language::Language;

impl LetterText {
    pub(super) fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &english::TEXT,
            Language::German => &german::TEXT,
        }
    }
}
