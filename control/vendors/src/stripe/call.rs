//! One call to Stripe: headers, form, retries, answer.

use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Method, RequestBuilder};
use serde::de::DeserializeOwned;
use shared::retry::chance;
use tracing::warn;

use crate::http::{Limits, Lost, Reply};
use crate::idempotency::IdempotencyKey;
use crate::stripe::error::{self, StripeError};
use crate::stripe::form::Form;
use crate::stripe::retry::Outcome;
use crate::stripe::{API_VERSION, Stripe};

/// A session is some kilobytes; an expanded one some more.
const LIMITS: Limits = Limits { total: Duration::from_secs(20), answer_max_bytes: 1 << 20 };

impl Stripe {
    pub(super) async fn read<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &Form,
    ) -> Result<T, StripeError> {
        self.call(Method::GET, &with_query(path, query), None, None).await
    }

    pub(super) async fn write<T: DeserializeOwned>(
        &self,
        path: &str,
        form: &Form,
        key: &IdempotencyKey,
    ) -> Result<T, StripeError> {
        self.call(Method::POST, path, Some(form), Some(key)).await
    }

    pub(super) async fn delete<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &Form,
    ) -> Result<T, StripeError> {
        self.call(Method::DELETE, &with_query(path, query), None, None).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        form: Option<&Form>,
        key: Option<&IdempotencyKey>,
    ) -> Result<T, StripeError> {
        let mut retries = 0;
        let reply = loop {
            let request = self.request(method.clone(), path, form, key);
            let result = self.http.send(request, LIMITS).await;
            if !self.retries.allow(retries, outcome_of(&result)) {
                break result?;
            }
            let delay = self.retries.delay(retries, chance());
            retries += 1;
            warn!(retries, "stripe did not do {method} {path}, trying again in {delay:?}");
            tokio::time::sleep(delay).await;
        };
        if !reply.status.is_success() {
            let refusal = error::refusal(&self.http, &method, &reply);
            return Err(StripeError::Refused(Box::new(refusal)));
        }
        reply.json().map_err(|error| StripeError::Answer {
            request: error::request_id(&reply),
            why: error.to_string(),
        })
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        form: Option<&Form>,
        key: Option<&IdempotencyKey>,
    ) -> RequestBuilder {
        let mut request = self
            .http
            .request(method, path)
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("stripe-version", API_VERSION);
        if let Some(key) = key {
            request = request.header("idempotency-key", key.as_str());
        }
        match form {
            Some(form) => request.body(form.encode()),
            None => request,
        }
    }
}

fn with_query(path: &str, query: &Form) -> String {
    if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.encode()) }
}

fn outcome_of(result: &Result<Reply, Lost>) -> Outcome<'_> {
    match result {
        Ok(reply) => Outcome {
            status: Some(reply.status),
            should_retry: reply.header("stripe-should-retry"),
        },
        Err(_) => Outcome { status: None, should_retry: None },
    }
}
