//! Fields as browsers send them: in a form, or behind `?`.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde::de::value::{Error, MapDeserializer};

/// All of them as they came. Bytes that are no text become U+FFFD.
pub fn parse(text: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text).into_owned().collect()
}

/// A field that comes more than once is what it was first: a program on the way, or a person
/// with an address in hand, adds at the end.
///
/// # Errors
/// One is missing that has no default.
pub fn read<T: DeserializeOwned>(text: &[u8]) -> Result<T, Error> {
    let mut seen = BTreeSet::new();
    let is_first = |(name, _): &(String, String)| seen.insert(name.clone());
    T::deserialize(MapDeserializer::new(parse(text).into_iter().filter(is_first)))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(default)]
    struct Page {
        page: String,
    }

    #[derive(Debug, Deserialize)]
    struct Name {
        #[serde(default)]
        name: String,
        #[serde(flatten)]
        page: Page,
    }

    #[test]
    fn what_comes_twice_is_what_it_was_first() {
        let check = |text: &str, name: &str, page: &str| {
            let read: Name = read(text.as_bytes()).unwrap();
            assert_eq!((&*read.name, &*read.page.page), (name, page), "{text}");
        };
        check("name=a&page=b", "a", "b");
        check("name=a&page=b&page=c&name=d", "a", "b");
        check("", "", "");
        check("&&=&name&other=%00&page=%ff%3", "", "\u{fffd}%3");
        check("name=a+b%20c", "a b c", "");
    }
}
