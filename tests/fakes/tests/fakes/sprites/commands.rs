//! Commands, sessions, the proxy.

use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::provider::Provider;

#[tokio::test]
async fn a_command_speaks_in_the_live_order_and_ends_with_its_own_code() {
    let provider = Provider::with_sprite("one").await;
    let said = provider.shell("one", "cat; echo err >&2; pwd; exit 7", b"piped\n").await;
    assert_eq!((said.stdout.as_str(), said.stderr.as_str()), ("piped\n/home/sprite\n", "err\n"));
    assert_eq!(said.exit, Some(7));
    let kinds: Vec<&str> = said.texts.iter().filter_map(|text| text["type"].as_str()).collect();
    assert_eq!(kinds, ["debug", "session_info", "exit"]);
    assert_eq!(said.texts[1]["session_id"], said.texts[0]["pid"].to_string());
}

#[tokio::test]
async fn env_replaces_and_dir_moves() {
    let provider = Provider::with_sprite("one").await;
    let said = provider.exec("one", "cmd=env&env=A%3Db%3Dc+d&dir=%2Ftmp", b"").await;
    assert_eq!(said.stdout, "A=b=c d\n");
    let said = provider.exec("one", "cmd=sh&cmd=-c&cmd=pwd%3Becho+%24HOME&dir=%2Fsrv", b"").await;
    assert_eq!(said.stdout, "/srv\n/home/sprite\n");
}

#[tokio::test]
async fn a_missing_program_is_an_error_and_127() {
    let provider = Provider::with_sprite("one").await;
    let said = provider.exec("one", "cmd=no-such-program", b"").await;
    assert_eq!(said.exit, Some(127));
    assert_eq!(said.texts[0]["type"], "error");
}

#[tokio::test]
async fn a_signal_ends_a_command_with_its_number() {
    let provider = Provider::with_sprite("one").await;
    let path = "/v1/sprites/one/exec?cmd=sleep&cmd=600";
    let mut socket = provider.socket(path).await.unwrap();
    let signal = json!({"type": "signal", "signal": "SIGTERM"}).to_string();
    let exit = loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Text(text) if text.contains("session_info") => {
                socket.send(Message::Text(signal.clone().into())).await.unwrap();
            }
            Message::Binary(frame) => break frame,
            _ => {}
        }
    };
    assert_eq!(exit.to_vec(), [3, 143]);
}

#[tokio::test]
async fn large_output_and_input_come_through_whole() {
    let provider = Provider::with_sprite("one").await;
    let input = vec![b'x'; 1024 * 1024];
    let said = provider.shell("one", "cat", &input).await;
    assert_eq!(said.stdout.len(), input.len());
}

#[tokio::test]
async fn a_session_is_listed_attached_to_and_killed() {
    let provider = Provider::with_sprite("one").await;
    let path = "/v1/sprites/one/exec?cmd=sh&cmd=-c&cmd=echo+early%3B+sleep+600";
    let mut first = provider.socket(path).await.unwrap();
    while !matches!(first.next().await.unwrap().unwrap(), Message::Binary(_)) {}
    let (_, sessions) = provider.get("/v1/sprites/one/exec").await;
    assert_eq!(sessions["count"], 1, "{sessions}");
    let id = sessions["sessions"][0]["id"].as_str().unwrap().to_owned();

    let mut late = provider.socket(&format!("/v1/sprites/one/exec/{id}")).await.unwrap();
    let info = late.next().await.unwrap().unwrap().into_text().unwrap();
    assert_eq!(serde_json::from_str::<Value>(&info).unwrap()["session_id"], id);
    assert_eq!(late.next().await.unwrap().unwrap().into_data(), &b"\x01early\n"[..]);

    let kill = format!("/v1/sprites/one/exec/{id}/kill");
    let lines = provider.lines(Method::POST, &format!("{kill}?signal=TERM"), &Value::Null).await;
    let kinds: Vec<&str> = lines.iter().filter_map(|line| line["type"].as_str()).collect();
    assert_eq!(kinds, ["signal", "exited", "complete"]);
    assert_eq!(lines[2]["exit_code"], 143);
    let again = provider.call(Method::POST, &kill, &Value::Null).await.0;
    assert_eq!(again, StatusCode::GONE);
    let attach = provider.socket(&format!("/v1/sprites/one/exec/{id}")).await;
    assert_eq!(attach.err(), Some(StatusCode::NOT_FOUND));
}

