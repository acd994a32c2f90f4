//! Stores that are not, or no longer, what was written.

use std::fs;

use redb::{Database, TableDefinition};

use super::*;
use crate::routes::{MovedAside, OpenError, StoreError};

/// A store with a hundred routes, closed.
fn filled() -> Edge {
    let mut edge = Edge::new();
    edge.apply((0..100).map(|n| Change::Put(route(&format!("user-{n}")))).collect()).unwrap();
    edge.routes = None;
    edge
}

/// The store is moved aside with `reason`, and the edge waits for a table.
fn check(edge: &Edge, reason: &str) {
    let Opened { routes, moved_aside } = open(&edge.store(), &edge.registry);
    let MovedAside { to, reason: seen } = moved_aside.expect("moved aside");
    assert!(seen.contains(reason), "{seen}");
    assert!(to.starts_with(edge.folder.path()));
    assert!(to.exists(), "kept for whoever looks into it");
    assert!(!routes.is_ready());
    assert_eq!(routes.state().routes, 0);
    let mut model = Model::default();
    model.apply(Change::Put(route("ada")));
    routes.replace(model.whole(7)).unwrap();
    assert!(routes.is_ready());
    drop(routes);
    let Opened { routes, moved_aside } = open(&edge.store(), &edge.registry);
    assert_eq!(moved_aside, None);
    model.assert_served_by(&routes);
}

fn write(edge: &Edge, table: &str, key: &str, value: &[u8]) {
    let database = Database::open(edge.store()).unwrap();
    let transaction = database.begin_write().unwrap();
    if table == "about" {
        let table = TableDefinition::<&str, &[u8]>::new(table);
        transaction.open_table(table).unwrap().insert(key, value).unwrap();
    } else {
        let table = TableDefinition::<&[u8], &[u8]>::new(table);
        transaction.open_table(table).unwrap().insert(key.as_bytes(), value).unwrap();
    }
    transaction.commit().unwrap();
}

#[test]
fn a_file_of_something_else_is_moved_aside() {
    let edge = filled();
    fs::write(edge.store(), "not a database at all".repeat(1_000)).unwrap();
    check(&edge, "");
}

#[test]
fn a_file_that_breaks_off_is_moved_aside() {
    for bytes in [1, 319, 4_096, 20_000] {
        let edge = filled();
        let whole = fs::read(edge.store()).unwrap();
        fs::write(edge.store(), &whole[..bytes]).unwrap();
        check(&edge, "");
    }
}

#[test]
fn a_format_of_the_future_is_moved_aside() {
    let edge = filled();
    write(&edge, "about", "format", b"arcamatrix routes 2");
    check(&edge, "\"arcamatrix routes 2\", which is not known here");
}

#[test]
fn a_database_of_another_program_is_moved_aside() {
    let mut edge = filled();
    fs::remove_file(edge.store()).unwrap();
    let database = Database::create(edge.store()).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(TableDefinition::<&str, u64>::new("about")).unwrap();
    transaction.commit().unwrap();
    drop(database);
    check(&edge, "");
    edge.routes = None;
}

#[test]
fn rows_that_are_not_ours_are_named_and_moved_aside() {
    let edge = filled();
    write(&edge, "routes", "user-5", b"short");
    check(&edge, "route \"user-5\" cannot be read");
    let edge = filled();
    write(&edge, "locks", "user-5", b"");
    check(&edge, "its rows are not those of its state");
    let edge = filled();
    write(&edge, "about", "state", b"{}");
    check(&edge, "its state: missing field");
}

#[test]
fn an_empty_file_is_a_new_store() {
    let edge = filled();
    fs::write(edge.store(), "").unwrap();
    let opened = open(&edge.store(), &edge.registry);
    assert_eq!(opened.moved_aside, None);
    assert!(!opened.routes.is_ready());
}

#[test]
fn a_second_process_is_told_that_the_store_is_in_use() {
    let edge = Edge::new();
    let policy = AddressPolicy::default();
    let refused = Routes::open(&edge.store(), policy, Arc::default()).err().unwrap();
    assert!(matches!(&refused, OpenError::Store { source: StoreError::InUse, .. }), "{refused:?}");
    assert!(edge.store().exists(), "the store of the other one stays where it is");
}

#[test]
fn a_store_in_a_folder_that_is_not_there_is_an_error_and_nothing_is_moved() {
    let edge = Edge::new();
    let path = edge.folder.path().join("missing/routes.redb");
    let refused = Routes::open(&path, AddressPolicy::default(), Arc::default()).err().unwrap();
    assert!(matches!(&refused, OpenError::Store { source: StoreError::Io(_), .. }), "{refused:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Whatever a disk does to one stretch of bytes: everything is served or nothing.
    #[test]
    fn damage_is_found_and_never_a_panic(
        at in 0.0f64..1.0, bytes in prop::collection::vec(any::<u8>(), 1..64),
    ) {
        let edge = filled();
        let mut file = fs::read(edge.store()).unwrap();
        // The beginning is where the pages in use are.
        let start = (at * 60_000.0) as usize;
        file[start..start + bytes.len()].copy_from_slice(&bytes);
        fs::write(edge.store(), &file).unwrap();
        let opened = open(&edge.store(), &edge.registry);
        if opened.moved_aside.is_some() {
            prop_assert_eq!(opened.routes.state().routes, 0);
        } else {
            prop_assert_eq!(opened.routes.state().routes, 100);
            prop_assert!(opened.routes.find(&name("user-99")).is_some());
        }
        let base = opened.routes.state().generation;
        opened.routes.apply(ChangesRequest {
            base, generation: Generation(50), checksum: None, changes: vec![Change::Put(route("ada"))],
        }).unwrap();
    }
}
