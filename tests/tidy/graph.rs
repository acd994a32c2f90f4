//! Who imports whom within each folder, and where that goes round in a circle.

use std::collections::{BTreeMap, BTreeSet};

use crate::modules::Import;

/// From a file or folder to the others of the same folder.
pub(crate) type Arrows = BTreeMap<String, BTreeSet<String>>;

/// The arrows in each folder, by its path: an import counts in the folder in which the
/// ways to its two files part.
pub(crate) fn by_folder(imports: &[Import]) -> BTreeMap<String, Arrows> {
    let mut folders: BTreeMap<String, Arrows> = BTreeMap::new();
    for import in imports {
        let (mut from, mut to) = (import.from.as_str(), import.to.as_str());
        let mut folder = String::new();
        loop {
            let (one, other) = (first(from), first(to));
            if one != other {
                let arrows = folders.entry(folder).or_default();
                arrows.entry(one.to_owned()).or_default().insert(other.to_owned());
                break;
            }
            folder.push_str(one);
            folder.push('/');
            (from, to) = (&from[one.len() + 1..], &to[other.len() + 1..]);
        }
    }
    folders
}

fn first(path: &str) -> &str {
    path.split('/').next().unwrap_or(path)
}

/// The groups whose members all reach each other.
pub(crate) fn circles(arrows: &Arrows) -> Vec<Vec<String>> {
    let reached: BTreeMap<_, _> =
        arrows.keys().map(|from| (from.as_str(), reached_from(from, arrows))).collect();
    let mut circles: BTreeSet<Vec<String>> = BTreeSet::new();
    for (from, reach) in &reached {
        let back = |to: &str| reached.get(to).is_some_and(|reach| reach.contains(from));
        let members: BTreeSet<&str> = reach.iter().copied().filter(|to| back(to)).collect();
        if !members.is_empty() {
            circles.insert(members.into_iter().map(str::to_owned).collect());
        }
    }
    circles.into_iter().collect()
}

fn reached_from<'a>(from: &str, arrows: &'a Arrows) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&str> = vec![from];
    while let Some(at) = open.pop() {
        for to in arrows.get(at).into_iter().flatten() {
            if reached.insert(to.as_str()) {
                open.push(to);
            }
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arrow_that_is_turned_closes_a_circle() {
        let import = |from: &str, to: &str| Import { from: from.to_owned(), to: to.to_owned() };
        let mut imports = vec![import("a/x.rs", "b/y.rs"), import("b/y.rs", "c.rs")];
        imports.push(import("a/x.rs", "a/z/w.rs"));
        let top = |imports: &[Import]| circles(&by_folder(imports)[""]);
        assert!(top(&imports).is_empty());
        imports.push(import("c.rs", "a/x.rs"));
        assert_eq!(top(&imports), [["a", "b", "c.rs"]]);
    }
}
