//! Cloudflare's DNS: a TXT record is added to a zone, and removed.

use std::time::Duration;

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::{Secret, Upstream};

use crate::http::{BuildError, Http, Limits, Lost, Reply};

const LIMITS: Limits = Limits { total: Duration::from_secs(20), answer_max_bytes: 256 * 1024 };

/// The shortest life of a record that every plan allows, in seconds.
const TTL: u32 = 60;

/// "An identical record already exists."
const IDENTICAL: u32 = 81_058;

pub struct Cloudflare {
    http: Http,
}

/// A record of ours, by which it is removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    zone: String,
    id: String,
}

#[derive(Debug, thiserror::Error)]
pub enum CloudflareError {
    #[error(transparent)]
    Lost(#[from] Lost),
    #[error("cloudflare refuses ({status}): {message}")]
    Refused { status: u16, message: String, codes: Vec<u32> },
    #[error("no zone of this account has {0} in it")]
    NoZone(String),
    #[error("cloudflare's answer cannot be read: {0}")]
    Answer(String),
}

#[derive(Deserialize)]
struct Object {
    id: String,
}

#[derive(Deserialize)]
struct Answer<T> {
    result: T,
}

impl Cloudflare {
    /// `base_url` is `https://api.cloudflare.com`, or a stand-in; `token` needs `Zone.DNS:Edit`.
    ///
    /// # Errors
    /// The token cannot stand in a header.
    pub fn new(base_url: &Upstream, token: &Secret<String>) -> Result<Self, BuildError> {
        Ok(Self { http: Http::with_bearer(base_url, token)? })
    }

    /// The zone that `name` is in: the longest of those whose end it has.
    ///
    /// # Errors
    /// `NoZone` when the token sees none.
    pub async fn zone_of(&self, name: &str) -> Result<String, CloudflareError> {
        let mut rest = Some(name);
        while let Some(zone) = rest.filter(|zone| zone.contains('.')) {
            let path = format!("/client/v4/zones?name={zone}");
            let found: Vec<Object> = self.call(Method::GET, &path, None).await?;
            if let Some(found) = found.into_iter().next() {
                return Ok(found.id);
            }
            rest = zone.split_once('.').map(|(_, parent)| parent);
        }
        Err(CloudflareError::NoZone(name.to_owned()))
    }

    /// Again with the same text it is the same record.
    ///
    /// # Errors
    /// When Cloudflare refuses or does not answer.
    pub async fn add_text(
        &self,
        zone: &str,
        name: &str,
        text: &str,
    ) -> Result<Record, CloudflareError> {
        let content = format!("\"{text}\"");
        let path = format!("/client/v4/zones/{zone}/dns_records");
        let body = json!({ "type": "TXT", "name": name, "content": content, "ttl": TTL });
        let added: Result<Object, _> = self.call(Method::POST, &path, Some(&body)).await;
        let id = match added {
            Ok(added) => added.id,
            Err(CloudflareError::Refused { codes, .. }) if codes.contains(&IDENTICAL) => {
                self.find(zone, name, &content).await?
            }
            Err(error) => return Err(error),
        };
        Ok(Record { zone: zone.to_owned(), id })
    }

    /// One that is gone already is as well.
    ///
    /// # Errors
    /// When Cloudflare refuses or does not answer.
    pub async fn remove(&self, record: &Record) -> Result<(), CloudflareError> {
        let path = format!("/client/v4/zones/{}/dns_records/{}", record.zone, record.id);
        match self.call::<Object>(Method::DELETE, &path, None).await {
            Err(CloudflareError::Refused { status: 404, .. }) => Ok(()),
            removed => removed.map(drop),
        }
    }

    async fn find(&self, zone: &str, name: &str, content: &str) -> Result<String, CloudflareError> {
        #[derive(Deserialize)]
        struct Listed {
            id: String,
            content: String,
        }
        let path = format!("/client/v4/zones/{zone}/dns_records?type=TXT&name={name}");
        let listed: Vec<Listed> = self.call(Method::GET, &path, None).await?;
        let bare = |text: &str| text.trim_matches('"').to_owned();
        let found = listed.into_iter().find(|record| bare(&record.content) == bare(content));
        let missing = || CloudflareError::Answer("a record that exists is not listed".to_owned());
        found.map(|record| record.id).ok_or_else(missing)
    }

    async fn call<T: for<'a> Deserialize<'a>>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<T, CloudflareError> {
        let mut request = self.http.request(method, path);
        if let Some(body) = body {
            request = request.json(body);
        }
        let reply = self.http.send(request, LIMITS).await?;
        if !reply.status.is_success() {
            return Err(self.refused(&reply));
        }
        let answer = reply.json::<Answer<T>>();
        answer.map(|it| it.result).map_err(|error| CloudflareError::Answer(error.to_string()))
    }

    fn refused(&self, reply: &Reply) -> CloudflareError {
        #[derive(Deserialize)]
        struct Errors {
            errors: Vec<Said>,
        }
        #[derive(Deserialize)]
        struct Said {
            code: u32,
            message: String,
        }
        let status = reply.status.as_u16();
        let (message, codes) = match reply.json::<Errors>() {
            Ok(Errors { errors }) => {
                let said: Vec<_> =
                    errors.iter().map(|it| format!("{} {}", it.code, it.message)).collect();
                (said.join("; "), errors.iter().map(|it| it.code).collect())
            }
            Err(_) => (reply.text(), Vec::new()),
        };
        CloudflareError::Refused { status, message: self.http.quote(&message), codes }
    }
}
