//! How a sign-in on the site becomes a session on a workspace host.
//!
//! The workspace host sets a nonce in the browser and sends its hash, the
//! challenge, to the site. The site answers with a one-time code bound to that
//! challenge; only the browser that holds the nonce can redeem it. At a domain of the
//! customer's own, code and session are of that host alone. Pure.

use std::time::Duration;

use shared::{Domain, PublicSite, ReturnPath, SessionId, Username};
use url::form_urlencoded::Serializer;

use crate::base::token::{Token, is_lower_hex, is_sha256_hex, sha256_hex};

/// How long a code can be redeemed: one redirect, on a slow phone.
pub const CODE_LIFETIME: Duration = Duration::from_secs(60);

/// How long a nonce is kept: as long as somebody may look for their password.
pub const NONCE_LIFETIME: Duration = Duration::from_secs(10 * 60);

/// What a browser holds while it signs in: 32 lower-case hexadecimal digits.
#[derive(Clone, PartialEq, Eq)]
pub struct Nonce(String);

impl Nonce {
    pub fn random() -> Self {
        // Any 128 random bits will do; a session id has them in the right form.
        Self(SessionId::random().to_string())
    }

    pub fn parse(text: &str) -> Option<Self> {
        is_lower_hex(text, 32).then(|| Self(text.to_owned()))
    }

    /// For the cookie, and nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub fn challenge(&self) -> Challenge {
        Challenge(sha256_hex(&self.0))
    }
}

/// SHA-256 of a nonce: may be seen in a URL without harm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge(String);

impl Challenge {
    pub fn parse(text: &str) -> Option<Self> {
        is_sha256_hex(text).then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// By which a code is kept for the browser at this host and no other.
    #[must_use]
    pub fn at(&self, domain: Option<&Domain>) -> Self {
        match domain {
            None => self.clone(),
            Some(domain) => Self(sha256_hex(format!("{}@{domain}", self.0))),
        }
    }
}

/// A host at which a workspace is reached: its own, or a domain of its customer's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkspaceHost {
    pub username: Username,
    pub domain: Option<Domain>,
}

impl WorkspaceHost {
    pub fn own(username: Username) -> Self {
        Self { username, domain: None }
    }

    /// Without a slash at its end.
    pub fn origin(&self, site: &PublicSite) -> String {
        site.origin_at(&self.username, self.domain.as_ref())
    }
}

/// What the site was asked for: the query of `/login`, or the hidden fields of its form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignInRequest {
    /// The workspace to open.
    pub workspace: Option<Username>,
    /// A domain of its own, at which it is to be opened.
    pub domain: Option<Domain>,
    pub challenge: Option<Challenge>,
    pub return_path: ReturnPath,
    /// Stay on the site, on the account page.
    pub to_account: bool,
    /// The callback missed once, and began anew: it must not do so again.
    pub is_second_try: bool,
}

impl SignInRequest {
    /// The path of the form for it: `/login?workspace=ada&challenge=…&return=/x`
    pub fn page(&self) -> String {
        let mut query = Serializer::new(String::new());
        if let Some(workspace) = &self.workspace {
            query.append_pair("workspace", workspace.as_str());
        }
        if let Some(challenge) = &self.challenge {
            query.append_pair("challenge", challenge.as_str());
        }
        if let Some(domain) = &self.domain {
            query.append_pair(AT, domain.as_str());
        }
        if self.to_account {
            query.append_pair("to", "account");
        }
        format!("/login?{}", finish(query, &self.return_path, self.is_second_try))
    }
}

/// What becomes of a callback whose code or nonce is not good: used in another tab, older
/// than a minute, from a form that was left open, or from a bookmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissedCallback {
    /// The browser has a session already.
    GoOn,
    /// The account session, or the password, gives another code at once.
    BeginAnew,
    /// Something in the browser keeps this from working, cookies that are switched off for
    /// example: a page says so.
    Explain,
}

