//! The text of a source file, without what is no code of the program.

use std::path::{Path, PathBuf};

/// Without comments, the contents of strings, and what is compiled for tests only.
///
/// Line breaks stay, so that a module for tests ends at the brace that begins a line.
pub(crate) fn code(text: &str) -> String {
    without_tests(&without_comments_and_strings(text))
}

fn without_comments_and_strings(text: &str) -> String {
    let bytes: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        at += match rest {
            ['/', '/', ..] => rest.iter().take_while(|c| **c != '\n').count(),
            ['r', '"' | '#', ..] if !code.ends_with(is_word) => raw_string(rest, &mut code),
            ['"', ..] => string(rest, &mut code),
            // A character; a lifetime has no second quote.
            ['\'', '\\', ..] => 2 + rest[2..].iter().take_while(|c| **c != '\'').count() + 1,
            ['\'', _, '\'', ..] => 3,
            [other, ..] => {
                code.push(*other);
                1
            }
            [] => 1,
        };
    }
    code
}

fn string(rest: &[char], code: &mut String) -> usize {
    code.push_str("\"\"");
    let mut at = 1;
    while at < rest.len() && rest[at] != '"' {
        if rest[at] == '\n' {
            code.push('\n');
        }
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

fn raw_string(rest: &[char], code: &mut String) -> usize {
    let hashes = rest[1..].iter().take_while(|c| **c == '#').count();
    if rest.get(1 + hashes) != Some(&'"') {
        code.push('r');
        return 1;
    }
    code.push_str("\"\"");
    let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    let mut at = 2 + hashes;
    while at < rest.len() && !rest[at..].starts_with(&end) {
        if rest[at] == '\n' {
            code.push('\n');
        }
        at += 1;
    }
    at + end.len()
}

/// An item under `#[cfg(test)]` ends with its line, or at the brace in its own column.
fn without_tests(code: &str) -> String {
    let mut kept = String::with_capacity(code.len());
    let mut lines = code.lines();
    while let Some(line) = lines.next() {
        let indent = &line[..line.len() - line.trim_start().len()];
        if !line.trim_start().starts_with("#[cfg(test)]") {
            kept.push_str(line);
            kept.push('\n');
            continue;
        }
        let end = format!("{indent}}}");
        let first = lines.find(|line| !line.trim_start().starts_with("#["));
        if first.is_some_and(|line| line.trim_end().ends_with('{')) {
            lines.find(|line| *line == end);
        }
    }
    kept
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !is_word(c)).filter(|word| !word.is_empty())
}

/// The names of functions, types and constants that are `pub` for more than their folder.
///
/// A type that a public signature or field of the same file names has to be public with
/// it, and is left out.
pub(crate) fn public_items(code: &str) -> impl Iterator<Item = &str> {
    code.lines().filter_map(move |line| {
        let (is_type, name) = public_item(line)?;
        (!is_type || !is_in_a_signature(code, name)).then_some(name)
    })
}

/// Is it a type, and its name.
fn public_item(line: &str) -> Option<(bool, &str)> {
    let line = line.trim_start();
    let rest = line.strip_prefix("pub ").or_else(|| line.strip_prefix("pub(crate) "))?;
    let mut words = words(rest);
    let mut is_constant = false;
    loop {
        match words.next()? {
            "async" | "unsafe" => {}
            "const" => is_constant = true,
            "fn" | "static" => return words.next().map(|name| (false, name)),
            "struct" | "enum" | "trait" | "type" => return words.next().map(|name| (true, name)),
            // `pub const NAME`, or a field.
            name => return is_constant.then_some((false, name)),
        }
    }
}

fn is_in_a_signature(code: &str, name: &str) -> bool {
    let is_declaration = |line: &&str| public_item(line).is_none_or(|(_, item)| item != name);
    let mentions = |line: &&str| words(line).any(|word| word == name);
    code.lines().filter(is_declaration).filter(mentions).any(|line| {
        ["pub ", "pub(", "->", "#[from]", "type "].iter().any(|mark| line.contains(mark))
    })
}

/// Every text in which an item of ours may be named: sources, and templates of pages.
pub(crate) fn texts(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder of the repository") {
        let path = entry.expect("an entry of it").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() {
            if !name.starts_with('.') && !["target", "node_modules", "vendor"].contains(&name) {
                found.extend(texts(&path));
            }
        } else if ["rs", "html", "txt"]
            .iter()
            .any(|ending| path.extension() == Some(ending.as_ref()))
        {
            found.push(path);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_of_the_program_is_left() {
        let text = "use a::b; // use c::d\nlet s = \"use e::f; \\\" {\";\nlet r = r#\"x\"y\"#;\n\
                    let c = '\"';\n#[cfg(test)]\nmod tests {\n    use g::h;\n}\nfn after() {}\n";
        let expected = "use a::b; \nlet s = \"\";\nlet r = \"\";\nlet c = ;\nfn after() {}\n";
        assert_eq!(code(text), expected);
    }

    #[test]
    fn public_items_are_found_by_their_names() {
        let text = "pub fn a() {}\npub(crate) const B: u8 = 1;\n    pub async fn c() {}\n\
                    pub struct D {\n    pub e: u8,\n}\npub(super) fn f() {}\nfn g() {}\n\
                    pub const fn h() {}\npub use x::Y;\npub mod z;\n";
        assert_eq!(public_items(text).collect::<Vec<_>>(), ["a", "B", "c", "D", "h"]);
        let text = "pub enum Error {}\npub fn f() -> Result<(), Error> {}\n";
        assert_eq!(public_items(text).collect::<Vec<_>>(), ["f"]);
    }
}
