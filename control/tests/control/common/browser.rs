//! A browser as far as signing in needs one: cookies by host, and no more.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use reqwest::header::{COOKIE, HOST, LOCATION, SET_COOKIE};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use shared::KeyRing;
use shared::site_hop::{self, SITE_HOP_HEADER};

use super::{PASSWORD, SITE, World, client};

/// The host of ada's workspace.
pub const ADA: &str = "http://ada.arca.test:8080";

#[derive(Clone)]
pub struct Browser<'a> {
    keys: &'a KeyRing,
    http: Client,
    /// The control that an edge brings it to.
    pub site: SocketAddr,
    /// As an edge would report it.
    pub address: &'a str,
    /// What it asks for; nothing unless it is set.
    pub language: Option<&'a str>,
    /// What it calls itself; nothing unless it is set.
    pub user_agent: Option<&'a str>,
    cookies: BTreeMap<(String, String), String>,
}

/// An answer, with its body read.
#[derive(Debug)]
pub struct Page {
    pub status: StatusCode,
    pub location: String,
    pub set_cookies: Vec<String>,
    pub headers: reqwest::header::HeaderMap,
    pub body: String,
}

impl<'a> Browser<'a> {
    pub fn new(world: &'a World) -> Self {
        Self::at(world.site_address(), &world.keys)
    }

    pub fn at(site: SocketAddr, keys: &'a KeyRing) -> Self {
        Self {
            keys,
            http: client(),
            site,
            address: "203.0.113.5",
            language: None,
            user_agent: None,
            cookies: BTreeMap::new(),
        }
    }

    pub async fn open(&mut self, url: &str) -> Page {
        self.send(Method::GET, url, None, &[]).await
    }

    /// Sends a form from a page of the same origin.
    pub async fn submit(&mut self, url: &str, fields: &[(&str, &str)]) -> Page {
        let origin = origin(url).to_owned();
        self.send(Method::POST, url, Some(fields), &[("origin", &origin)]).await
    }

    pub async fn send(
        &mut self,
        method: Method,
        url: &str,
        form: Option<&[(&str, &str)]>,
        headers: &[(&str, &str)],
    ) -> Page {
        let request = self.request(method, url, headers);
        let request = match form {
            Some(fields) => request.form(fields),
            None => request,
        };
        self.answer(url, request).await
    }

    /// A body as it is.
    pub async fn send_body(
        &mut self,
        method: Method,
        url: &str,
        body: String,
        headers: &[(&str, &str)],
    ) -> Page {
        let request = self.request(method, url, headers).body(body);
        self.answer(url, request).await
    }

    /// As it would be sent, cookies and all.
    pub fn request(&self, method: Method, url: &str, headers: &[(&str, &str)]) -> RequestBuilder {
        let host = origin(url).strip_prefix("http://").unwrap();
        let path = &url[origin(url).len()..];
        let target = format!("http://{}{path}", self.site);
        // As browsers say it of every step of a chain that began on one of our hosts.
        let says_where_from = headers.iter().any(|(name, _)| *name == "sec-fetch-site");
        let began_here = method == Method::GET && !says_where_from;
        let mut request = self
            .http
            .request(method, target)
            .header(HOST, host)
            .header(SITE_HOP_HEADER, site_hop::sign(self.keys).expose())
            .header("x-forwarded-for", self.address);
        if headers.iter().all(|(name, _)| *name != "accept") {
            request = request.header("accept", "text/html");
        }
        if let Some(language) = self.language {
            request = request.header("accept-language", language);
        }
        if let Some(name) = self.user_agent {
            request = request.header("user-agent", name);
        }
        if began_here {
            request = request.header("sec-fetch-site", "same-site");
        }
        // Empty: this browser does not know Fetch Metadata.
        for (name, value) in headers.iter().filter(|pair| **pair != ("sec-fetch-site", "")) {
            request = request.header(*name, *value);
        }
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .filter(|((of, _), _)| of == host)
            .map(|((_, name), value)| format!("{name}={value}"))
            .collect();
        if cookies.is_empty() { request } else { request.header(COOKIE, cookies.join("; ")) }
    }

    async fn answer(&mut self, url: &str, request: RequestBuilder) -> Page {
        let host = origin(url).strip_prefix("http://").unwrap();
        let page = read(request.send().await.unwrap()).await;
        for cookie in &page.set_cookies {
            let (name, rest) = cookie.split_once('=').unwrap();
            let key = (host.to_owned(), name.to_owned());
            if rest.contains("Max-Age=0") {
                self.cookies.remove(&key);
            } else {
                let value = rest.split(';').next().unwrap();
                self.cookies.insert(key, value.to_owned());
            }
        }
        page
    }

    pub fn cookie(&self, url: &str, name: &str) -> Option<&str> {
        let host = origin(url).strip_prefix("http://").unwrap();
        self.cookies.get(&(host.to_owned(), name.to_owned())).map(String::as_str)
    }

    pub fn set_cookie(&mut self, url: &str, name: &str, value: &str) {
        let host = origin(url).strip_prefix("http://").unwrap();
        self.cookies.insert((host.to_owned(), name.to_owned()), value.to_owned());
    }

    /// As when a cookie expires.
    pub fn forget(&mut self, url: &str, name: &str) {
        let host = origin(url).strip_prefix("http://").unwrap();
        self.cookies.remove(&(host.to_owned(), name.to_owned()));
    }

    /// From the workspace's door to the callback's address, which is not opened yet.
    pub async fn earn_code(&mut self, return_path: &str) -> String {
        let door = self.open(&format!("{ADA}/auth/login?return={return_path}")).await;
        assert_eq!(door.status, StatusCode::SEE_OTHER, "{door:?}");
        let form = self.open(&door.location).await;
        if form.status == StatusCode::SEE_OTHER {
            return form.location;
        }
        let query: Vec<(String, String)> =
            url::Url::parse(&door.location).unwrap().query_pairs().into_owned().collect();
        let mut fields = vec![("username", "ada"), ("password", PASSWORD)];
        fields.extend(query.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let answer = self.submit(&format!("{SITE}/login"), &fields).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
        answer.location
    }

    /// All the way; returns the session token.
    pub async fn sign_in(&mut self) -> String {
        let callback = self.earn_code("/").await;
        let page = self.open(&callback).await;
        assert_eq!((page.status, page.location.as_str()), (StatusCode::SEE_OTHER, "/"), "{page:?}");
        self.cookie(ADA, shared::session::SESSION_COOKIE).unwrap().to_owned()
    }

    pub async fn log_in(&mut self, username: &str, password: &str) -> Page {
        let fields = [("username", username), ("password", password)];
        self.submit(&format!("{SITE}/login"), &fields).await
    }
}

async fn read(response: Response) -> Page {
    let headers = response.headers().clone();
    let text = |name| headers.get(&name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let set_cookies = headers.get_all(SET_COOKIE);
    Page {
        status: response.status(),
        location: text(LOCATION).to_owned(),
        set_cookies: set_cookies.iter().map(|c| c.to_str().unwrap().to_owned()).collect(),
        headers: headers.clone(),
        body: response.text().await.unwrap(),
    }
}

/// `http://host:port` of a URL.
fn origin(url: &str) -> &str {
    let after_scheme = url.find("://").unwrap() + 3;
    let end = url[after_scheme..].find('/').map_or(url.len(), |at| after_scheme + at);
    &url[..end]
}
