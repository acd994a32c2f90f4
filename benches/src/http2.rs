//! One HTTP/2 connection with one request at a time.

use std::net::SocketAddr;

use anyhow::Context as _;
use h2::client::SendRequest;
use hyper::Request;
use tokio::net::TcpStream;

use crate::tenants::Visitor;
use crate::tls::Client;

pub struct Connection {
    sender: SendRequest<bytes::Bytes>,
    request: Request<()>,
}

impl Connection {
    /// Of `visitor`, who asks for `/`.
    ///
    /// # Errors
    /// When nobody listens there, or the handshake fails.
    pub async fn open(
        address: SocketAddr,
        tls: &Client,
        visitor: &Visitor,
    ) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let stream = tls.connect_http2(visitor.host(), stream).await?;
        let (sender, connection) = h2::client::handshake(stream).await?;
        tokio::spawn(connection);
        let request = Request::get(format!("https://{}/", visitor.host()));
        let request = request.header("cookie", visitor.cookie()).body(())?;
        Ok(Self { sender, request })
    }

    /// The status, and how long the body is.
    ///
    /// # Errors
    /// When the server ends the connection.
    pub async fn get(&mut self) -> anyhow::Result<(u16, usize)> {
        let sender = self.sender.clone().ready().await?;
        self.sender = sender;
        let (answer, _) = self.sender.send_request(self.request.clone(), true)?;
        let answer = answer.await.context("no answer came")?;
        let (status, mut body) = (answer.status().as_u16(), answer.into_body());
        let mut bytes = 0;
        while let Some(part) = body.data().await {
            let part = part?;
            bytes += part.len();
            body.flow_control().release_capacity(part.len())?;
        }
        Ok((status, bytes))
    }
}
