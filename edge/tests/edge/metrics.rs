//! What is counted of the way to machines, and of clients that come by TLS.

use crate::harness::{TestEdge, echo, free_address, read_head, wait_until};
use crate::tls::start_edge;

#[test]
fn how_machines_are_reached_is_counted() {
    let edge = TestEdge::start();
    edge.put("ada", echo());
    let counts = |series: &[&str]| -> Vec<Option<f64>> {
        series.iter().map(|series| edge.metric(&format!("arca_edge_upstream_{series}"))).collect()
    };
    let reached = [
        "requests_total{connection=\"new\"}",
        "requests_total{connection=\"kept\"}",
        "connect_seconds_count",
        "connections_kept",
    ];
    assert_eq!(counts(&reached), [Some(0.0); 4]);
    assert!(read_head(&mut edge.get("ada", "/")).starts_with("HTTP/1.1 200"));
    let kept = "arca_edge_upstream_connections_kept";
    wait_until("its connection is kept", || edge.metric(kept).filter(|kept| *kept > 0.0));
    // Either of the two threads may have it, and only one knows of it.
    for _ in 0..8 {
        assert!(read_head(&mut edge.get("ada", "/")).starts_with("HTTP/1.1 200"));
    }
    let seen = counts(&reached[..3]);
    let [Some(new), Some(kept), Some(connected)] = seen[..] else { panic!("{seen:?}") };
    assert!(new + kept >= 9.0 && kept >= 1.0 && connected == new, "{seen:?}");

    edge.put("ada", free_address());
    assert!(read_head(&mut edge.get("ada", "/")).starts_with("HTTP/1.1 50"));
    assert!(counts(&["connect_failures_total{reason=\"refused\"}"])[0] >= Some(1.0));
}

#[test]
fn the_time_of_a_handshake_is_measured() {
    let tls = start_edge("", "", "");
    let mut config = (*tls.authority.client(&[&rustls::version::TLS13])).clone();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let series = "arca_edge_tls_handshake_seconds_count";
    assert_eq!(tls.edge.metric(series), Some(0.0));
    let _stream = tls.connect(&std::sync::Arc::new(config), "ada.arca.test");
    wait_until("it is measured", || tls.edge.metric(series).filter(|count| *count >= 1.0));
}
