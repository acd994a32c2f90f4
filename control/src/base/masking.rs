//! Addresses where others may see them. Pure.

/// `a•••@example.com`: enough for its owner to know it, too little for others.
pub fn masked(address: &str) -> String {
    let Some((name, domain)) = address.rsplit_once('@') else { return "•••".to_owned() };
    let first = name.chars().next().map(String::from).unwrap_or_default();
    format!("{first}•••@{domain}")
}

/// `text` with every address in it masked.
pub fn without_addresses(text: &str) -> String {
    text.split_inclusive(is_between_words)
        .map(|piece| {
            let word = piece.trim_end_matches(is_between_words);
            if word.contains('@') { masked(word) + &piece[word.len()..] } else { piece.to_owned() }
        })
        .collect()
}

fn is_between_words(c: char) -> bool {
    c.is_whitespace() || "<>()[]{}\"'`,;:".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_keeps_its_first_letter_and_its_domain() {
        let check = |address: &str, expected: &str| assert_eq!(masked(address), expected);
        check("ada@example.com", "a•••@example.com");
        check("zoë@müller.test", "z•••@müller.test");
        check("a@b@c.test", "a•••@c.test");
        check("@c.test", "•••@c.test");
        check("ada", "•••");
    }

    #[test]
    fn no_address_in_a_text_is_left_whole() {
        let check = |text: &str, expected: &str| assert_eq!(without_addresses(text), expected);
        check("cannot send to ada@example.com: no", "cannot send to a•••@example.com: no");
        check("<ada@x.test>,\"bob@y.test\"\n", "<a•••@x.test>,\"b•••@y.test\"\n");
        check("nothing here", "nothing here");
        check("ada", "ada");
        check("", "");
    }
}
