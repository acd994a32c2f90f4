//! The modules of a crate, and what each imports, with re-exports followed to the file
//! that has the item.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use crate::source;

pub(crate) struct SourceFile {
    /// Below the crate's folder of sources, as `store/mod.rs`.
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) code: String,
}

pub(crate) struct Crate {
    name: &'static str,
    files: Vec<SourceFile>,
    /// By the names that lead to it: `["store", "rows"]`.
    modules: BTreeMap<Vec<String>, Module>,
}

struct Module {
    file: String,
    /// The paths in its `use` lines, by the name under which each is known here.
    uses: Vec<Use>,
    /// Other paths in its code.
    paths: BTreeSet<Vec<String>>,
}

struct Use {
    path: Vec<String>,
    is_public: bool,
}

/// One file names something of another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Import {
    pub(crate) from: String,
    pub(crate) to: String,
}

impl Import {
    pub(crate) fn source_part(&self) -> &str {
        part(&self.from)
    }

    pub(crate) fn target_part(&self) -> &str {
        part(&self.to)
    }
}

impl fmt::Display for Import {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} imports {}", self.from, self.to)
    }
}

/// The folder directly below the crate's, or the file there.
fn part(path: &str) -> &str {
    let first = path.split('/').next().unwrap_or(path);
    first.strip_suffix(".rs").unwrap_or(first)
}

