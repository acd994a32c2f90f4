//! Other people's programs against a running edge: `make test-edge-foreign`.
//!
//! Each script of `edge/tests/foreign` is told by its environment where the edge is and
//! how to be let in, and says by its exit status whether all is well.

use std::process::Command;

use crate::harness::{echo, free_address};
use crate::tls::start_edge;

/// One person's and one address' requests.
const LIMITS: &str = "requests_per_second_per_address = 100000\n\
    requests_per_second_per_workspace = 100000\nconnections_per_address = 20000\n";

#[test]
#[ignore = "needs programs of Debian, PyPI and npm: make test-edge-foreign"]
fn other_peoples_programs_find_nothing() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/foreign");
    let wanted = std::env::var("ONLY").unwrap_or_default();
    let mut scripts: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "py"))
        .filter(|path| path.display().to_string().contains(&wanted))
        .collect();
    scripts.sort();
    assert!(!scripts.is_empty());
    let mut failed = Vec::new();
    for script in scripts {
        let plain = crate::harness::TestEdge::with(LIMITS, "");
        let tls = start_edge(LIMITS, "", "");
        tls.edge.put("ada", echo());
        // The scripts start a sprite there themselves.
        let sprite = free_address();
        plain.put("ada", sprite);
        let authority = tls.files.path().join("authority.pem");
        std::fs::write(&authority, tls.authority.pem()).unwrap();
        let cookie = plain.cookie("ada", "k1", 12 * 3_600);
        let status = Command::new(std::env::var("PYTHON").unwrap_or("python3".into()))
            .arg(&script)
            .env("PLAIN_PORT", plain.public.port().to_string())
            .env("PLAIN_PID", plain.pid().to_string())
            .env("TLS_PORT", tls.address.port().to_string())
            .env("SPRITE_PORT", sprite.port().to_string())
            .env("COOKIE", cookie.trim_start_matches("Cookie: ").trim_end())
            .env("AUTHORITY", &authority)
            .status();
        if !status.unwrap().success() {
            failed.push(script);
        }
    }
    assert!(failed.is_empty(), "{failed:?}");
}
