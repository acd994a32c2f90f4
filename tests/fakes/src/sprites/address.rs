//! The URL of a sprite: a port of this machine that wakes the sprite and
//! leads to its HTTP service.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{AUTHORIZATION, LOCATION};
use axum::http::{Request, Response, StatusCode};
use axum::response::IntoResponse as _;
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Instant, sleep};
use url::form_urlencoded;

use super::record::Auth;
use super::refusal::Refusal;
use super::sprite::{Awake, Sprite};
use super::{inward, name, relay, token, tunnel};

/// How often a port is tried that nothing listens on yet.
const RETRY: Duration = Duration::from_millis(25);

/// Connections to one sprite at once; more wait in the kernel's queue.
const CONNECTIONS_MAX: usize = 1024;

pub struct Address {
    pub url: String,
    /// None for a URL that cannot exist.
    pub listener: Option<TcpListener>,
}

/// The sprite's service, as far as this visitor's connection is concerned.
type Way = Mutex<Option<SendRequest<Body>>>;

impl Address {
    /// Takes the port of `known`, the URL of an earlier life, if it is still free.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn open(sprite: &str, known: &str) -> std::io::Result<Self> {
        if !name::has_url(sprite) {
            let url = format!("http://{sprite}{}.sprites.invalid", name::SUFFIX);
            return Ok(Self { url, listener: None });
        }
        let port = known.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or(0);
        let listener = match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
            Ok(listener) => listener,
            Err(_) => TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?,
        };
        let url = format!("http://{}", listener.local_addr()?);
        Ok(Self { url, listener: Some(listener) })
    }
}

pub async fn serve(sprite: Arc<Sprite>, listener: Option<TcpListener>) {
    let Some(listener) = listener else { return };
    let turns = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let turn = turns.clone().acquire_owned().await.expect("never closed");
        let Ok((stream, _)) = listener.accept().await else { continue };
        let sprite = sprite.clone();
        tokio::spawn(async move {
            visit(sprite, stream).await;
            drop(turn);
        });
    }
}

async fn visit(sprite: Arc<Sprite>, stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let way: Arc<Way> = Arc::default();
    let service = service_fn(move |request| {
        let (sprite, way) = (sprite.clone(), way.clone());
        async move {
            let answer = answer(&sprite, &way, request).await;
            Ok::<_, Infallible>(answer.unwrap_or_else(|refused| *refused))
        }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    // Ends with the visitor; there is nobody to tell how.
    let _ = connection.await;
}

async fn answer(
    sprite: &Arc<Sprite>,
    way: &Way,
    mut request: Request<Incoming>,
) -> Result<Response<Body>, Box<Response<Body>>> {
    if sprite.record().url_settings.auth == Auth::Sprite {
        if !token::is_carried(request.headers(), &sprite.settings().token) {
            return Err(Box::new(sign_in(sprite, &request)));
        }
        // Whether the real proxy lets it through is not known; this one does not.
        request.headers_mut().remove(AUTHORIZATION);
    }
    let awake = sprite.wake().await.map_err(|refusal| Box::new(unavailable(&refusal)))?;
    let bad_gateway = || Box::new((StatusCode::BAD_GATEWAY, "Bad Gateway\n").into_response());
    let mut sender = match way.lock().await.take().filter(|sender| !sender.is_closed()) {
        Some(sender) => sender,
        None => connect(&awake, sprite.settings().url_patience).await.ok_or_else(bad_gateway)?,
    };
    let (request, upgrade) = relay::outgoing(request.map(Body::new));
    sender.ready().await.map_err(|_| bad_gateway())?;
    let response = sender.send_request(request).await.map_err(|_| bad_gateway())?;
    *way.lock().await = Some(sender);
    Ok(relay::incoming(response, upgrade, awake))
}

/// Hangs for a while when nothing listens, as the live service does.
async fn connect(awake: &Awake, patience: Duration) -> Option<SendRequest<Body>> {
    let until = Instant::now() + patience;
    loop {
        if let Ok(stream) = tunnel::connect(&awake.sockets.tunnel(), tunnel::HTTP).await {
            return inward::connection(stream).await.ok();
        }
        if Instant::now() >= until {
            return None;
        }
        sleep(RETRY).await;
    }
}

/// Not a 401: browsers are meant to come here.
fn sign_in(sprite: &Sprite, request: &Request<Incoming>) -> Response<Body> {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let back = form_urlencoded::Serializer::new(String::new())
        .append_pair("return_url", &format!("{}{path}", sprite.record().url))
        .finish();
    let location = format!("https://sprites.dev/auth/sprite?{back}");
    (StatusCode::FOUND, [(LOCATION, location)]).into_response()
}

fn unavailable(refusal: &Refusal) -> Response<Body> {
    (StatusCode::SERVICE_UNAVAILABLE, refusal.body.to_string()).into_response()
}
