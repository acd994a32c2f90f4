//! Ids in Stripe's form: a prefix and random letters and digits.

const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// For example `fresh("sub_1", 23)`.
pub fn fresh(prefix: &str, random: usize) -> String {
    let mut bytes = vec![0; random];
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    let letters = bytes.iter().map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]));
    prefix.chars().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_their_prefix_and_do_not_repeat() {
        let id = fresh("cs_test_a1", 56);
        assert!(id.starts_with("cs_test_a1"));
        assert_eq!(id.len(), 66);
        assert_ne!(id, fresh("cs_test_a1", 56));
    }
}
