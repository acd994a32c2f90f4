//! The private API as control and an operator meet it.

use std::sync::Arc;

use axum::Router;
use axum::body::{self, Body};
use axum::http::{Method, Request, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};
use shared::wire::{TableHead, TableLine};
use shared::{AddressPolicy, Checksum, Generation, RequestId, Route, Secret};
use tempfile::TempDir;
use tower::ServiceExt as _;

use super::{Served, State, router, serve};
use crate::connections::{ConnectionRegistry, Kind, access};
use crate::domains::Domains;
use crate::lifecycle::Lifecycle;
use crate::routes::Routes;
use crate::routes::samples::{name, route};
use crate::tls::HandedCertificates;

const TOKEN: &str = "a token of enough letters";

struct Edge {
    _folder: TempDir,
    registry: Arc<ConnectionRegistry>,
    routes: Arc<Routes>,
    router: Router,
}

impl Edge {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let registry = Arc::new(ConnectionRegistry::default());
        let store = folder.path().join("routes.redb");
        let opened = Routes::open(&store, AddressPolicy::default(), Arc::clone(&registry)).unwrap();
        let routes = Arc::new(opened.routes);
        let metrics = Arc::new(|| "edge_up 1\n".to_owned());
        let state = State::new(Served {
            routes: Arc::clone(&routes),
            certificates: Arc::new(HandedCertificates::open(folder.path().join("kept"), None)),
            challenges: Arc::default(),
            domains: Arc::new(Domains::open(
                folder.path().join("domains"),
                None,
                Arc::clone(&registry),
            )),
            token: Secret::new(TOKEN.to_owned()),
            metrics,
            lifecycle: Lifecycle::default(),
        });
        Self { _folder: folder, registry, routes, router: router(state) }
    }

    async fn answer(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    async fn ask(&self, method: Method, path: &str, body: impl Into<Body>) -> (StatusCode, Value) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"))
            .body(body.into())
            .unwrap();
        json_of(self.answer(request).await).await
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.ask(Method::GET, path, "").await
    }

    async fn change(&self, base: u64, changes: Value) -> (StatusCode, Value) {
        let body = json!({ "base": base, "generation": base + 1, "changes": changes });
        self.ask(Method::POST, "/v1/changes", body.to_string()).await
    }

    async fn table(&self, lines: &str) -> (StatusCode, Value) {
        self.ask(Method::PUT, "/v1/table", lines.to_owned()).await
    }
}

async fn json_of(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    let body = body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

fn put(username: &str) -> Value {
    json!({ "put": route(username) })
}

fn table(generation: u64, routes: &[Route]) -> String {
    let head = TableHead {
        generation: Generation(generation),
        routes: routes.len() as u64,
        locks: 0,
        checksum: routes.iter().fold(Checksum::default(), Checksum::with_route),
    };
    let lines = routes.iter().cloned().map(TableLine::Route);
    let lines = lines.map(|line| serde_json::to_string(&line).unwrap());
    let head = serde_json::to_string(&head).unwrap();
    std::iter::once(head).chain(lines).map(|line| line + "\n").collect()
}

#[tokio::test]
async fn private_calls_want_the_token() {
    let edge = Edge::new();
    let calls = [
        (Method::GET, "/v1/generation"),
        (Method::POST, "/v1/changes"),
        (Method::PUT, "/v1/table"),
        (Method::GET, "/v1/table"),
        (Method::GET, "/v1/routes"),
        (Method::GET, "/v1/routes/ada"),
    ];
    for (method, path) in calls {
        for token in [None, Some("Bearer wrong"), Some(TOKEN), Some("Basic YTpi")] {
            let mut request = Request::builder().method(method.clone()).uri(path);
            if let Some(token) = token {
                request = request.header(header::AUTHORIZATION, token);
            }
            let response = edge.answer(request.body(Body::empty()).unwrap()).await;
            assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "Bearer");
            let (status, body) = json_of(response).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{path} {token:?}");
            assert_eq!(body["error"]["code"], "unauthorized");
        }
    }
}

