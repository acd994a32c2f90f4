//! The metrics that the programs register, read out of their sources.

/// A metric as `docs/metrics.md` lists it.
pub(crate) fn rows(text: &str, prefix: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let literals: Vec<(usize, &str)> = literals(code);
    let pairs = literals.windows(2).filter_map(|pair| {
        let [(_, name), (at, help)] = pair else { return None };
        let between = &code[end_of(code, name)..*at];
        let is_pair = between.trim().trim_matches('"').trim() == ",";
        let is_name = name.len() > 3 && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        let is_help = help.starts_with(|c: char| c.is_ascii_uppercase() || c == '1');
        let name = name
            .strip_prefix("arca_")
            .map_or_else(|| format!("{prefix}{name}"), |rest| format!("arca_{rest}"));
        (is_pair && is_name && is_help).then(|| {
            let labels = labels(&code[end_of(code, help)..]);
            format!("| `{name}` | {help} | {labels} |")
        })
    });
    pairs.collect()
}

fn literals(code: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(begin) = rest.find('"') {
        let Some(length) = rest[begin + 1..].find('"') else { break };
        let at = code.len() - rest.len() + begin;
        found.push((at, &rest[begin + 1..begin + 1 + length]));
        rest = &rest[begin + length + 2..];
    }
    found
}

/// Behind the closing quote of a literal that is a part of `code`.
fn end_of(code: &str, literal: &str) -> usize {
    literal.as_ptr().addr() - code.as_ptr().addr() + literal.len() + 1
}

/// The list `&["a", "b"]` that follows a help text, or `("a", VALUES)`, if either does.
fn labels(after: &str) -> String {
    let list = after.trim_start().strip_prefix(',').map(str::trim_start);
    let list = list.and_then(|list| list.strip_prefix("&[").or(list.strip_prefix('(')));
    let list = list.and_then(|list| list.split([']', ')']).next()).unwrap_or_default();
    let names = list.split('"').skip(1).step_by(2).map(|name| format!("`{name}`"));
    names.collect::<Vec<_>>().join(", ")
}
