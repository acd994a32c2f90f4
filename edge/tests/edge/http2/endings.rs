//! What ends a stream alone, and what ends the connection with all its streams.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::mpsc::channel;

use h2::Reason;
use hyper::Request;
use tokio::time::timeout;

use super::{Client, of, run, start, text};
use crate::harness::{DEADLINE, sprite, wait_until};
use crate::tls::{start_edge, start_with};

/// One event, and then silence.
fn events() -> SocketAddr {
    sprite(|mut tcp, _| {
        let _ = tcp.write_all(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: first\n\n",
        );
        let _ = tcp.read(&mut [0]);
    })
}

#[test]
fn access_that_is_taken_away_cuts_its_streams_and_no_others() {
    let edge = start();
    edge.edge.put("ada", events());
    edge.edge.put("grace", events());
    run(async {
        let mut client = Client::connect(&edge).await;
        let mut bodies = Vec::new();
        for name in ["ada", "grace"] {
            let stream = of(&edge, name, "/").header("accept", "text/event-stream");
            let mut body = client.get(stream).await.unwrap().into_body();
            assert_eq!(body.data().await.unwrap().unwrap(), "data: first\n\n");
            bodies.push(body);
        }
        assert_eq!(edge.edge.metric("arca_edge_http2_streams"), Some(2.0));
        let answer = edge.edge.remove("ada");
        assert_eq!(answer["requests_cut"], 1, "{answer}");
        let cut = timeout(DEADLINE, bodies[0].data()).await.unwrap().unwrap();
        assert_eq!(cut.unwrap_err().reason(), Some(Reason::CANCEL));
        assert_eq!(client.get(of(&edge, "ada", "/")).await.unwrap().status(), 404);
        edge.edge.remove("grace");
        assert!(timeout(DEADLINE, bodies[1].data()).await.unwrap().unwrap().is_err());
        wait_until("it is logged", || {
            edge.edge.access_log().contains("\"outcome\":\"cut\"").then_some(())
        });
    });
}

#[test]
fn a_drain_lets_requests_end_and_takes_no_more() {
    let edge = start();
    let (release, released) = channel::<()>();
    let released = std::sync::Mutex::new(released);
    let held = sprite(move |mut tcp, _| {
        let _ = tcp.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
        let _ = released.lock().unwrap().recv_timeout(DEADLINE);
        let _ = tcp.write_all(b"hello");
    });
    edge.edge.put("ada", held);
    run(async {
        let mut client = Client::connect(&edge).await;
        let response = client.get(of(&edge, "ada", "/")).await.unwrap();
        edge.edge.signal("TERM");
        // GOAWAY has come when no further request can be begun.
        let refused = async {
            while client.send.clone().ready().await.is_ok() {
                tokio::task::yield_now().await;
            }
        };
        timeout(DEADLINE, refused).await.unwrap();
        release.send(()).unwrap();
        assert_eq!(text(response).await.unwrap(), "hello");
        let _ = timeout(DEADLINE, client.frames).await.expect("the connection ends");
    });
}

#[test]
fn a_stream_that_a_drain_ends_does_not_look_whole() {
    let edge = start_edge("", "", "grace_seconds = 1");
    edge.edge.put("ada", events());
    run(async {
        let mut client = Client::connect(&edge).await;
        let stream = of(&edge, "ada", "/").header("accept", "text/event-stream");
        let mut body = client.get(stream).await.unwrap().into_body();
        assert_eq!(body.data().await.unwrap().unwrap(), "data: first\n\n");
        edge.edge.signal("TERM");
        let end = timeout(DEADLINE, body.data()).await.unwrap().expect("it has no end");
        assert_eq!(end.unwrap_err().reason(), Some(Reason::CANCEL));
    });
}

#[test]
fn an_idle_connection_is_closed_and_a_busy_one_is_not() {
    let edge = start_with("idle_seconds = 1");
    edge.edge.put("ada", events());
    run(async {
        let mut busy = Client::connect(&edge).await;
        let stream = of(&edge, "ada", "/").header("accept", "text/event-stream");
        let _body = busy.get(stream).await.unwrap();
        let mut idle = Client::connect(&edge).await;
        idle.get(Request::get("https://ada.arca.test/")).await.unwrap();
        // What it says at last may find nobody any more.
        let _ = timeout(DEADLINE, idle.frames).await.expect("the connection ends");
        let series = "arca_edge_http2_connections_ended_total{reason=\"idle\"}";
        wait_until("it is counted", || edge.edge.metric(series).filter(|count| *count == 1.0));
        assert_eq!(busy.get(of(&edge, "ada", "/auth/session")).await.unwrap().status(), 200);
    });
}

#[test]
fn requests_taken_back_again_and_again_end_the_connection() {
    let edge = start();
    // Answers nobody.
    edge.edge.put("ada", sprite(|mut tcp, _| drop(tcp.read(&mut [0]))));
    run(async {
        let client = Client::connect(&edge).await;
        let request = of(&edge, "ada", "/").body(()).unwrap();
        let flood = async {
            loop {
                let Ok(mut ready) = client.send.clone().ready().await else { return };
                let Ok((response, mut stream)) = ready.send_request(request.clone(), true) else {
                    return;
                };
                stream.send_reset(Reason::CANCEL);
                drop(response);
                tokio::task::yield_now().await;
            }
        };
        timeout(DEADLINE, flood).await.unwrap();
        // The reason may be lost with what the client was still sending.
        let error = timeout(DEADLINE, client.frames).await.unwrap().unwrap().unwrap_err();
        let reason = error.reason();
        assert!(reason.is_none_or(|reason| reason == Reason::ENHANCE_YOUR_CALM), "{error}");
        let series = "arca_edge_http2_connections_ended_total{reason=\"flood\"}";
        wait_until("it is counted", || edge.edge.metric(series).filter(|count| *count == 1.0));
        let mut other = Client::connect(&edge).await;
        assert_eq!(other.get(of(&edge, "ada", "/auth/session")).await.unwrap().status(), 200);
    });
}
