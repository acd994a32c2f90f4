//! The beginning of every HTTP client.

/// Reqwest brings no implementation of TLS of its own: the process has one, ring.
pub fn client() -> reqwest::ClientBuilder {
    // An error means that it is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
}
