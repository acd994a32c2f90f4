//! Certificates are exchanged again and again under clients of every kind.

use super::{Crowd, LIMITS, Load, Tally};
use crate::harness::{echo, wait_until};
use crate::tls::start_edge;

fn exchanged(times: usize, crowd: Crowd) -> Tally {
    let tls = start_edge(LIMITS, "", "");
    tls.edge.put("ada", echo());
    let load = Load::start(&tls, crowd);
    for _ in 0..times {
        let next = tls.authority.issue(tls.files.path(), "all", &["*.arca.test"]);
        tls.edge.signal("HUP");
        let client = tls.authority.client(&[&rustls::version::TLS13]);
        wait_until("the new certificate is shown", || {
            (tls.shown_to(&client) == next).then_some(())
        });
    }
    load.go_on();
    load.end()
}

#[test]
fn certificates_exchanged_under_load_fail_no_handshake() {
    let tally = exchanged(3, Crowd::SMALL);
    assert_eq!((tally.failed, tally.refused), (0, 0), "{tally:#?}");
}

#[test]
#[ignore = "minutes: make test-edge-load"]
fn a_hundred_certificates_under_load() {
    let tally = exchanged(100, Crowd::LARGE);
    tally.print("100 certificates");
    assert_eq!((tally.failed, tally.refused), (0, 0));
}
