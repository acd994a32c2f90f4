//! Somebody who signs up: fills in the form, then pays at the stand-in for Stripe.

use std::net::SocketAddr;

use anyhow::{Context as _, bail};
use reqwest::{Method, StatusCode};

use crate::wait_until;
use crate::{BASE_DOMAIN, Visitor, World};

#[derive(Clone)]
pub struct Payer {
    pub email: String,
    /// The one they want; empty when they leave the choice to us.
    username: String,
    visitor: Visitor,
    /// Of every edge; the first that answers serves.
    edges: Vec<SocketAddr>,
}

/// A page at Stripe's that nobody has paid yet.
pub struct Payment {
    url: String,
}

impl World {
    /// `payer-7@example.test`
    pub fn payer(&self, number: usize) -> Payer {
        let edges = self.edges.iter().map(crate::edge::Edge::address);
        Payer {
            email: format!("payer-{number}@example.test"),
            username: String::new(),
            visitor: self.visitor(),
            edges: edges.collect(),
        }
    }
}

impl Payer {
    /// They want this name for their workspace.
    #[must_use]
    pub fn who_wants(self, username: &str) -> Self {
        Self { username: username.to_owned(), ..self }
    }

    /// Sends the form until somebody leads to where to pay.
    ///
    /// # Errors
    /// When nobody has for a minute.
    pub async fn order(&self) -> anyhow::Result<Payment> {
        let mut edges = self.edges.iter().cycle();
        let what = format!("{} may pay", self.email);
        wait_until(&what, async || {
            let edge = *edges.next().context("a world has an edge")?;
            self.order_at(edge).await
        })
        .await
    }

    async fn order_at(&self, edge: SocketAddr) -> anyhow::Result<Payment> {
        let host = format!("{BASE_DOMAIN}:{}", self.visitor.edge().port());
        let request = self.visitor.at(edge).bare(Method::POST, &host, "/api/checkout");
        let request = request.header("accept", "application/json").form(&[
            ("email", self.email.as_str()),
            ("username", self.username.as_str()),
            ("skills", "weather"),
        ]);
        let body = crate::control::answer(request).await?.success()?;
        let url = body["url"].as_str().with_context(|| format!("{body} leads nowhere"))?;
        Ok(Payment { url: url.to_owned() })
    }
}

impl Payment {
    /// Presses the button; comes back when Stripe has told control, or has tried for
    /// ten seconds.
    ///
    /// # Errors
    /// When it does not end with the way back to our site.
    pub async fn make(&self) -> anyhow::Result<()> {
        let client = crate::http::client().redirect(reqwest::redirect::Policy::none());
        let client = client.no_proxy().timeout(crate::wait::DEADLINE).build()?;
        let answer = client.post(&self.url).form(&[("action", "pay")]).send().await?;
        match answer.status() {
            StatusCode::SEE_OTHER => Ok(()),
            status => bail!("paying ended with {status}"),
        }
    }
}