pub fn missed_callback(has_session: bool, is_second_try: bool) -> MissedCallback {
    match (has_session, is_second_try) {
        (true, _) => MissedCallback::GoOn,
        (false, false) => MissedCallback::BeginAnew,
        (false, true) => MissedCallback::Explain,
    }
}

/// Where somebody who is signed in on the site goes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A page of the account.
    Account(String),
    /// The workspace host, which begins the handover.
    Workspace(ReturnPath),
    /// The workspace host, with a code for this challenge.
    Callback(Challenge, ReturnPath),
}

/// The account page itself stands in for whatever is not below it.
pub fn account_page(path: &ReturnPath) -> &str {
    let path = path.as_str();
    let is_of_account = path.starts_with("/account/") && !path.contains("..");
    if is_of_account { path } else { "/account" }
}

/// A code is only made for the workspace of the very customer who is signed in.
pub fn destination(request: &SignInRequest, signed_in: &Username) -> Destination {
    if request.to_account {
        return Destination::Account(account_page(&request.return_path).to_owned());
    }
    let is_theirs = request.workspace.as_ref() == Some(signed_in);
    match &request.challenge {
        Some(challenge) if is_theirs => {
            Destination::Callback(challenge.clone(), request.return_path.clone())
        }
        _ if is_theirs => Destination::Workspace(request.return_path.clone()),
        // The path was meant for another workspace.
        _ => Destination::Workspace(ReturnPath::or_root("/")),
    }
}

/// `<site>/login?workspace=ada&signed_out=1`
pub fn signed_out_url(site: &PublicSite, workspace: &Username) -> String {
    format!("{}/login?workspace={workspace}&signed_out=1", site.site_url())
}

/// `<workspace>/auth/login?return=/x`
pub fn workspace_login_url(
    site: &PublicSite,
    workspace: &WorkspaceHost,
    return_path: &ReturnPath,
    is_second_try: bool,
) -> String {
    let query = finish(Serializer::new(String::new()), return_path, is_second_try);
    format!("{}/auth/login?{query}", workspace.origin(site))
}

/// `<workspace>/auth/callback?code=…&return=/x`
///
/// The path stands with the code as well, so that a callback that misses still knows it.
pub fn callback_url(
    site: &PublicSite,
    workspace: &WorkspaceHost,
    code: &Token,
    return_path: &ReturnPath,
    is_second_try: bool,
) -> String {
    let mut query = Serializer::new(String::new());
    query.append_pair("code", code.expose());
    let query = finish(query, return_path, is_second_try);
    format!("{}/auth/callback?{query}", workspace.origin(site))
}

fn finish(
    mut query: Serializer<'_, String>,
    return_path: &ReturnPath,
    is_second_try: bool,
) -> String {
    query.append_pair("return", return_path.as_str());
    if is_second_try {
        query.append_pair(SECOND_TRY, "1");
    }
    query.finish()
}

/// The parameter with the domain at which a workspace is to be opened.
pub const AT: &str = "at";

/// The parameter that marks a sign-in which began anew.
pub const SECOND_TRY: &str = "again";

#[cfg(test)]
mod tests {
    use super::*;

    fn request(workspace: Option<&str>, challenge: bool) -> SignInRequest {
        SignInRequest {
            workspace: workspace.map(|name| name.parse().unwrap()),
            domain: None,
            challenge: challenge.then(|| Nonce::parse(&"0a".repeat(16)).unwrap().challenge()),
            return_path: ReturnPath::or_root("/chat"),
            to_account: false,
            is_second_try: false,
        }
    }

    fn check(request: &SignInRequest, expected: &Destination) {
        assert_eq!(destination(request, &"ada".parse().unwrap()), *expected, "{request:?}");
    }

    #[test]
    fn a_code_is_made_for_ones_own_workspace_only() {
        let root = || Destination::Workspace(ReturnPath::or_root("/"));
        let own = request(Some("ada"), true);
        let challenge = own.challenge.clone().unwrap();
        check(&own, &Destination::Callback(challenge, ReturnPath::or_root("/chat")));
        check(&request(Some("ada"), false), &Destination::Workspace(ReturnPath::or_root("/chat")));
        check(&request(Some("bob"), true), &root());
        check(&request(Some("bob"), false), &root());
        check(&request(None, true), &root());
        check(&request(None, false), &root());
    }