#[tokio::test]
async fn health_and_metrics_are_told_to_everyone() {
    let edge = Edge::new();
    let plain = async |path: &str| {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        edge.answer(request).await
    };
    assert_eq!(plain("/healthz").await.status(), StatusCode::OK);
    let (status, body) = json_of(plain("/readyz").await).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(body["error"]["code"], "no_table");
    edge.table(&table(3, &[])).await;
    let (status, body) = json_of(plain("/readyz").await).await;
    assert_eq!((status, &body["generation"]), (StatusCode::OK, &json!(3)));
    let response = plain("/metrics").await;
    assert_eq!(
        response.headers()[header::CONTENT_TYPE],
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let body = body::to_bytes(response.into_body(), 1_000).await.unwrap();
    assert_eq!(body, "edge_up 1\n");
}

#[tokio::test]
async fn every_answer_has_a_request_id_and_every_error_is_json() {
    let edge = Edge::new();
    let given = RequestId::random().to_string();
    let request = |method: Method, path: &str, id: &str| {
        let request = Request::builder().method(method).uri(path).header("x-request-id", id);
        request.body(Body::empty()).unwrap()
    };
    let response = edge.answer(request(Method::GET, "/healthz", &given)).await;
    assert_eq!(response.headers()["x-request-id"], given);
    let response = edge.answer(request(Method::GET, "/nowhere", "../../etc")).await;
    assert!(RequestId::parse(response.headers()["x-request-id"].to_str().unwrap()).is_some());
    let (status, body) = json_of(response).await;
    assert_eq!((status, &body["error"]["code"]), (StatusCode::NOT_FOUND, &json!("not_found")));
    let (status, body) = json_of(edge.answer(request(Method::PUT, "/healthz", &given)).await).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(body["error"]["code"], "method_not_allowed");
    for (method, path) in [
        (Method::PUT, "/v1/challenges/%ff"),
        (Method::DELETE, "/v1/challenges/%ff"),
        (Method::PUT, "/v1/domains/%ff"),
        (Method::DELETE, "/v1/domains/%ff"),
    ] {
        let (status, body) = edge.ask(method, path, "").await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}");
        assert_eq!(body["error"]["code"], "path", "{path}");
    }
}

#[tokio::test]
async fn a_change_is_served_when_it_is_answered() {
    let edge = Edge::new();
    let (status, body) = edge.change(0, json!([put("ada"), put("grace")])).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!(
        body,
        json!({ "generation": 1, "sockets_cut": 0, "requests_cut": 0, "durable": true })
    );
    assert!(edge.routes.find(&name("ada")).is_some());
    let (_, state) = edge.get("/v1/generation").await;
    assert_eq!((&state["generation"], &state["routes"]), (&json!(1), &json!(2)));

    let session = shared::SessionId::random();
    let _socket = edge.registry.enter(
        edge.registry.revocation_epoch(&name("ada")),
        access(session, 1),
        Kind::Socket,
    );
    let (_, body) = edge.change(1, json!([{ "remove": "ada" }])).await;
    assert_eq!(
        body,
        json!({ "generation": 2, "sockets_cut": 1, "requests_cut": 0, "durable": true })
    );
    assert!(edge.routes.find(&name("ada")).is_none());
}

#[tokio::test]
async fn a_change_from_elsewhere_is_a_conflict_that_says_where_we_are() {
    let edge = Edge::new();
    edge.change(0, json!([put("ada")])).await;
    let (status, body) = edge.change(0, json!([put("ada")])).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!((&body["generation"], &body["error"]["code"]), (&json!(1), &json!("conflict")));
    let (status, body) = edge.table(&table(0, &[])).await;
    assert_eq!((status, &body["generation"]), (StatusCode::CONFLICT, &json!(1)));
}

