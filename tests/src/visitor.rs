//! A person's browser as far as HTTP goes: cookies, redirects, `Sec-Fetch-*`.
//!
//! Every host of ours resolves to one edge, as `*.localhost` does in a real
//! browser. What comes back is also written to the world's page log, which is
//! searched for secrets at the end.

use std::fs::File;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, bail};
use reqwest::header::{self, HeaderMap};
use reqwest::{Method, StatusCode};
use url::Url;

use crate::form::Form;
use crate::jar::{Jar, Site};

/// As many as Chromium follows.
const REDIRECTS_MAX: usize = 20;

/// One browser profile.
#[derive(Clone)]
pub struct Visitor {
    client: reqwest::Client,
    edge: SocketAddr,
    jar: Arc<Mutex<Jar>>,
    pages: PathBuf,
}

/// What a request came back with.
#[derive(Debug)]
pub struct Page {
    /// Where it ended after redirects.
    pub url: Url,
    /// Every address on the way, the last one included.
    pub hops: Vec<Url>,
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Page {
    /// The header's text; empty when it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// # Errors
    /// When the body is no JSON; quotes its beginning.
    pub fn json(&self) -> anyhow::Result<serde_json::Value> {
        serde_json::from_str(&self.body).with_context(|| {
            format!("{} of {} is no JSON: {:.200}", self.status, self.url, self.body)
        })
    }
}

/// One request, before the browser adds what it adds.
struct Sending<'a> {
    method: Method,
    url: &'a Url,
    site: Site,
    mode: &'static str,
    origin: Option<String>,
    form: Option<&'a [(String, String)]>,
    headers: &'a [(&'a str, &'a str)],
}

impl Visitor {
    /// `pages` is the log of everything that is shown to this visitor.
    pub fn new(edge: SocketAddr, pages: PathBuf) -> Self {
        let client = crate::http::client()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(crate::wait::DEADLINE)
            .build()
            .expect("a client without TLS can be built");
        Self { client, edge, jar: Arc::default(), pages }
    }

    /// The same browser, its cookies shared, at another edge.
    #[must_use]
    pub fn at(&self, edge: SocketAddr) -> Self {
        Self { edge, ..self.clone() }
    }

    pub fn edge(&self) -> SocketAddr {
        self.edge
    }

    pub fn jar(&self) -> MutexGuard<'_, Jar> {
        self.jar.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Types `url` into the address bar.
    ///
    /// # Errors
    /// When the connection fails, or a `Set-Cookie` is one that browsers refuse.
    pub async fn open(&self, url: &str) -> anyhow::Result<Page> {
        self.navigate(Method::GET, Url::parse(url)?, None, None).await
    }

