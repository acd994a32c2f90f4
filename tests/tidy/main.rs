//! What keeps the house in order: which part may import which, where SQL may stand,
//! which words the vendors' clients may not know, and that nothing is public for nobody.
//!
//! The map of allowed imports is the one in `ARCHITECTURE.md`: the tests read it
//! there, so that the text for people and the rule for the code cannot differ.

mod features;
mod graph;
mod map;
mod metrics;
mod modules;
mod operations;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use modules::Crate;

/// Folders of sources, by the name under which the map speaks of them.
const CRATES: [(&str, &str); 5] = [
    ("shared", "shared/src"),
    ("edge", "edge/src"),
    ("sprite-agent", "sprite-agent/src"),
    ("vendors", "control/vendors/src"),
    ("control", "control/src"),
];

/// Words of our product. The vendors' clients know only the vendors' own.
const PRODUCT_WORDS: [&str; 6] =
    ["arcamatrix", "openclaw", "pflaster", "username", "workspace", "sign-up"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the repository").to_owned()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn crates() -> Vec<Crate> {
    CRATES.iter().map(|(name, folder)| Crate::read(name, &root().join(folder))).collect()
}

fn none(found: &[String]) {
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn every_import_is_on_the_map() {
    let map = map::read(&read("ARCHITECTURE.md"));
    let mut wrong = Vec::new();
    for parsed in crates() {
        let Some(allowed) = map.get(parsed.name()) else { continue };
        for import in parsed.imports() {
            let (from, to) = (import.source_part(), import.target_part());
            if from == to || from == "main" {
                continue;
            }
            let parts = allowed.get(from);
            if !parts.is_some_and(|parts| parts.contains(to)) {
                wrong.push(format!("{import}: {from} → {to} is not on the map"));
            }
        }
    }
    none(&wrong);
}

#[test]
fn every_arrow_on_the_map_is_some_import() {
    let map = map::read(&read("ARCHITECTURE.md"));
    let mut unused = Vec::new();
    for parsed in crates() {
        let Some(allowed) = map.get(parsed.name()) else { continue };
        let imports = parsed.imports();
        let seen: BTreeSet<_> =
            imports.iter().map(|import| (import.source_part(), import.target_part())).collect();
        for (from, parts) in allowed {
            unused.extend(
                parts
                    .iter()
                    .filter(|to| !seen.contains(&(from.as_str(), to.as_str())))
                    .map(|to| format!("{}: nothing in {from} imports {to}", parsed.name())),
            );
        }
    }
    none(&unused);
}

#[test]
fn imports_go_round_in_no_circle() {
    let mut circles = Vec::new();
    for parsed in crates() {
        for (folder, arrows) in graph::by_folder(&parsed.imports()) {
            circles.extend(
                graph::circles(&arrows)
                    .into_iter()
                    .map(|circle| format!("{}/{folder}: {}", parsed.name(), circle.join(", "))),
            );
        }
    }
    none(&circles);
}

#[test]
fn sql_stands_in_the_store_only() {
    let mut found = Vec::new();
    for parsed in crates() {
        for file in parsed.files() {
            let is_store = parsed.name() == "control" && file.path.starts_with("store/");
            if !is_store && file.code.contains("sqlx") {
                found.push(format!("{}/{} uses sqlx", parsed.name(), file.path));
            }
        }
    }
    none(&found);
}

/// The system's files, and those that a program of ours writes for itself.
const READ_WHOLE: [&str; 10] = [
    "control/domains/dns.rs",
    "shared/process/owner.rs",
    "edge/domains/kept.rs",
    "edge/tls/handed.rs",
    "edge/corpus.rs",
    "sprite-agent/memory.rs",
    "sprite-agent/supervisor/account.rs",
    "sprite-agent/supervisor/orphans.rs",
    "sprite-agent/supervisor/port.rs",
    "sprite-agent/supervisor/processes.rs",
];

#[test]
fn files_that_somebody_names_are_read_with_a_bound() {
    let mut found = Vec::new();
    for parsed in crates() {
        for file in parsed.files() {
            let path = format!("{}/{}", parsed.name(), file.path);
            let is_whole =
                ["fs::read(", "fs::read_to_string("].iter().any(|it| file.code.contains(it));
            if is_whole && !READ_WHOLE.contains(&path.as_str()) {
                found.push(format!("{path}: shared::process::named_file reads what has an end"));
            }
        }
    }
    none(&found);
}

#[test]
fn clients_of_vendors_know_no_word_of_the_product() {
    let mut found = Vec::new();
    let vendors = Crate::read("vendors", &root().join("control/vendors/src"));
    for file in vendors.files() {
        let text = file.text.to_lowercase();
        let words = PRODUCT_WORDS.iter().filter(|word| text.contains(**word));
        found.extend(words.map(|word| format!("{}: {word}", file.path)));
    }
    none(&found);
}

/// The sources that register metrics, with what stands before the names there.
const METRICS: [(&str, &str); 5] = [
    ("edge/src/observe/metrics.rs", "arca_edge_"),
    ("edge/src/observe/metrics/upstreams.rs", "arca_edge_"),
    ("edge/src/observe/metrics/levels.rs", "arca_edge_"),
    ("sprite-agent/src/metrics.rs", ""),
    ("control/src/base/metrics.rs", "arca_control_"),
];

const RULES: &str = "config/prometheus/arcamatrix.rules.yml";

/// What operators import.
const OPERATIONS: [&str; 5] = [
    RULES,
    "config/grafana/edge.json",
    "config/grafana/agents.json",
    "config/grafana/control.json",
    "config/grafana/money.json",
];

#[test]
fn docs_list_every_metric() {
    let docs = read("docs/metrics.md");
    let rows = METRICS.map(|(file, prefix)| metrics::rows(&read(file), prefix));
    assert!(rows.iter().all(|rows| rows.len() > 5), "metrics were not found: {rows:?}");
    let missing: Vec<_> = rows.concat().into_iter().filter(|row| !docs.contains(row)).collect();
    none(&missing);
}

#[test]
fn alerts_and_dashboards_know_only_metrics_that_there_are() {
    let docs = read("docs/metrics.md");
    let there = operations::metrics(&docs);
    let mut unknown = Vec::new();
    for file in OPERATIONS {
        let text = read(file);
        let used = operations::metrics(&text);
        assert!(used.len() > 3, "{file} names no metrics");
        unknown.extend(used.difference(&there).map(|metric| format!("{file}: {metric}")));
    }
    none(&unknown);
}

#[test]
fn each_alert_is_tested_and_leads_to_what_to_do() {
    let rules = read(RULES);
    let tests = read("config/prometheus/arcamatrix.test.yml");
    let runbook = read("docs/runbook.md");
    let (tested, sections): (BTreeSet<_>, _) =
        (operations::values(&tests, "name").collect(), operations::anchors(&runbook));
    let mut wrong: Vec<_> = operations::values(&rules, "alert")
        .filter(|alert| !tested.contains(alert))
        .map(|alert| format!("{alert} is in no test"))
        .collect();
    let alerts = operations::values(&rules, "alert").count();
    let links: Vec<_> = operations::values(&rules, "runbook").collect();
    assert_eq!((alerts > 10, links.len()), (true, alerts), "each alert has a link");
    wrong.extend(
        links
            .iter()
            .filter(|link| {
                let section = link.strip_prefix("docs/runbook.md#").unwrap_or_default();
                !sections.contains(section)
            })
            .map(|link| format!("{link} leads nowhere")),
    );
    none(&wrong);
}

#[test]
fn what_is_public_is_used_in_another_file() {
    let mut users: BTreeMap<String, BTreeSet<PathBuf>> = BTreeMap::new();
    for path in source::texts(&root()) {
        for word in source::words(&std::fs::read_to_string(&path).unwrap_or_default()) {
            users.entry(word.to_owned()).or_default().insert(path.clone());
        }
    }
    let mut unused = Vec::new();
    for parsed in crates() {
        for file in parsed.files() {
            unused.extend(
                source::public_items(&file.code)
                    .filter(|item| users.get(*item).is_none_or(|files| files.len() < 2))
                    .map(|item| format!("{}/{}: {item}", parsed.name(), file.path)),
            );
        }
    }
    none(&unused);
}

#[test]
fn documents_name_files_that_are_there() {
    let folder = std::fs::read_dir(root().join("docs")).unwrap();
    let docs = folder.map(|file| format!("docs/{}", file.unwrap().file_name().display()));
    let documents = docs.filter(|name| name.ends_with(".md"));
    let top = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"];
    let mut lost = Vec::new();
    for document in documents.chain(top.map(str::to_owned)) {
        let text = read(&document);
        for path in text.split('`').skip(1).step_by(2).filter(|quoted| is_path(quoted)) {
            if !root().join(path).exists() {
                lost.push(format!("{document}: `{path}` is not there"));
            }
        }
    }
    none(&lost);
}

/// Of the repository; a word in capitals stands for any of a kind.
fn is_path(quoted: &str) -> bool {
    const TOP: [&str; 8] =
        [".ci", "benches", "config", "control", "edge", "shared", "sprite-agent", "tests"];
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/');
    let is_placeholder =
        |part: &str| part.len() > 3 && part.chars().all(|c| c.is_ascii_uppercase());
    let first = quoted.split('/').next().unwrap_or_default();
    quoted.contains('/')
        && TOP.contains(&first)
        && quoted.chars().all(is_plain)
        && !quoted.split(['/', '.']).any(is_placeholder)
}