#[tokio::test]
async fn a_poisoned_change_is_refused_whole_and_named_and_the_edge_serves_on() {
    let edge = Edge::new();
    edge.change(0, json!([put("ada")])).await;
    let before = edge.routes.state();
    let mut inside = put("eve");
    inside["put"]["upstream"] = json!("https://169.254.169.254");
    let mut long = put("eve");
    long["put"]["username"] = json!("e".repeat(100_000));
    let many = Value::Array(vec![json!({ "remove": "nobody" }); 10_001]);
    for (changes, code, named) in [
        (json!([put("grace"), { "remove": 7 }]), "bad_entries", "changes[1]: "),
        (json!([put("grace"), inside]), "bad_entries", "changes[1]: route eve: address"),
        (json!([long]), "bad_entries", "changes[0]: put eeee"),
        (json!([put("eve"), put("eve")]), "bad_entries", "changes[1]: route eve"),
        (json!([{ "put": {}, "remove": "ada" }]), "bad_entries", "changes[0]: "),
        (many, "too_many_changes", ""),
        (json!("ada"), "malformed", ""),
    ] {
        let (status, body) = edge.change(1, changes).await;
        let error = &body["error"];
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        assert_eq!(error["code"], code, "{body}");
        let entry = error["entries"][0].as_str().unwrap_or_default();
        assert!(entry.starts_with(named), "{entry}");
        assert!(body.to_string().len() < 2_000, "nothing is echoed at length");
        assert_eq!(edge.routes.state(), before);
    }
    for body in ["", "{", "[]", "null", "\u{0}"] {
        let (status, _) = edge.ask(Method::POST, "/v1/changes", body).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body:?}");
    }
    let (status, body) = edge.ask(Method::POST, "/v1/changes", vec![b' '; (8 << 20) + 1]).await;
    assert_eq!((status, &body["error"]["code"]), (StatusCode::PAYLOAD_TOO_LARGE, &json!("body")));
    let wrong = json!({ "base": 1, "generation": 2, "checksum": "0".repeat(32), "changes": [] });
    let (status, body) = edge.ask(Method::POST, "/v1/changes", wrong.to_string()).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(body["error"]["code"], "checksum_mismatch");
    assert_eq!(edge.routes.state(), before);
    assert_eq!(edge.change(1, json!([put("grace")])).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_whole_table_takes_the_place_of_everything() {
    let edge = Edge::new();
    edge.change(0, json!([put("ada")])).await;
    let (status, body) = edge.table(&table(7, &[route("grace"), route("linus")])).await;
    assert_eq!((status, &body["generation"]), (StatusCode::OK, &json!(7)), "{body}");
    let (_, page) = edge.get("/v1/routes").await;
    let names: Vec<_> =
        page["routes"].as_array().unwrap().iter().map(|route| route["username"].clone()).collect();
    assert_eq!(names, ["grace", "linus"]);
}

#[tokio::test]
async fn what_is_served_is_told_whole_as_it_is_taken() {
    let (edge, other) = (Edge::new(), Edge::new());
    edge.change(0, json!([put("ada"), put("bob"), { "lock": { "username": "bob", "until": 9 } }]))
        .await;
    let request = Request::builder()
        .uri("/v1/table")
        .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"))
        .body(Body::empty())
        .unwrap();
    let told = body::to_bytes(edge.answer(request).await.into_body(), 10_000).await.unwrap();
    let (status, answer) = other.ask(Method::PUT, "/v1/table", told).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(other.routes.state(), edge.routes.state());
}

#[tokio::test]
async fn a_poisoned_table_is_refused_whole_and_named_and_the_edge_serves_on() {
    let edge = Edge::new();
    edge.change(0, json!([put("ada")])).await;
    let before = edge.routes.state();
    let good = table(7, &[route("grace"), route("linus")]);
    let twice = table(7, &[route("grace"), route("grace")]);
    let sum = Checksum::default().with_route(&route("grace")).with_route(&route("linus"));
    for (lines, code, named) in [
        (String::new(), "bad_entries", "line 1: the head of the table is missing"),
        ("nonsense".to_owned(), "bad_entries", "line 1: head: "),
        (good.replace("\"linus\"", "\"l_s\""), "bad_entries", "line 3: "),
        (good.replace("\"routes\":2", "\"routes\":3"), "bad_entries", "2 routes and 0 locks came"),
        (good.replace("\"routes\":2", "\"routes\":1"), "bad_entries", "line 3: is a route more"),
        (good.replace("sprite.example.test", "127.0.0.1"), "bad_entries", "line 2: route grace: "),
        (
            good.replace("sprite.example.test", &"x".repeat(2_000)),
            "bad_entries",
            "line 2: is longer",
        ),
        (good.replace(&sum.to_string(), &"0".repeat(32)), "checksum_mismatch", ""),
        (twice, "bad_entries", "route grace comes twice"),
    ] {
        let (status, body) = edge.table(&lines).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        assert_eq!(body["error"]["code"], code, "{body}");
        let entry = body["error"]["entries"][0].as_str().unwrap_or_default();
        assert!(entry.starts_with(named), "{entry}");
        assert_eq!(edge.routes.state(), before);
    }
    assert_eq!(edge.table(&good).await.0, StatusCode::OK);
}

#[tokio::test]
async fn routes_are_shown_one_by_one_and_page_by_page() {
    let edge = Edge::new();
    edge.change(0, json!([put("ada"), put("grace"), put("linus")])).await;
    let (status, body) = edge.get("/v1/routes/ada").await;
    assert_eq!((status, body), (StatusCode::OK, json!(route("ada"))));
    assert_eq!(edge.get("/v1/routes/nobody").await.0, StatusCode::NOT_FOUND);
    for name in ["a_b", "%ff", "ada%00"] {
        let (status, body) = edge.get(&format!("/v1/routes/{name}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{name}");
        assert_eq!(body["error"]["field"], "username", "{name}");
    }
    let (_, first) = edge.get("/v1/routes?limit=2").await;
    assert_eq!(first["next"], "grace");
    let (_, second) = edge.get("/v1/routes?limit=2&after=grace").await;
    assert_eq!(second, json!({ "routes": [route("linus")] }));
    for query in ["limit=0", "limit=1001", "limit=x", "after=A", "more=1"] {
        let (status, body) = edge.get(&format!("/v1/routes?{query}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}: {body}");
        assert_eq!(body["error"]["code"], "query");
    }
}

#[tokio::test]
async fn the_listener_answers_until_it_is_told_to_stop() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let edge = Edge::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(serve(listener, None, edge.router.clone(), async {
        let _ = stopped.await;
    }));
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    socket
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    stop.send(()).unwrap();
    server.await.unwrap();
}
