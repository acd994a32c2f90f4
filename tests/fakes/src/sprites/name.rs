//! Names of sprites.

/// Longest name the API takes. Longer than is good: see [`has_url`].
const LENGTH_MAX: usize = 63;

/// Longest label of a host name.
const LABEL_MAX: usize = 63;

/// What the provider appends to a name to make the label of its URL.
pub const SUFFIX: &str = "-bhmkr";

/// # Errors
/// Says what the name lacks.
pub fn check(name: &str) -> Result<(), String> {
    let letters = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    let bytes = name.as_bytes();
    match (bytes.first(), bytes.last()) {
        (None, _) | (_, None) => Err("name is required".to_owned()),
        _ if bytes.len() > LENGTH_MAX => {
            Err(format!("name must be at most {LENGTH_MAX} characters"))
        }
        (Some(&first), Some(&last)) if letters(first) && letters(last) => {
            let inner = bytes.iter().all(|&letter| letters(letter) || letter == b'-');
            inner.then_some(()).ok_or_else(|| "name must be a DNS label".to_owned())
        }
        _ => Err("name must begin and end with a letter or digit".to_owned()),
    }
}

/// The API takes names whose URL cannot exist, and says nothing.
pub fn has_url(name: &str) -> bool {
    name.len() + SUFFIX.len() <= LABEL_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_dns_labels() {
        for good in ["a", "0", "pool-7", &"a".repeat(63)] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a_b", "a.b", &"a".repeat(64)] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_name_can_be_too_long_for_its_url() {
        assert!(has_url(&"a".repeat(57)));
        assert!(!has_url(&"a".repeat(58)));
    }
}
