//! Edges that take what they are told so slowly that they may as well not.

use reqwest::{Method, StatusCode};
use serde_json::json;
use shared::wire::GenerationState;
use shared::{Checksum, Generation};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;

use crate::common::{EDGE_TOKEN, World, wait_until};

/// More than there are connections to the database.
const EDGES: usize = 24;

/// Says that it has nothing, and takes nothing of the table that it is sent then.
async fn start_stuck_edge(name: usize) -> String {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(64).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((mut tcp, _)) = listener.accept().await {
            let mut head = [0; 4_096];
            let count = tcp.read(&mut head).await.unwrap();
            if head[..count].starts_with(b"GET /v1/generation") {
                let state = GenerationState {
                    generation: Generation(0),
                    routes: 0,
                    locks: 0,
                    checksum: Checksum::default(),
                };
                let body = serde_json::to_string(&state).unwrap();
                let answer = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\
                     content-length: {}\r\n\r\n{body}",
                    body.len()
                );
                tcp.write_all(answer.as_bytes()).await.unwrap();
            } else {
                held.push(tcp);
            }
        }
    });
    format!("[[edges]]\nname = 'stuck-{name}'\nurl = '{url}'\ntoken = '{EDGE_TOKEN}'\n")
}

/// Each whole table that is under way has a connection to the database for itself.
#[tokio::test]
async fn edges_that_take_the_table_slowly_leave_the_database_to_everybody_else() {
    let mut sections = String::new();
    for name in 0..EDGES {
        sections += &start_stuck_edge(name).await;
    }
    let mut world = World::start_with_sections(&[], "", &sections).await;
    // More than what the kernel holds of a connection.
    world
        .database
        .run(
            "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 40000)
             INSERT INTO routes (username, upstream, sprite, assignment, state, epoch)
             SELECT 'person-' || n, 'https://arca-' || n || '.sprites.test', 'arca-' || n, 1, 'live', 0
             FROM numbers"
                .to_owned(),
        )
        .await;
    world.restart().await;
    let path = "/api/routes/ada?wait=none";
    let body = json!({ "upstream": "https://ada-1.sprites.test" });
    let (status, answer) = world.api(Method::PUT, path, Some(body)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let heard = async || {
        let (_, edges) = world.api(Method::GET, "/api/edges", None).await;
        let edges = edges["edges"].as_array().unwrap().iter();
        edges.filter(|edge| edge["generation"] == 0).count()
    };
    wait_until("all of them were asked", EDGES, heard).await;
    for _ in 0..20 {
        let (status, answer) = world.api(Method::GET, "/api/routes?limit=1", None).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    }
    let (_, edges) = world.api(Method::GET, "/api/edges", None).await;
    assert!(!edges.to_string().contains("cannot be read"), "{edges}");
}