#[tokio::test]
async fn a_command_over_plain_http_is_a_chunk_for_each_frame() {
    let provider = Provider::with_sprite("one").await;
    let path = "/v1/sprites/one/exec?cmd=sh&cmd=-c&cmd=cat%3B+exit+3&path=sh&stdin=true";
    let mut response = provider.request(Method::POST, path).body("piped").send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/octet-stream");
    let mut chunks = Vec::new();
    while let Some(chunk) = response.chunk().await.unwrap() {
        chunks.push(chunk);
    }
    assert_eq!(chunks, [&b"\x01piped"[..], &[3, 3]]);
}

#[tokio::test]
async fn the_proxy_reaches_a_port_of_the_sprite_and_says_when_it_cannot() {
    let provider = Provider::with_sprite("one").await;
    let path = "/v1/sprites/one/exec?cmd=sh&cmd=-c&cmd=printf+hello+%3E+index.html%3B\
                exec+python3+-m+http.server+8765&dir=%2Fsrv&max_run_after_disconnect=0";
    let _server = provider.socket(path).await.unwrap();
    let open = || async {
        let mut proxy = provider.socket("/v1/sprites/one/proxy").await.unwrap();
        let target = json!({"host": "localhost", "port": 8765}).to_string();
        proxy.send(Message::Text(target.into())).await.unwrap();
        let answer = proxy.next().await.unwrap().unwrap().into_text().unwrap();
        (serde_json::from_str::<Value>(&answer).unwrap(), proxy)
    };
    let connected = |seen: &(Value, _)| seen.0["status"] == "connected";
    let (answer, mut proxy) = provider.wait_until("connected", open, connected).await;
    assert_eq!(answer["target"], "10.0.0.1:8765");
    proxy.send(Message::Binary("GET / HTTP/1.0\r\n\r\n".into())).await.unwrap();
    let mut page = Vec::new();
    while let Some(Ok(Message::Binary(bytes))) = proxy.next().await {
        page.extend_from_slice(&bytes);
    }
    assert!(page.ends_with(b"hello"), "{}", String::from_utf8_lossy(&page));

    let mut refused = provider.socket("/v1/sprites/one/proxy").await.unwrap();
    let target = json!({"host": "localhost", "port": 9}).to_string();
    refused.send(Message::Text(target.into())).await.unwrap();
    let answer = refused.next().await.unwrap().unwrap().into_text().unwrap();
    assert!(answer.contains("error"), "{answer}");
}

#[tokio::test]
async fn the_handshake_is_refused_with_the_reason() {
    let provider = Provider::with_sprite("one").await;
    for (path, expected) in [
        ("/v1/sprites/two/exec?cmd=true", StatusCode::NOT_FOUND),
        ("/v1/sprites/one/control", StatusCode::NOT_FOUND),
        ("/v1/sprites/one/exec?cmd=true&tty=true", StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(provider.socket(path).await.err(), Some(expected), "{path}");
    }
}

#[tokio::test]
async fn listening_ports_are_told_as_they_come() {
    let provider = Provider::with_sprite("one").await;
    let mut ports = provider.socket("/v1/sprites/one/ports/watch").await.unwrap();
    let first = ports.next().await.unwrap().unwrap().into_text().unwrap();
    assert_eq!(
        serde_json::from_str::<Value>(&first).unwrap(),
        json!({"type": "port_list", "ports": []})
    );
    let path = "/v1/sprites/one/exec?cmd=python3&cmd=-m&cmd=http.server&cmd=8080";
    let _server = provider.socket(path).await.unwrap();
    let opened = ports.next().await.unwrap().unwrap().into_text().unwrap();
    let opened: Value = serde_json::from_str(&opened).unwrap();
    assert_eq!((&opened["type"], &opened["port"]), (&json!("port_opened"), &json!(8080)));
}
