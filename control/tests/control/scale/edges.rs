//! Two hundred edges, three controls and ten thousand workspaces: `make bench-scale`.
//!
//! The edges are stand-ins in this process that acknowledge what they are told, so that one
//! machine has room for them. All of it shares the cores there are.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::State;
use axum::routing::{get, post, put};
use axum::{Json, Router};
use reqwest::Method;
use serde_json::{Value, json};
use shared::Checksum;
use shared::wire::{Applied, CertificatesServed, GenerationState, TableHead};
use tokio::net::TcpListener;

use super::rows;
use crate::common::{ADMIN_KEY, EDGE_TOKEN, World};

const EDGES: usize = 200;
const WORKSPACES: u32 = 10_000;
const CHANGES: usize = 300;
const TIMES: usize = 20;

type Served = Arc<Mutex<GenerationState>>;

/// Takes whatever it is told, and says so.
struct StandIn {
    address: SocketAddr,
    served: Served,
}

impl StandIn {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let nothing = TableHead {
            generation: Default::default(),
            routes: 0,
            locks: 0,
            checksum: Checksum::default(),
        };
        let served: Served = Arc::new(Mutex::new(state(nothing)));
        let router = Router::new()
            .route(
                "/v1/generation",
                get(async |State(served): State<Served>| Json(*served.lock().unwrap())),
            )
            .route("/v1/changes", post(changes))
            .route("/v1/table", put(table))
            .route("/v1/certificates", get(certificates))
            .with_state(Arc::clone(&served));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, served }
    }

    fn generation(&self) -> u64 {
        self.served.lock().unwrap().generation.0
    }
}

fn state(head: TableHead) -> GenerationState {
    let TableHead { generation, routes, locks, checksum } = head;
    GenerationState { generation, routes, locks, checksum }
}

async fn changes(State(served): State<Served>, Json(told): Json<Value>) -> Json<Applied> {
    let mut served = served.lock().unwrap();
    served.generation = serde_json::from_value(told["generation"].clone()).unwrap();
    if let Ok(checksum) = serde_json::from_value(told["checksum"].clone()) {
        served.checksum = checksum;
    }
    applied(&served)
}

async fn table(State(served): State<Served>, body: Bytes) -> Json<Applied> {
    let head = body.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let mut served = served.lock().unwrap();
    *served = state(serde_json::from_slice(head).unwrap());
    applied(&served)
}

async fn certificates() -> Json<CertificatesServed> {
    Json(CertificatesServed { wanted: false, fingerprint: String::new() })
}

fn applied(served: &GenerationState) -> Json<Applied> {
    let generation = served.generation;
    Json(Applied { generation, sockets_cut: 0, requests_cut: 0, durable: true })
}

/// Half of `times` took no longer than the first, 99 of a hundred no longer than the second.
fn quantiles(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort();
    (times[times.len() / 2], times[times.len() * 99 / 100])
}

async fn repeated(times: usize, mut act: impl AsyncFnMut(usize)) -> (Duration, Duration) {
    let mut taken = Vec::with_capacity(times);
    for time in 0..times {
        let began = Instant::now();
        act(time).await;
        taken.push(began.elapsed());
    }
    quantiles(taken)
}

#[tokio::test]
#[ignore = "a measurement: `make bench-scale`"]
#[expect(clippy::print_stdout, reason = "it is run for what it prints")]
async fn two_hundred_edges_and_three_controls() {
    let mut edges = Vec::with_capacity(EDGES + 1);
    for _ in 0..=EDGES {
        edges.push(StandIn::start().await);
    }
    let last = edges.pop().unwrap();
    let sections: String = edges
        .iter()
        .enumerate()
        .map(|(number, edge)| {
            let url = format!("http://{}", edge.address);
            format!("[[edges]]\nname = 'edge-{number}'\nurl = '{url}'\ntoken = '{EDGE_TOKEN}'\n")
        })
        .collect();
    let mut world = World::start_with_sections(&[], "", &sections).await;
    world.database.run(rows(1, WORKSPACES)).await;
    world.restart().await;
    let _others = [world.beside().await, world.beside().await];

    let put = async |number: usize| {
        let path = format!("/api/routes/measured-{number}");
        let body = json!({ "upstream": format!("https://measured-{number}.sprites.test") });
        let (_, answer) = world.api(Method::PUT, &path, Some(body)).await;
        let edges = answer["edges"].as_array().unwrap_or_else(|| panic!("{answer}"));
        let waits = edges.iter().filter(|edge| edge["acknowledged"] != true).count();
        assert_eq!((edges.len(), waits), (EDGES, 0), "{answer}");
    };
    let began = Instant::now();
    let present = world.app().store.table_state().await.unwrap().generation.0;
    let are_told = async || edges.iter().all(|edge| edge.generation() >= present);
    crate::common::wait_until("each edge has the whole table", true, are_told).await;
    println!("each edge has the whole table after {:.1?}", began.elapsed());
    let (p50, p99) = repeated(CHANGES, put).await;
    println!("a route acknowledged by {EDGES} edges: p50 {p50:.1?}, p99 {p99:.1?}");

    let (p50, p99) = repeated(TIMES, async |_| {
        let (_, status) = world.api(Method::GET, "/api/status", None).await;
        assert!(status.is_object(), "{status}");
    })
    .await;
    println!("what `control status` asks: p50 {p50:.1?}, p99 {p99:.1?}");

    let browser = crate::console::Browser::sign_in(&world, ADMIN_KEY).await;
    let (p50, p99) = repeated(TIMES, async |_| {
        let seen = browser.get("/console").await;
        assert!(seen.text.contains("</html>"), "{}", seen.text);
    })
    .await;
    println!("the first screen of the operator's page: p50 {p50:.1?}, p99 {p99:.1?}");

    let began = Instant::now();
    let url = format!("http://{}", last.address);
    let edge = json!({ "name": "last", "url": url, "token": EDGE_TOKEN });
    let (status, answer) = world.api(Method::POST, "/api/edges", Some(edge)).await;
    assert!(status.is_success(), "{answer}");
    let present = edges[0].generation();
    crate::common::wait_until("it is up to date", true, async || last.generation() >= present)
        .await;
    println!("an edge that joins is up to date after {:.1?}", began.elapsed());
}
