//! Which passwords may be set: long ones that cannot be guessed. Pure.
//!
//! NIST SP 800-63B: 15 characters where there is no second factor, no rules
//! about kinds of characters, nothing that is on every guesser's list.

use unicode_normalization::UnicodeNormalization as _;
use zxcvbn::{Score, zxcvbn};

use super::{MAX_BYTES, Password};

/// Fewest characters of a new password.
pub(super) const MIN_CHARACTERS: usize = 15;

/// Why a password may not be set, in words for who chose it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Weakness {
    #[error("Please use at least {MIN_CHARACTERS} characters. A few words in a row are fine.")]
    Short,
    #[error(
        "This password is too long: it may take up {MAX_BYTES} bytes, one for each plain letter \
         and up to four for others."
    )]
    Long,
    #[error("This password is too easy to guess. A few unrelated words in a row are harder.")]
    Guessable,
}

/// Takes about a millisecond: beside a hash it does not count.
///
/// `known` is what a guesser knows of its owner: name, address.
///
/// # Errors
/// Says what is wrong with it.
pub fn choose(text: String, known: &[&str]) -> Result<Password, Weakness> {
    if text.nfc().count() < MIN_CHARACTERS {
        return Err(Weakness::Short);
    }
    let password = Password::parse(text).ok_or(Weakness::Long)?;
    let mut inputs = known.to_vec();
    inputs.push("arcamatrix");
    // Three: more than 10^8 guesses, and each of ours costs tens of milliseconds.
    // Without blanks as well: "password password" is no better than "passwordpassword".
    let joined: String = password.expose().split(' ').collect();
    let is_weak = |text: &str| zxcvbn(text, &inputs).score() < Score::Three;
    if is_weak(password.expose()) || is_weak(&joined) {
        return Err(Weakness::Guessable);
    }
    Ok(password)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<(), Weakness>) {
        let chosen = choose(text.to_owned(), &["ada", "ada@example.test"]);
        assert_eq!(chosen.map(drop), expected, "{text}");
    }

    #[test]
    fn long_and_unguessable_passwords_may_be_set() {
        check("correct horse battery staple", Ok(()));
        check("violet-kettle-orbit-97", Ok(()));
        check("Zoë trinkt ☕ im Garten", Ok(()));
        check("", Err(Weakness::Short));
        check("kurz", Err(Weakness::Short));
        check(&"x".repeat(1_025), Err(Weakness::Long));
        check(&"☕".repeat(342), Err(Weakness::Long));
        check("☕☕☕☕☕☕☕☕☕☕☕☕☕☕", Err(Weakness::Short));
        check("aaaaaaaaaaaaaaaaaaaa", Err(Weakness::Guessable));
        check("passwordpassword", Err(Weakness::Guessable));
        check("password password", Err(Weakness::Guessable));
        check("pass word pass word", Err(Weakness::Guessable));
        check("123456789012345", Err(Weakness::Guessable));
        check("qwertyuiopasdfgh", Err(Weakness::Guessable));
        check("arcamatrixarcamatrix", Err(Weakness::Guessable));
        check("ada@example.test", Err(Weakness::Guessable));
    }
}