impl Crate {
    pub(crate) fn read(name: &'static str, folder: &Path) -> Self {
        let mut files = Vec::new();
        for path in source::texts(folder) {
            let text = std::fs::read_to_string(&path).expect("a source is readable");
            let path = path.strip_prefix(folder).expect("it was found there");
            let path = path.to_str().expect("our names are UTF-8").to_owned();
            let is_for_tests = path.ends_with("tests.rs") || path.contains("/tests/");
            if path.ends_with(".rs") && !is_for_tests {
                let code = source::code(&text);
                files.push(SourceFile { path, text, code });
            }
        }
        let modules = files.iter().map(|file| (module_path(&file.path), Module::of(file)));
        let modules = modules.collect();
        Self { name, files, modules }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn files(&self) -> &[SourceFile] {
        &self.files
    }

    /// Each once, of files in this crate.
    pub(crate) fn imports(&self) -> Vec<Import> {
        let mut imports = BTreeSet::new();
        for (path, module) in &self.modules {
            let uses = module.uses.iter().filter(|named| !named.is_public).map(|named| &named.path);
            // What `lib.rs` offers to other crates is no import of its own.
            for named in uses.chain(&module.paths) {
                if let Some(to) = self.file_of(path, named, 0)
                    && to != module.file
                {
                    imports.insert(Import { from: module.file.clone(), to });
                }
            }
        }
        imports.into_iter().collect()
    }

    /// The file that has what is called `named` in the module `at`.
    ///
    /// `None` where that is outside this crate. `depth` ends a circle of re-exports.
    fn file_of(&self, at: &[String], named: &[String], depth: usize) -> Option<String> {
        let mut module = at.to_vec();
        let mut rest = named;
        match rest.first().map(String::as_str) {
            Some("crate") => {
                module.clear();
                rest = &rest[1..];
            }
            Some("self") => rest = &rest[1..],
            Some("super") => {}
            // A path without a beginning may lead to a module below this one.
            Some(first) => {
                let mut below = module.clone();
                below.push(first.to_owned());
                if !self.modules.contains_key(&below) {
                    return None;
                }
            }
            None => return None,
        }
        while rest.first().is_some_and(|name| name == "super") {
            module.pop()?;
            rest = &rest[1..];
        }
        while let [name, after @ ..] = rest {
            let mut below = module.clone();
            below.push(name.clone());
            if self.modules.contains_key(&below) {
                module = below;
                rest = after;
                continue;
            }
            let here = self.modules.get(&module)?;
            let exported = here.uses.iter().filter(|named| named.is_public);
            let exported = exported
                .filter(|known| known.path.last().is_some_and(|last| last == name || last == "*"));
            for known in exported {
                if depth < 8
                    && let Some(file) = self.file_of(&module, &known.path, depth + 1)
                {
                    return Some(file);
                }
            }
            break;
        }
        self.modules.get(&module).map(|module| module.file.clone())
    }
}

impl Module {
    fn of(file: &SourceFile) -> Self {
        let mut uses = Vec::new();
        let mut rest = String::new();
        for statement in file.code.split_inclusive([';', '{', '}']).fold(Vec::new(), joined) {
            match use_tree(&statement) {
                Some((is_public, tree)) => {
                    let paths = expanded(&[], tree);
                    uses.extend(paths.into_iter().map(|path| Use { path, is_public }));
                }
                None => rest.push_str(&statement),
            }
        }
        Self { file: file.path.clone(), uses, paths: paths(&rest) }
    }
}

/// Puts the braces of a `use` together again.
fn joined(mut statements: Vec<String>, piece: &str) -> Vec<String> {
    let is_open = |text: &String| use_tree(text).is_some() && !text.ends_with(';');
    match statements.last_mut() {
        Some(last) if is_open(last) => last.push_str(piece),
        _ => statements.push(piece.to_owned()),
    }
    statements
}

/// Of a statement `use tree;`: is it public, and the tree.
fn use_tree(statement: &str) -> Option<(bool, &str)> {
    let line = statement.trim_start();
    let line = line.lines().find(|line| !line.starts_with("#[")).map(|first| {
        let at = line.find(first).unwrap_or_default();
        &line[at..]
    })?;
    let (is_public, rest) = match line.strip_prefix("pub") {
        Some(rest) => (true, rest.trim_start_matches(|c| c != ' ').trim_start()),
        None => (false, line),
    };
    let tree = rest.strip_prefix("use ")?;
    Some((is_public, tree.trim_end().trim_end_matches(';')))
}

/// `a::{b, c::d as e}` as the paths `a::b` and `a::c::d`.
fn expanded(before: &[String], tree: &str) -> Vec<Vec<String>> {
    let tree = tree.trim();
    let with = |name: &str| {
        let mut path = before.to_vec();
        let name = name.split(" as ").next().unwrap_or(name).trim();
        if name != "self" || path.is_empty() {
            path.push(name.to_owned());
        }
        path
    };
    if let Some(list) = tree.strip_prefix('{').and_then(|list| list.strip_suffix('}')) {
        let mut depth = 0;
        let parts = list.split(|c| {
            depth += i32::from(c == '{') - i32::from(c == '}');
            c == ',' && depth == 0
        });
        return parts
            .filter(|part| !part.trim().is_empty())
            .flat_map(|part| expanded(before, part))
            .collect();
    }
    match tree.split_once("::") {
        Some((first, rest)) => expanded(&with(first), rest),
        None => vec![with(tree)],
    }
}

/// Paths of two names and more in code that is no `use`.
fn paths(code: &str) -> BTreeSet<Vec<String>> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    // `pub(in crate::store)` says who may look, and looks at nothing.
    let code: String =
        code.split("pub(in ").map(|piece| piece.trim_start_matches(is_part)).collect();
    code.split(|c| !is_part(c))
        .filter(|text| text.contains("::"))
        .map(|text| text.split("::").map(str::to_owned).collect())
        .collect()
}

/// `store/mod.rs` is `store`, `store/rows.rs` is `store::rows`, `lib.rs` the crate itself.
fn module_path(file: &str) -> Vec<String> {
    let mut names: Vec<_> = file.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if names.last().is_some_and(|name| name == "mod" || name == "lib") {
        names.pop();
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trees_are_expanded() {
        let paths = |tree| -> Vec<_> {
            expanded(&[], tree).into_iter().map(|path| path.join("::")).collect()
        };
        assert_eq!(paths("a::b"), ["a::b"]);
        assert_eq!(
            paths("super::{a::{self, b}, c as d, e::*}"),
            ["super::a", "super::a::b", "super::c", "super::e::*"]
        );
    }

    #[test]
    fn statements_are_told_apart() {
        assert_eq!(use_tree("\npub(crate) use a::b;"), Some((true, "a::b")));
        assert_eq!(use_tree("#[cfg(x)]\nuse a::{b, c};"), Some((false, "a::{b, c}")));
        assert_eq!(use_tree("fn used() {"), None);
        assert_eq!(use_tree("pub fn used() {"), None);
    }
}