    #[test]
    fn signing_in_for_the_account_leads_to_the_page_that_was_asked_for() {
        let leads = |path: &str, page: &str| {
            let return_path = ReturnPath::or_root(path);
            let request = SignInRequest { to_account: true, return_path, ..request(None, false) };
            check(&request, &Destination::Account(page.to_owned()));
        };
        leads("/account/email", "/account/email");
        for other in ["/", "/chat", "/account", "//evil.test/account/", "/account/../logout"] {
            leads(other, "/account");
        }
    }

    #[test]
    fn a_missed_callback_begins_anew_once() {
        let check = |has_session, is_second_try, expected| {
            assert_eq!(missed_callback(has_session, is_second_try), expected);
        };
        check(true, false, MissedCallback::GoOn);
        check(true, true, MissedCallback::GoOn);
        check(false, false, MissedCallback::BeginAnew);
        check(false, true, MissedCallback::Explain);
    }

    #[test]
    fn urls_carry_what_they_are_given_escaped() {
        let site = PublicSite::new("arca.test", "https://arca.test:8443".parse().unwrap()).unwrap();
        let ada = WorkspaceHost::own("ada".parse().unwrap());
        let path = ReturnPath::or_root("/chat?a=1&b=2#c");
        assert_eq!(
            workspace_login_url(&site, &ada, &path, false),
            "https://ada.arca.test:8443/auth/login?return=%2Fchat%3Fa%3D1%26b%3D2%23c"
        );
        let domain = Some("chat.example.org".parse().unwrap());
        let chat = WorkspaceHost { domain, ..ada };
        let root = ReturnPath::or_root("/");
        let begin = workspace_login_url(&site, &chat, &root, false);
        assert_eq!(begin, "https://chat.example.org:8443/auth/login?return=%2F");
        let again = workspace_login_url(&site, &ada, &ReturnPath::or_root("/"), true);
        assert_eq!(again, "https://ada.arca.test:8443/auth/login?return=%2F&again=1");
    }

    #[test]
    fn the_form_s_path_says_all_that_was_asked_for() {
        let ada = SignInRequest {
            return_path: ReturnPath::or_root("/chat?a=1"),
            ..request(Some("ada"), true)
        };
        let challenge = ada.challenge.as_ref().unwrap().as_str();
        let login = format!("/login?workspace=ada&challenge={challenge}");
        assert_eq!(ada.page(), format!("{login}&return=%2Fchat%3Fa%3D1"));
        let chat = SignInRequest {
            domain: Some("chat.example.org".parse().unwrap()),
            is_second_try: true,
            ..ada.clone()
        };
        let expected = format!("{login}&at=chat.example.org&return=%2Fchat%3Fa%3D1&again=1");
        assert_eq!(chat.page(), expected);
        let account = SignInRequest { to_account: true, ..request(None, false) };
        assert_eq!(account.page(), "/login?to=account&return=%2Fchat");
    }

    #[test]
    fn a_challenge_is_another_one_at_each_host() {
        let challenge = Nonce::random().challenge();
        let [chat, mail] = ["chat.example.org", "mail.example.org"].map(|it| it.parse().unwrap());
        assert_eq!(challenge.at(None), challenge);
        assert_ne!(challenge.at(Some(&chat)), challenge);
        assert_ne!(challenge.at(Some(&chat)), challenge.at(Some(&mail)));
        assert!(Challenge::parse(challenge.at(Some(&chat)).as_str()).is_some());
    }

    #[test]
    fn nonces_and_challenges_are_read_strictly() {
        assert!(Nonce::parse(Nonce::random().expose()).is_some());
        assert!(Nonce::parse(&"0A".repeat(16)).is_none());
        assert!(Nonce::parse("").is_none());
        assert!(Challenge::parse(Nonce::random().challenge().as_str()).is_some());
        assert!(Challenge::parse(&"g".repeat(64)).is_none());
    }
}
