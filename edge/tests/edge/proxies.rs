//! Load balancers in front of the edge: who their clients are is believed to them alone.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::harness::{TestEdge, echo, read_head, read_to_end, wait_until};

/// An edge with limits of `limits` that trusts `networks` for what they `say`.
fn start(limits: &str, networks: &str, says: &str) -> TestEdge {
    let edge = TestEdge::with(limits, "");
    let more = format!(
        "[[trusted_proxies]]\nlisten = \"{}\"\nnetworks = [\"{networks}\"]\nsays = \"{says}\"\n",
        edge.public
    );
    edge.configure(limits, &more);
    edge.signal("HUP");
    wait_until("they are trusted", || edge.log().contains("were read again").then_some(()));
    edge.put("ada", echo());
    edge
}

/// Asks after `start` and with `lines`, and tells the status.
fn ask(edge: &TestEdge, start: &[u8], lines: &str) -> String {
    let mut tcp = edge.connect();
    tcp.write_all(start).unwrap();
    let cookie = edge.cookie("ada", "k1", 3_600);
    write!(tcp, "GET /x HTTP/1.1\r\nHost: ada.arca.test\r\n{cookie}{lines}\r\n").unwrap();
    read_head(&mut tcp).get(9..12).unwrap_or_default().to_owned()
}

fn logged(edge: &TestEdge, address: &str) {
    let field = format!("\"address\":\"{address}\"");
    wait_until(&field, || edge.access_log().contains(&field).then_some(()));
}

#[test]
fn a_client_that_a_proxy_announces_is_the_client() {
    let edge = start("connections_per_address = 2", "127.0.0.0/8", "proxy-protocol");
    assert_eq!(ask(&edge, b"PROXY TCP4 203.0.113.9 10.0.0.1 1 443\r\n", ""), "200");
    logged(&edge, "203.0.113.9");
    let v2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x0a\x0a\0\0\x01\0\x01\x01\xbb";
    assert_eq!(ask(&edge, v2, "X-Forwarded-For: 1.1.1.1\r\n"), "200");
    logged(&edge, "203.0.113.10");
    // Each client of the proxy has a limit of its own.
    let open = |address: &str| {
        let mut tcp = edge.connect();
        write!(tcp, "PROXY TCP4 {address} 10.0.0.1 1 443\r\n").unwrap();
        write!(tcp, "GET / HTTP/1.1\r\nHost: ada.arca.test\r\n\r\n").unwrap();
        let status = read_head(&mut tcp).get(9..12).unwrap_or_default().to_owned();
        (tcp, status)
    };
    let seen: Vec<_> = ["192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2"].map(open).into();
    let statuses: Vec<_> = seen.iter().map(|(_, status)| status.as_str()).collect();
    assert_eq!(statuses, ["401", "401", "429", "401"]);
}

#[test]
fn a_proxy_that_announces_nobody_is_hung_up_on() {
    let edge = start("head_seconds = 1", "127.0.0.0/8", "proxy-protocol");
    let series = |reason: &str| {
        edge.metric(&format!("arca_edge_proxy_headers_refused_total{{reason=\"{reason}\"}}"))
    };
    for (start, reason) in [
        (&b"GET / HTTP/1.1\r\nHost: ada.arca.test\r\n\r\n"[..], "malformed"),
        (b"PROXY TCP4 203.0.113.9", "timeout"),
    ] {
        let mut tcp = edge.connect();
        tcp.write_all(start).unwrap();
        assert_eq!(read_to_end(&mut tcp).0, b"", "{reason}");
        assert_eq!(series(reason), Some(1.0), "{reason}");
    }
}

#[test]
fn a_header_is_believed_of_a_proxy_and_of_nobody_else() {
    for (networks, expected) in [("127.0.0.0/8", "203.0.113.9"), ("10.0.0.0/8", "127.0.0.1")] {
        let edge = start("", networks, "x-forwarded-for");
        let lines = "X-Forwarded-For: 1.1.1.1, 203.0.113.9\r\nForwarded: for=2.2.2.2\r\n";
        assert_eq!(ask(&edge, b"", lines), "200");
        logged(&edge, expected);
        // What is no header of a proxy's is no request either; which of its mistakes is
        // named depends on how much of it has come.
        let status = ask(&edge, b"PROXY TCP4 203.0.113.9 10.0.0.1 1 443\r\n", "");
        assert!(matches!(status.as_str(), "400" | "505"), "{status}");
    }
}

#[test]
fn requests_are_counted_for_the_client_that_a_header_names() {
    let edge = start("requests_per_second_per_address = 5", "127.0.0.0/8", "forwarded");
    let mut tcp: TcpStream = edge.connect();
    let mut ask = |address: &str| {
        let line = format!("Forwarded: for={address}");
        write!(tcp, "GET / HTTP/1.1\r\nHost: ada.arca.test\r\n{line}\r\n\r\n").unwrap();
        let head = read_head(&mut tcp);
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.unwrap().parse().unwrap()];
        tcp.read_exact(&mut body).unwrap();
        head.get(9..12).unwrap_or_default().to_owned()
    };
    let (mut refused, mut others) = (0, 0);
    for number in 0..40 {
        refused += u32::from(ask("192.0.2.1") == "429");
        others += u32::from(ask(&format!("192.0.2.{}", 100 + number)) == "429");
    }
    assert!(refused >= 10, "{refused}");
    assert_eq!(others, 0);
}
