//! The one call to control, over TLS to the one key that the token names.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::version::TLS13;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use shared::Upstream;
use shared::join::{JOIN_PATH, JoinAnswer, Pin};
use shared::wire::ErrorBody;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// For everything; control needs some milliseconds.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A key ring and a few addresses.
const ANSWER_MAX_BYTES: usize = 256 * 1024;

pub(super) enum CallError {
    /// Nobody answered, or only half: it is asked again.
    Unreachable(anyhow::Error),
    /// Somebody with another key answered. Nothing was sent.
    Stranger,
    /// Control's own words.
    Refused(String),
    Answer(String),
}

/// Sends `request`, the body of a [`shared::join::JoinRequest`].
pub(super) async fn join(
    control: &Upstream,
    pin: Pin,
    request: &[u8],
) -> Result<JoinAnswer, CallError> {
    let answered = timeout(TIMEOUT, send(control, pin, request)).await;
    let late = |_| CallError::Unreachable(anyhow::anyhow!("there was no answer in {TIMEOUT:?}"));
    let (status, body) = answered.map_err(late)??;
    if status == StatusCode::OK {
        return serde_json::from_slice(&body).map_err(|error| CallError::Answer(error.to_string()));
    }
    let message = match serde_json::from_slice::<ErrorBody>(&body) {
        Ok(ErrorBody { error }) => error.message,
        Err(_) => format!("it answered {status}"),
    };
    if status.is_server_error() {
        return Err(CallError::Unreachable(anyhow::anyhow!(message)));
    }
    Err(CallError::Refused(message))
}

async fn send(
    control: &Upstream,
    pin: Pin,
    request: &[u8],
) -> Result<(StatusCode, Bytes), CallError> {
    let unreachable = |error: anyhow::Error| CallError::Unreachable(error);
    let tcp = TcpStream::connect((control.host_name(), control.port())).await;
    let tcp = tcp.context("connecting").map_err(unreachable)?;
    let config = config(pin).map_err(|error| CallError::Answer(error.to_string()))?;
    let name = ServerName::try_from(control.host_name().to_owned());
    let name = name.map_err(|error| CallError::Answer(error.to_string()))?;
    let stream = TlsConnector::from(Arc::new(config)).connect(name, tcp).await;
    let stream = stream.map_err(|error| match is_stranger(&error) {
        true => CallError::Stranger,
        false => CallError::Unreachable(error.into()),
    })?;
    let exchange = async {
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let request = Request::post(JOIN_PATH)
            .header("host", control.authority())
            .header("content-type", "application/json")
            .body(Full::new(Bytes::copy_from_slice(request)))?;
        let answer = async {
            let response = sender.send_request(request).await?;
            let status = response.status();
            let body = Limited::new(response.into_body(), ANSWER_MAX_BYTES).collect().await;
            let body = body.map_err(|error| anyhow::anyhow!(error))?.to_bytes();
            anyhow::Ok((status, body))
        };
        // The connection moves what the answer waits for.
        tokio::pin!(answer, connection);
        tokio::select! {
            answer = &mut answer => answer,
            _ended = &mut connection => answer.await,
        }
    };
    exchange.await.context("asking").map_err(unreachable)
}

fn config(pin: Pin) -> Result<ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Pinned { pin, provider: Arc::clone(&provider) };
    let config = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[&TLS13])?;
    Ok(config
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

fn is_stranger(error: &std::io::Error) -> bool {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<Error>());
    matches!(cause, Some(Error::InvalidCertificate(_)))
}

/// Believes one key, whatever its certificate says: the token came from whoever has it.
#[derive(Debug)]
struct Pinned {
    pin: Pin,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let parsed = X509Certificate::from_der(certificate);
        let (_, parsed) = parsed.map_err(|_| CertificateError::BadEncoding)?;
        if self.pin.matches(parsed.public_key().raw) {
            return Ok(ServerCertVerified::assertion());
        }
        Err(CertificateError::ApplicationVerificationFailure.into())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("only TLS 1.3 is spoken here".to_owned()))
    }

    /// That whoever answers has the key, and not only its certificate.
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
