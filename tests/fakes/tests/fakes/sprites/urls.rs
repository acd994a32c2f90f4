//! The URL of a sprite.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::provider::{Provider, TOKEN};

async fn serve(provider: &Provider, port: u16) {
    let definition = json!({
        "cmd": "python3",
        "args": ["-m", "http.server", port.to_string()],
        "dir": "/srv",
        "http_port": port,
    });
    let path = "/v1/sprites/one/services/web?duration=0s";
    provider.lines(Method::PUT, path, &definition).await;
    provider.shell("one", "echo hello > /srv/index.html", b"").await;
}

#[tokio::test]
async fn a_url_wakes_its_sprite_and_leads_to_the_http_port() {
    let provider = Provider::start().await;
    let url = provider.create("one").await["url"].as_str().unwrap().to_owned();
    serve(&provider, 9000).await;
    assert_eq!(provider.get_url(&url).await, (StatusCode::OK, "hello\n".to_owned()));
    for depth in ["warm", "cold"] {
        let sleep = json!({"to": depth});
        provider.call(Method::POST, "/_fake/sprites/one/sleep", &sleep).await;
        assert_eq!(provider.status("one").await, depth);
        assert_eq!(provider.get_url(&url).await, (StatusCode::OK, "hello\n".to_owned()));
        assert_eq!(provider.status("one").await, "running");
    }
}

#[tokio::test]
async fn a_private_url_sends_strangers_to_sign_in() {
    let provider = Provider::start().await;
    let url = provider.create("one").await["url"].as_str().unwrap().to_owned();
    serve(&provider, 8080).await;
    let private = json!({"url_settings": {"auth": "sprite"}});
    provider.call(Method::PUT, "/v1/sprites/one", &private).await;
    let client = fakes::http::client().redirect(reqwest::redirect::Policy::none());
    let client = client.build().unwrap();
    let stranger = client.get(&url).bearer_auth("no").send().await.unwrap();
    assert_eq!(stranger.status(), StatusCode::FOUND);
    let location = stranger.headers()["location"].to_str().unwrap();
    assert!(location.starts_with("https://sprites.dev/auth/sprite?return_url=http%3A%2F%2F127"));
    let owner = client.get(&url).bearer_auth(TOKEN).send().await.unwrap();
    assert_eq!(owner.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_url_without_service_hangs_and_then_is_a_bad_gateway() {
    let provider = Provider::with(|settings| settings.url_patience = Duration::ZERO).await;
    let url = provider.create("one").await["url"].as_str().unwrap().to_owned();
    assert_eq!(provider.get_url(&url).await.0, StatusCode::BAD_GATEWAY);
}

/// Takes any upgrade and sends back what it gets.
const ECHO: &str = r#"
import socket
listener = socket.create_server(("127.0.0.1", 8080))
while True:
    visitor, _ = listener.accept()
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += visitor.recv(1)
    visitor.sendall(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n")
    while piece := visitor.recv(4096):
        visitor.sendall(piece)
    visitor.close()
"#;

#[tokio::test]
async fn an_upgrade_passes_through_the_url_and_keeps_the_sprite_awake() {
    let provider = Provider::with(|settings| settings.idle = Duration::from_millis(100)).await;
    let url = provider.create("one").await["url"].as_str().unwrap().to_owned();
    let definition = json!({"cmd": "python3", "args": ["-c", ECHO], "http_port": 8080});
    let path = "/v1/sprites/one/services/web?duration=0s";
    provider.lines(Method::PUT, path, &definition).await;
    let mut visitor = TcpStream::connect(url.trim_start_matches("http://")).await.unwrap();
    let head = "GET / HTTP/1.1\r\nhost: one\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";
    visitor.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(visitor.read_u8().await.unwrap());
    }
    assert!(answer.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&answer));
    visitor.write_all(b"through").await.unwrap();
    let mut echo = [0; 7];
    visitor.read_exact(&mut echo).await.unwrap();
    assert_eq!(&echo, b"through");
    assert_eq!(provider.status("one").await, "running");
    drop(visitor);
    let status = || provider.status("one");
    provider.wait_until("asleep", status, |status| status != "running").await;
}

#[tokio::test]
async fn a_name_can_be_too_long_for_a_url_that_exists() {
    let provider = Provider::start().await;
    let sprite = provider.create(&"a".repeat(63)).await;
    assert!(sprite["url"].as_str().unwrap().ends_with(".invalid"), "{sprite}");
}