    /// Types `url` into the address bar and looks at the first answer, a redirect or not.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn step(&self, url: &str) -> anyhow::Result<Page> {
        let url = Url::parse(url)?;
        let sending = Sending {
            method: Method::GET,
            url: &url,
            site: Site::None,
            mode: "navigate",
            origin: None,
            form: None,
            headers: &[],
        };
        self.send(&sending).await
    }

    /// Follows a link on the page `from`, which may be a page of somebody else's.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn follow_link(&self, from: &str, url: &str) -> anyhow::Result<Page> {
        self.navigate(Method::GET, Url::parse(url)?, Some(Url::parse(from)?), None).await
    }

    /// Sends the form of `page` as its button would.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn submit(&self, page: &Page, form: &Form) -> anyhow::Result<Page> {
        let url = page.url.join(&form.action)?;
        self.navigate(Method::POST, url, Some(page.url.clone()), Some(&form.fields)).await
    }

    /// Goes to the workspace, meets the sign-in form, fills it in.
    ///
    /// # Errors
    /// As [`Self::open`]; the page it ends on tells whether it worked.
    pub async fn sign_in(
        &self,
        workspace_url: &str,
        username: &str,
        password: &str,
    ) -> anyhow::Result<Page> {
        let page = self.open(&format!("{workspace_url}/")).await?;
        let form = Form::first_of(&page.body)
            .with_context(|| format!("look for the sign-in form on {}: {page:?}", page.url))?
            .with("username", username)
            .with("password", password);
        self.submit(&page, &form).await
    }

    /// What `fetch(url)` in a page of `origin` gets; redirects are not followed.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn fetch(
        &self,
        origin: &str,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
    ) -> anyhow::Result<Page> {
        let url = Url::parse(url)?;
        let page = Url::parse(origin)?;
        let is_safe = matches!(method, Method::GET | Method::HEAD);
        let site = relation(&page, &url);
        let origin = (!is_safe || site == Site::CrossSite).then(|| origin.to_owned());
        let sending =
            Sending { method, url: &url, site, mode: "cors", origin, form: None, headers };
        self.send(&sending).await
    }

    /// A request with nothing in it that a browser would add; `host` may be anybody's.
    pub fn bare(&self, method: Method, host: &str, path: &str) -> reqwest::RequestBuilder {
        let url = format!("http://{}{path}", self.edge);
        self.client.request(method, url).header(header::HOST, host)
    }

    async fn navigate(
        &self,
        method: Method,
        url: Url,
        from: Option<Url>,
        form: Option<&[(String, String)]>,
    ) -> anyhow::Result<Page> {
        let (mut method, mut url, mut form) = (method, url, form);
        let mut site = from.as_ref().map_or(Site::None, |from| relation(from, &url));
        let origin = from.as_ref().map(|from| from.origin().ascii_serialization());
        let mut hops = Vec::new();
        for _ in 0..REDIRECTS_MAX {
            hops.push(url.clone());
            let sending = Sending {
                method: method.clone(),
                url: &url,
                site,
                mode: "navigate",
                origin: origin.clone().filter(|_| method != Method::GET),
                form,
                headers: &[],
            };
            let page = self.send(&sending).await?;
            let location = page.header("location");
            if !page.status.is_redirection() || location.is_empty() {
                return Ok(Page { hops, ..page });
            }
            let next = url.join(location)?;
            if let Some(from) = &from {
                site = site.max(relation(from, &next));
            }
            if page.status != StatusCode::TEMPORARY_REDIRECT {
                (method, form) = (Method::GET, None);
            }
            url = next;
        }
        bail!("redirected more than {REDIRECTS_MAX} times, last to {url}")
    }

    async fn send(&self, sending: &Sending<'_>) -> anyhow::Result<Page> {
        let url = sending.url;
        let host = url.host_str().context("an address has a host")?.to_owned();
        let is_vendor = host == "127.0.0.1";
        if !is_vendor && !host.ends_with("localhost") {
            bail!("was sent to {url}, which is not ours");
        }
        let is_navigation = sending.mode == "navigate";
        let (accept, destination) = if is_navigation {
            ("text/html,application/xhtml+xml,*/*;q=0.8", "document")
        } else {
            ("*/*", "empty")
        };
        let mut target = url.clone();
        if !is_vendor {
            target.set_ip_host(self.edge.ip()).ok().context("set the edge's address")?;
            target.set_port(Some(self.edge.port())).ok().context("set the edge's port")?;
        }
        let mut request = self
            .client
            .request(sending.method.clone(), target)
            .header(header::HOST, authority(url))
            .header("sec-fetch-site", sending.site.as_str())
            .header("sec-fetch-mode", sending.mode)
            .header("sec-fetch-dest", destination);
        let is_get_navigation = is_navigation && sending.method == Method::GET;
        if let Some(cookies) = self.jar().header(&host, sending.site, is_get_navigation) {
            request = request.header(header::COOKIE, cookies);
        }
        if let Some(origin) = &sending.origin {
            request = request.header(header::ORIGIN, origin);
        }
        if !sending.headers.iter().any(|(name, _)| *name == "accept") {
            request = request.header(header::ACCEPT, accept);
        }
        for (name, value) in sending.headers {
            request = request.header(*name, *value);
        }
        if let Some(fields) = sending.form {
            request = request.form(fields);
        }
        let response = request.send().await.with_context(|| format!("{} {url}", sending.method))?;
        let (status, headers) = (response.status(), response.headers().clone());
        self.keep_cookies(&host, &headers)?;
        let body = response.text().await.with_context(|| format!("read the body of {url}"))?;
        let page = Page { url: url.clone(), hops: vec![url.clone()], status, headers, body };
        self.record(&page)?;
        Ok(page)
    }

    fn keep_cookies(&self, host: &str, headers: &HeaderMap) -> anyhow::Result<()> {
        let mut jar = self.jar();
        if headers.get("clear-site-data").is_some_and(|value| {
            value.to_str().is_ok_and(|text| text.contains("\"cookies\"") || text.contains("\"*\""))
        }) {
            jar.clear(host);
        }
        for cookie in headers.get_all(header::SET_COOKIE) {
            jar.store(host, cookie.to_str().context("a cookie is plain text")?)?;
        }
        Ok(())
    }

    /// Redirects and cookies carry secrets to the visitor they belong to; the rest must not.
    fn record(&self, page: &Page) -> anyhow::Result<()> {
        let mut text = format!("{} {}\n", page.status, page.url.path());
        for (name, value) in &page.headers {
            if *name != header::SET_COOKIE && *name != header::LOCATION {
                text += &format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes()));
            }
        }
        text += &format!("\n{}\n\n", page.body);
        let mut file = File::options().create(true).append(true).open(&self.pages)?;
        Ok(file.write_all(text.as_bytes())?)
    }
}

/// `host:port` as it stands in the `Host` header.
pub fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Two hosts are one site when their last two labels agree: `x.arcamatrix.localhost`.
fn relation(from: &Url, to: &Url) -> Site {
    let site = |url: &Url| {
        let host = url.host_str().unwrap_or_default().to_owned();
        let labels: Vec<&str> = host.rsplit('.').take(2).collect();
        (url.scheme().to_owned(), labels.join("."))
    };
    if from.origin() == to.origin() {
        Site::SameOrigin
    } else if site(from) == site(to) {
        Site::SameSite
    } else {
        Site::CrossSite
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(from: &str, to: &str, expected: Site) {
        let (from, to) = (Url::parse(from).unwrap(), Url::parse(to).unwrap());
        assert_eq!(relation(&from, &to), expected, "{from} to {to}");
    }

    #[test]
    fn sites_are_told_apart_as_browsers_do() {
        check("http://a.arca.localhost:1/x", "http://a.arca.localhost:1/y", Site::SameOrigin);
        check("http://a.arca.localhost:1", "http://arca.localhost:1", Site::SameSite);
        check("http://a.arca.localhost:1", "http://b.arca.localhost:2", Site::SameSite);
        check("https://mail.test", "http://arca.localhost:1", Site::CrossSite);
    }
}
