//! What people type and paste, without what they did not mean.

use unicode_normalization::UnicodeNormalization as _;

/// Without the blanks and invisible characters around it that come along when something is
/// copied from a web page or a letter.
pub fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || is_invisible(c))
}

/// [`trim`]med, and the same from every keyboard: composed, as `ü` is one character on one and two
/// on another, and what East Asian ones type in full width as ASCII (RFC 8265, 3.3).
pub fn plain(text: &str) -> String {
    trim(text).chars().map(narrow).nfc().collect()
}

fn narrow(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => {
            let ascii = u32::from(c) - 0xff01 + u32::from('!');
            char::from_u32(ascii).expect("as many as ASCII has")
        }
        // The full stops of East Asian keyboards.
        '\u{3002}' | '\u{ff61}' => '.',
        c => c,
    }
}

/// Unicode's format characters (general category Cf), and other characters of no width.
pub const fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_keyboard_types_the_same() {
        assert_eq!(plain(" ｚoe\u{308}＠ｅｘａ。com\u{200b}"), "zo\u{eb}@exa.com");
        assert_eq!(plain("~！～"), "~!~");
        assert_eq!(plain("ada"), "ada");
    }
}
