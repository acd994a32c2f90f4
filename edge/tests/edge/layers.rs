//! The map of the edge: which part may use which.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A part (a folder, or a file beside it) and what it may use, all of it further down.
const ARROWS: &[(&str, &[&str])] = &[
    (
        "server",
        &[
            "admin",
            "client_stream",
            "config",
            "connections",
            "forward",
            "keys",
            "lifecycle",
            "limits",
            "observe",
            "request",
            "routes",
            "tls",
            "upstream",
        ],
    ),
    ("config", &["keys", "limits", "observe", "tls"]),
    ("admin", &["lifecycle", "limits", "routes"]),
    (
        "request",
        &[
            "client_stream",
            "connections",
            "forward",
            "head",
            "keys",
            "lifecycle",
            "limits",
            "observe",
            "policy",
            "respond",
            "routes",
            "tls",
            "tunnel",
        ],
    ),
    (
        "tunnel",
        &[
            "client_stream",
            "connections",
            "forward",
            "head",
            "lifecycle",
            "limits",
            "observe",
            "policy",
            "respond",
            "upstream",
        ],
    ),
    ("forward", &["client_stream", "head", "limits", "observe", "policy", "upstream"]),
    ("routes", &["connections", "limits"]),
    ("upstream", &["limits", "sockets"]),
    ("respond", &["head", "policy"]),
    ("observe", &["head", "limits", "tls"]),
    ("policy", &["head"]),
    ("head", &["limits"]),
    ("client_stream", &["limits", "sockets"]),
    ("connections", &[]),
    ("tls", &["keys"]),
    ("keys", &[]),
    ("lifecycle", &[]),
    ("sockets", &["limits"]),
    ("limits", &[]),
];

/// Every `.rs` file below `folder`, as its path in the crate without the ending.
fn files(folder: &Path, prefix: &str, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        if path.is_dir() {
            files(&path, &format!("{prefix}{name}/"), found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push((format!("{prefix}{name}"), std::fs::read_to_string(&path).unwrap()));
        }
    }
}

fn sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "", &mut found);
    found.retain(|(name, _)| name != "main" && name != "lib" && !name.ends_with("tests"));
    found
}

/// The first names behind `start` in the text, as in `use super::{a, b::C}`.
fn names_after(text: &str, start: &str) -> BTreeSet<String> {
    let word = |text: &str| {
        let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
        text[..end].to_owned()
    };
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    text.split(start)
        .skip(1)
        .flat_map(|rest| match rest.strip_prefix('{') {
            Some(list) => {
                let list = list.split('}').next().unwrap_or_default();
                list.split(',').map(|item| word(item.trim())).collect::<Vec<_>>()
            }
            None => vec![word(rest)],
        })
        .filter(|name| !name.is_empty())
        .collect()
}

#[test]
fn parts_use_only_what_lies_below_them() {
    let below: BTreeMap<_, _> = ARROWS.iter().copied().collect();
    for (index, (part, uses)) in ARROWS.iter().enumerate() {
        for used in *uses {
            let at = ARROWS.iter().position(|(name, _)| name == used);
            assert!(at.is_some_and(|at| at > index), "{part} → {used} points upward");
        }
    }
    for (file, text) in sources() {
        let part = file.split('/').next().unwrap();
        let allowed = below.get(part).unwrap_or_else(|| panic!("{part} is not on the map"));
        for used in names_after(&text, "crate::") {
            let is_allowed = used == part || allowed.contains(&used.as_str());
            assert!(is_allowed, "{file} uses {used}");
        }
    }
}

#[test]
fn files_of_a_folder_use_each_other_one_way() {
    let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (file, text) in sources() {
        let Some((folder, name)) = file.rsplit_once('/') else { continue };
        if name == "mod" {
            continue;
        }
        let siblings = names_after(&text, "super::");
        let siblings = siblings.into_iter().map(|sibling| format!("{folder}/{sibling}"));
        uses.insert(file.clone(), siblings.collect());
    }
    // Files that nothing of the rest uses are taken off, until none or only circles are left.
    loop {
        let used: BTreeSet<_> = uses.values().flatten().cloned().collect();
        let before = uses.len();
        uses.retain(|file, _| used.contains(file));
        if uses.len() == before {
            break;
        }
    }
    let rest: BTreeSet<_> = uses.keys().cloned().collect();
    uses.retain(|_, used| used.iter().any(|file| rest.contains(file)));
    assert!(uses.is_empty(), "in a circle or below one: {uses:?}");
}
