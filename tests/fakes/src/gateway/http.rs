//! The gateway's HTTP surface, including its traps: without a base path
//! every extension-less path is 200 HTML, so that a health check which only
//! looks for 200 is always green.

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::extract::ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde_json::{Value, json};

use super::attribution::{Attribution, attribute};
use super::handshake::same;
use super::{Gateway, connection};

const CONTROL_UI: &str = "<!doctype html>\n<html lang=\"en\">\n\
<head><meta charset=\"UTF-8\"><title>OpenClaw Control</title></head>\n\
<body><openclaw-app></openclaw-app></body>\n</html>\n";

/// All paths, answered by one handler: the real one upgrades on any of them.
pub fn router(gateway: Arc<Gateway>) -> Router {
    Router::new().fallback(answer).with_state(gateway)
}

async fn answer(
    State(gateway): State<Arc<Gateway>>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    if matches!(uri.path(), "/health" | "/healthz") {
        // Answers even with headers nothing else would accept.
        return Json(json!({"ok": true, "status": "live"})).into_response();
    }
    let attribution = attribute(&headers, &gateway.settings.config.trusted_proxies);
    if attribution == Attribution::Unattributed {
        return error(
            StatusCode::FORBIDDEN,
            "Proxy client attribution is required. Configure gateway.trustedProxies narrowly and \
             make the proxy overwrite or safely rebuild forwarded client headers.",
            "proxy_attribution_required",
        );
    }
    if let Ok(upgrade) = upgrade {
        return upgrade
            .max_message_size(connection::READ_MAX_BYTES)
            .max_frame_size(connection::READ_MAX_BYTES)
            .on_upgrade(move |socket| connection::serve(socket, gateway, headers));
    }
    let has_token = bearer(&headers).is_some_and(|given| same(given, &gateway.settings.token));
    let brief = attribution == Attribution::Proxied && !has_token;
    respond(&gateway, &method, uri.path(), has_token, brief)
}

fn respond(
    gateway: &Gateway,
    method: &Method,
    path: &str,
    has_token: bool,
    brief: bool,
) -> Response {
    let config = &gateway.settings.config;
    match path {
        "/ready" | "/readyz" => status(gateway.phase().readiness(gateway.uptime_ms(), brief)),
        "/startup" | "/startupz" => status(gateway.phase().startup(gateway.uptime_ms())),
        "/tools/invoke" if method != Method::POST => {
            (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "POST")], "Method Not Allowed")
                .into_response()
        }
        "/tools/invoke" | "/control-ui-config.json" if !has_token => unauthorized(),
        "/tools/invoke" => Json(json!({"ok": true, "result": {}})).into_response(),
        "/control-ui-config.json" => Json(json!({"basePath": config.base_path})).into_response(),
        _ if path.starts_with("/v1/") && !config.chat_completions_enabled => not_found(),
        _ if path.starts_with("/v1/") && !has_token => unauthorized(),
        "/v1/models" => {
            Json(json!({"object": "list", "data": [{"id": "openclaw", "object": "model"}]}))
                .into_response()
        }
        _ if path.starts_with("/v1/") || path.starts_with("/api/") => not_found(),
        _ => control_ui(&config.base_path, config.control_ui_enabled, path),
    }
}

/// The single-page app, which answers wherever no file could be meant.
fn control_ui(base_path: &str, enabled: bool, path: &str) -> Response {
    let inside = match path.strip_prefix(base_path) {
        Some("") if !base_path.is_empty() => {
            return Redirect::to(&format!("{base_path}/")).into_response();
        }
        Some(inside) if inside.is_empty() || inside.starts_with('/') => inside,
        _ => return not_found(),
    };
    let names_a_file = inside.rsplit('/').next().is_some_and(|name| name.contains('.'));
    if !enabled || names_a_file {
        return not_found();
    }
    let headers = [
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'self'; frame-ancestors 'none'"),
        (header::CACHE_CONTROL, "no-cache"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (headers, Html(CONTROL_UI)).into_response()
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

fn status((status, body): (u16, Value)) -> Response {
    let status = StatusCode::from_u16(status).expect("phases know real statuses");
    (status, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

fn unauthorized() -> Response {
    error(StatusCode::UNAUTHORIZED, "Unauthorized", "unauthorized")
}

fn not_found() -> Response {
    (StatusCode::NOT_FOUND, "Not Found").into_response()
}

fn error(status: StatusCode, message: &str, kind: &str) -> Response {
    (status, Json(json!({"error": {"message": message, "type": kind}}))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(base_path: &str, path: &str, expected: u16) {
        let status = control_ui(base_path, true, path).status();
        assert_eq!(status.as_u16(), expected, "{path} under {base_path:?}");
    }

    #[test]
    fn without_a_base_path_every_extension_less_path_is_the_control_ui() {
        check("", "/", 200);
        check("", "/ws", 200);
        check("", "/pflaster/health", 200);
        check("", "/missing.js", 404);
    }

    #[test]
    fn a_base_path_frees_the_root() {
        check("/openclaw", "/", 404);
        check("/openclaw", "/openclaw", 303);
        check("/openclaw", "/openclaw/", 200);
        check("/openclaw", "/openclaw/health", 200);
        check("/openclaw", "/openclawful", 404);
    }
}
