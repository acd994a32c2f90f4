//! Answers that come before the request is whole.

use std::future::poll_fn;
use std::io::Write as _;

use bytes::Bytes;
use h2::SendStream;

use super::{Client, of, run, start, text};
use crate::harness::{sprite, wait_until};

const PIECE: usize = 16 * 1024;

/// Sends `count` pieces, and the end.
async fn send(body: &mut SendStream<Bytes>, count: usize) -> Result<(), h2::Error> {
    for _ in 0..count {
        body.reserve_capacity(PIECE);
        while body.capacity() < PIECE {
            let Some(capacity) = poll_fn(|context| body.poll_capacity(context)).await else {
                break;
            };
            capacity?;
        }
        body.send_data(Bytes::from(vec![b'x'; PIECE]), false)?;
    }
    body.send_data(Bytes::new(), true)
}

#[test]
fn whoever_is_answered_early_is_not_cut_off() {
    let edge = start();
    let refusing = sprite(|mut tcp, _| {
        let _ = tcp.write_all(
            b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig",
        );
    });
    edge.edge.put("ada", refusing);
    run(async {
        let mut client = Client::connect(&edge).await;
        // One answer is the sprite's, and one the edge's own.
        for (name, status) in [("ada", 413), ("nobody", 404)] {
            let post = of(&edge, name, "/").method("POST").body(()).unwrap();
            let (response, mut body) = client.send(post, false).await;
            let response = response.await.unwrap();
            assert_eq!(response.status(), status);
            assert!(!text(response).await.unwrap().is_empty());
            // More than fits into any window.
            send(&mut body, 200).await.unwrap();
        }
        let streams = "arca_edge_http2_streams";
        wait_until("both streams end with their requests", || {
            (edge.edge.metric(streams) == Some(0.0)).then_some(())
        });
    });
}
