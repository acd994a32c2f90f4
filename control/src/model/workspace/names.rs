//! Names for somebody who chose none, out of their e-mail address. Pure.

use shared::Username;

use crate::base::email_address::Email;
use crate::base::token::sha256_hex;
use crate::model::sign_up::SignUp;

/// Leaves room for a hyphen and a number within a name's 32 characters.
const STEM_MAX_CHARS: usize = 24;

/// `ada-2` to `ada-9`: short, and soon used up.
const NUMBERED: std::ops::RangeInclusive<u32> = 2..=9;

/// `ada-5f3c1e`: each of these is free, or the address is being made fun of.
const HASHED: u32 = 32;

/// Names to be tried in this order: the address's own, a few with a number, and
/// some with six digits of its hash. The same address gives the same names.
///
/// What may be no name, or is reserved, is left out.
pub fn candidates(email: &Email) -> impl Iterator<Item = Username> {
    let stem = stem(email.local());
    let address = email.as_str().to_ascii_lowercase();
    let numbered = {
        let stem = stem.clone();
        NUMBERED.map(move |number| format!("{stem}-{number}"))
    };
    let hashed = {
        let stem = stem.clone();
        (0..HASHED).map(move |round| {
            let hash = sha256_hex(format!("{address} {round}"));
            format!("{stem}-{}", &hash[..6])
        })
    };
    let names = std::iter::once(stem).chain(numbered).chain(hashed);
    names.filter_map(|name| Username::parse_new(&name).ok())
}

/// Names for what was paid for: the reserved one first. It always has one more that
/// nobody else can have thought of.
pub fn for_payment(signup: &SignUp) -> Vec<Username> {
    let email = Email::parse(&signup.email).ok();
    let digits = &sha256_hex(signup.id.as_str())[..16];
    let last = Username::parse(&format!("my-{digits}")).expect("a name like any other");
    let more = email.iter().flat_map(candidates).filter(|name| *name != signup.username);
    std::iter::once(signup.username).chain(more).chain([last]).collect()
}

/// Lower-case letters, digits and single hyphens, of which a name can be made.
///
/// `my-…` where the word alone would be too short, or reserved: `admin-2` must
/// not look like one of ours.
fn stem(local: &str) -> String {
    let own = local.split('+').next().unwrap_or_default();
    let mut stem = String::new();
    for c in own.chars().flat_map(char::to_lowercase).map(plain) {
        match c {
            'a'..='z' | '0'..='9' => stem.push(c),
            _ if stem.ends_with('-') || stem.is_empty() => {}
            _ => stem.push('-'),
        }
        if stem.len() == STEM_MAX_CHARS {
            break;
        }
    }
    let stem = stem.trim_end_matches('-');
    match stem {
        "" => "my-workspace".to_owned(),
        stem if Username::parse_new(stem).is_ok() => stem.to_owned(),
        stem if stem.contains("admin") => "my-workspace".to_owned(),
        // Also with `my-` before it, no name says that it is one of our desks.
        stem => {
            let own = format!("my-{stem}");
            let is_free = Username::parse_new(&own).is_ok();
            if is_free { own } else { "my-workspace".to_owned() }
        }
    }
}

/// The letter under its accents, where a name from Europe is likely to have them.
fn plain(c: char) -> char {
    match c {
        'à'..='å' => 'a',
        'ç' => 'c',
        'è'..='ë' => 'e',
        'ì'..='ï' => 'i',
        'ñ' => 'n',
        'ò'..='ö' | 'ø' => 'o',
        'ù'..='ü' => 'u',
        'ý' | 'ÿ' => 'y',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(email: &str) -> Vec<String> {
        candidates(&Email::parse(email).unwrap()).map(|name| name.to_string()).collect()
    }

    #[test]
    fn the_first_name_is_what_the_address_says() {
        let check = |email: &str, expected: &str| assert_eq!(of(email)[0], expected, "{email}");
        check("ada@example.com", "ada");
        check("Ada.Lovelace+arca@example.com", "ada-lovelace");
        check("__zoë__o'brien__@example.com", "zoe-o-brien");
        check("a@example.com", "my-a");
        check("hello@example.com", "my-hello");
        check("admin@example.com", "my-workspace");
        check("漢字@example.com", "my-workspace");
        check("+x@example.com", "my-workspace");
        check("xn--ada@example.com", "xn-ada");
        check(&format!("{}@example.com", "a".repeat(64)), &"a".repeat(24));
        check(&format!("{}.b@example.com", "a".repeat(23)), &"a".repeat(23));
    }

    #[test]
    fn more_names_follow_always_the_same_and_none_twice() {
        let names = of("ada@example.com");
        assert_eq!(names[..3], ["ada", "ada-2", "ada-3"]);
        assert_eq!(names.len(), 1 + 8 + 32);
        assert_eq!(names, of("ADA@example.com"));
        let distinct: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(distinct.len(), names.len());
        assert_ne!(names[9..], of("ada@example.org")[9..], "another address, other digits");
    }

    #[test]
    fn no_name_looks_like_one_of_ours() {
        assert!(of("support@example.com").iter().all(|name| name.starts_with("my-workspace")));
    }
}
