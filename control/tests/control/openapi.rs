//! The description of the JSON APIs that is committed is that of the program.

use std::path::Path;

#[test]
fn the_committed_description_is_the_programs_own() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == control::operator::openapi::text(),
        "control/openapi.json is old: control openapi > control/openapi.json writes it anew"
    );
}
