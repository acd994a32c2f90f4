//! What becomes of a request. Pure: what it asks and what we know go in, the
//! [`Decision`] comes out; `connection.rs` carries it out.

use shared::identity::TELEGRAM_PATH;
use shared::session::Session;
use shared::{Departure, Host, RouteState};

use super::session::NoSession;
use crate::respond::{Refusal, WorkspaceStatus};

/// What a request asks, as far as the decision goes.
#[derive(Debug, Clone, Copy)]
pub struct RequestFacts<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub websocket: bool,
    /// A browser is loading a page (`Sec-Fetch-Mode: navigate`, or a GET that accepts HTML).
    pub navigation: bool,
    /// `Sec-Fetch-Site: cross-site`: a link on a foreign page, where strict cookies stay at home.
    pub cross_site: bool,
    /// An edge of ours has just sent the browser here, from another host of the workspace.
    pub sent_on: bool,
    /// `Service-Worker: script`.
    pub service_worker: bool,
    /// `Origin`, and whether it is the workspace's own.
    pub own_origin: Option<bool>,
    /// A page of the same host asks.
    pub same_origin: bool,
}

/// What is known of the workspace a request is for.
#[derive(Debug, Clone, Copy)]
pub struct Workspace {
    pub state: RouteState,
    pub locked: bool,
    pub session: Result<Session, NoSession>,
    /// It shows the secret that only this workspace's assistant has told to Telegram.
    pub is_telegram: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Control answers: the site itself, and signing in on every host.
    Site,
    /// The sprite answers.
    Sprite(Session),
    /// The sprite's WebSocket.
    Tunnel(Session),
    /// Telegram brings a message to the sprite: without a session, and to this one path.
    Telegram,
    /// `GET /auth/session`: said here, where it is known even while control is away.
    SessionInfo {
        session: Option<Session>,
        status: WorkspaceStatus,
    },
    /// A page that asks again from the same site, so that the strict cookie comes along.
    Bounce,
    SignIn,
    Unauthorized,
    ClearCookies,
    /// On to the next domain of the customer's own, or back to the site; the browser `forgets`
    /// what the chat page kept in it.
    Depart {
        departure: Departure,
        forgets: bool,
    },
    /// Whether the machine is awake, for the page that waits for it.
    MachineInfo,
    Refuse(Refusal),
}

const SESSION_PATH: &str = "/auth/session";

/// What the page that waits for a machine asks.
const MACHINE_PATH: &str = "/auth/waking";

/// Where the page about too many cookies leads.
pub(super) const CLEAR_COOKIES_PATH: &str = "/auth/clear-cookies";

/// Decides for a request to `host`; `workspace` is what the table says of the
/// workspace it names, `None` when there is none.
pub fn decide(host: Host, facts: &RequestFacts<'_>, workspace: Option<&Workspace>) -> Decision {
    match host {
        Host::Unknown => Decision::Refuse(Refusal::UnknownHost),
        // Signed in or not, and whatever becomes of the workspace.
        _ if facts.path == CLEAR_COOKIES_PATH && facts.method == "POST" && facts.same_origin => {
            Decision::ClearCookies
        }
        Host::Site => Decision::Site,
        Host::Workspace(_) => match workspace {
            _ if let Some(departure) = departure(facts) => {
                let is_signed_in = workspace.is_some_and(|workspace| workspace.session.is_ok());
                // A link on a foreign page cost people their drafts.
                let forgets = facts.sent_on || (!is_signed_in && !facts.cross_site);
                Decision::Depart { departure, forgets }
            }
            None if facts.path == SESSION_PATH => {
                Decision::SessionInfo { session: None, status: WorkspaceStatus::Gone }
            }
            None => Decision::Refuse(Refusal::UnknownWorkspace),
            Some(workspace) => decide_workspace(facts, workspace),
        },
    }
}

fn departure(facts: &RequestFacts<'_>) -> Option<Departure> {
    Departure::at(facts.path).filter(|_| facts.navigation)
}

fn decide_workspace(facts: &RequestFacts<'_>, workspace: &Workspace) -> Decision {
    // A worker script served by the VM could read what is typed on this host later.
    if facts.service_worker && !facts.path.starts_with("/openclaw/") {
        return Decision::Refuse(Refusal::ServiceWorker);
    }
    if facts.path == SESSION_PATH {
        let status = match workspace.state {
            _ if workspace.locked => WorkspaceStatus::Locked,
            RouteState::Preparing => WorkspaceStatus::Preparing,
            RouteState::Suspended => WorkspaceStatus::Suspended,
            RouteState::Live => WorkspaceStatus::Live,
        };
        let session = workspace.session.ok().filter(|_| status == WorkspaceStatus::Live);
        return Decision::SessionInfo { session, status };
    }
    let is_auth = facts.path == "/auth" || facts.path.starts_with("/auth/");
    if is_auth && facts.path != MACHINE_PATH {
        return Decision::Site;
    }
    match workspace.state {
        _ if workspace.locked => return Decision::Refuse(Refusal::WorkspaceLocked),
        RouteState::Preparing => return Decision::Refuse(Refusal::Preparing),
        RouteState::Suspended => return Decision::Refuse(Refusal::Suspended),
        RouteState::Live => {}
    }
    if facts.path == TELEGRAM_PATH {
        let is_call = facts.method == "POST" && !facts.websocket && workspace.is_telegram;
        return if is_call { Decision::Telegram } else { Decision::Unauthorized };
    }
    match workspace.session {
        Ok(_) if facts.path == MACHINE_PATH => Decision::MachineInfo,
        Err(_) if facts.path == MACHINE_PATH => Decision::Unauthorized,
        Ok(_) if facts.websocket && facts.own_origin != Some(true) => {
            Decision::Refuse(Refusal::ForeignOrigin)
        }
        Ok(session) if facts.websocket => Decision::Tunnel(session),
        Ok(session) => Decision::Sprite(session),
        Err(reason) => without_session(facts, reason),
    }
}

fn without_session(facts: &RequestFacts<'_>, reason: NoSession) -> Decision {
    if facts.websocket || !facts.navigation {
        Decision::Unauthorized
    } else if facts.cross_site && reason == NoSession::NoCookie {
        Decision::Bounce
    } else {
        Decision::SignIn
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::session::SessionError;
    use shared::{SessionId, Username};

    fn session() -> Session {
        let username = Username::parse("ada").unwrap();
        let id = SessionId::parse(&"0".repeat(32)).unwrap();
        Session { username, id, issued: 0, expires: 9, epoch: 0 }
    }

    const PAGE: RequestFacts<'static> = RequestFacts {
        method: "GET",
        path: "/",
        websocket: false,
        navigation: true,
        cross_site: false,
        sent_on: false,
        service_worker: false,
        own_origin: None,
        same_origin: false,
    };

    fn live(session: Result<Session, NoSession>) -> Workspace {
        Workspace { state: RouteState::Live, locked: false, session, is_telegram: false }
    }

    fn check(facts: RequestFacts<'_>, workspace: Workspace, expected: Decision) {
        let host = Host::Workspace(Username::parse("ada").unwrap());
        assert_eq!(decide(host, &facts, Some(&workspace)), expected, "{facts:?}");
    }

    #[test]
    fn hosts_that_are_not_ours_reach_nobody() {
        let unknown = Decision::Refuse(Refusal::UnknownHost);
        assert_eq!(decide(Host::Unknown, &PAGE, None), unknown);
        assert_eq!(decide(Host::Site, &PAGE, None), Decision::Site);
        let ada = Host::Workspace(Username::parse("ada").unwrap());
        assert_eq!(decide(ada, &PAGE, None), Decision::Refuse(Refusal::UnknownWorkspace));
    }

    #[test]
    fn a_session_opens_the_sprite_and_nothing_else_does() {
        let socket = RequestFacts { websocket: true, navigation: false, ..PAGE };
        let own = RequestFacts { own_origin: Some(true), ..socket };
        let foreign = RequestFacts { own_origin: Some(false), ..socket };
        check(PAGE, live(Ok(session())), Decision::Sprite(session()));
        check(own, live(Ok(session())), Decision::Tunnel(session()));
        check(foreign, live(Ok(session())), Decision::Refuse(Refusal::ForeignOrigin));
        check(socket, live(Ok(session())), Decision::Refuse(Refusal::ForeignOrigin));
        for reason in [
            NoSession::NoCookie,
            NoSession::OldEpoch,
            NoSession::Locked,
            NoSession::Token(SessionError::Forged),
        ] {
            let script = RequestFacts { navigation: false, ..PAGE };
            check(PAGE, live(Err(reason)), Decision::SignIn);
            check(script, live(Err(reason)), Decision::Unauthorized);
            check(own, live(Err(reason)), Decision::Unauthorized);
            check(foreign, live(Err(reason)), Decision::Unauthorized);
        }
    }

    #[test]
    fn only_a_cross_site_page_without_a_cookie_is_asked_again() {
        let linked = RequestFacts { cross_site: true, ..PAGE };
        check(linked, live(Err(NoSession::NoCookie)), Decision::Bounce);
        check(linked, live(Err(NoSession::OldEpoch)), Decision::SignIn);
        check(linked, live(Ok(session())), Decision::Sprite(session()));
        let script = RequestFacts { navigation: false, ..linked };
        check(script, live(Err(NoSession::NoCookie)), Decision::Unauthorized);
    }

    #[test]
    fn a_workspace_that_is_not_live_gives_its_own_answer() {
        let in_state = |state| Workspace { state, ..live(Ok(session())) };
        check(PAGE, in_state(RouteState::Preparing), Decision::Refuse(Refusal::Preparing));
        check(PAGE, in_state(RouteState::Suspended), Decision::Refuse(Refusal::Suspended));
        let locked = Workspace { locked: true, ..live(Ok(session())) };
        check(PAGE, locked, Decision::Refuse(Refusal::WorkspaceLocked));
        let info = RequestFacts { path: "/auth/session", ..PAGE };
        let says = |session, status| Decision::SessionInfo { session, status };
        check(info, live(Ok(session())), says(Some(session()), WorkspaceStatus::Live));
        check(info, live(Err(NoSession::Locked)), says(None, WorkspaceStatus::Live));
        check(info, locked, says(None, WorkspaceStatus::Locked));
        check(info, in_state(RouteState::Suspended), says(None, WorkspaceStatus::Suspended));
        check(info, in_state(RouteState::Preparing), says(None, WorkspaceStatus::Preparing));
        let ada = Host::Workspace(Username::parse("ada").unwrap());
        assert_eq!(decide(ada, &info, None), says(None, WorkspaceStatus::Gone));
    }

    #[test]
    fn signing_in_never_reaches_the_sprite() {
        for path in ["/auth", "/auth/login", "/auth/anything"] {
            check(RequestFacts { path, ..PAGE }, live(Ok(session())), Decision::Site);
        }
        let near = RequestFacts { path: "/authority", ..PAGE };
        check(near, live(Ok(session())), Decision::Sprite(session()));
    }

    #[test]
    fn whether_a_machine_is_awake_is_told_to_a_session_only() {
        let info = RequestFacts { path: MACHINE_PATH, ..PAGE };
        check(info, live(Ok(session())), Decision::MachineInfo);
        check(info, live(Err(NoSession::NoCookie)), Decision::Unauthorized);
        let paused = Workspace { state: RouteState::Suspended, ..live(Ok(session())) };
        check(info, paused, Decision::Refuse(Refusal::Suspended));
    }

    #[test]
    fn telegram_needs_its_secret_and_reaches_one_path() {
        let call = RequestFacts { method: "POST", path: TELEGRAM_PATH, navigation: false, ..PAGE };
        let known = Workspace { is_telegram: true, ..live(Err(NoSession::NoCookie)) };
        check(call, known, Decision::Telegram);
        check(call, live(Err(NoSession::NoCookie)), Decision::Unauthorized);
        check(call, live(Ok(session())), Decision::Unauthorized);
        check(RequestFacts { method: "GET", ..call }, known, Decision::Unauthorized);
        check(RequestFacts { websocket: true, ..call }, known, Decision::Unauthorized);
        check(RequestFacts { path: "/ws", ..call }, known, Decision::Unauthorized);
        check(RequestFacts { path: "/hooks/telegram/", ..call }, known, Decision::Unauthorized);
        let paused = Workspace { state: RouteState::Suspended, ..known };
        check(call, paused, Decision::Refuse(Refusal::Suspended));
        check(
            call,
            Workspace { locked: true, ..known },
            Decision::Refuse(Refusal::WorkspaceLocked),
        );
    }

    #[test]
    fn cookies_are_cleared_for_a_page_of_the_same_host_only() {
        let clear = RequestFacts { method: "POST", path: CLEAR_COOKIES_PATH, ..PAGE };
        let own = RequestFacts { same_origin: true, ..clear };
        check(own, live(Err(NoSession::NoCookie)), Decision::ClearCookies);
        assert_eq!(decide(Host::Site, &own, None), Decision::ClearCookies);
        check(clear, live(Ok(session())), Decision::Site);
        check(RequestFacts { method: "GET", ..own }, live(Ok(session())), Decision::Site);
    }

    #[test]
    fn only_who_left_is_made_to_forget_whatever_became_of_the_workspace() {
        let left = RequestFacts { path: "/auth/deleted", ..PAGE };
        let depart = |forgets| Decision::Depart { departure: Departure::Deleted, forgets };
        check(left, live(Err(NoSession::Locked)), depart(true));
        check(left, live(Ok(session())), depart(false));
        check(
            RequestFacts { cross_site: true, ..left },
            live(Err(NoSession::NoCookie)),
            depart(false),
        );
        check(
            RequestFacts { cross_site: true, sent_on: true, ..left },
            live(Err(NoSession::NoCookie)),
            depart(true),
        );
        let ada = Host::Workspace(Username::parse("ada").unwrap());
        assert_eq!(decide(ada, &left, None), depart(true));
        assert_eq!(decide(Host::Site, &left, None), Decision::Site);
        let script = RequestFacts { navigation: false, ..left };
        check(script, live(Err(NoSession::Locked)), Decision::Site);
    }

    #[test]
    fn service_workers_are_refused_outside_the_gateways_own_pages() {
        let worker = RequestFacts { service_worker: true, navigation: false, ..PAGE };
        let refused = Decision::Refuse(Refusal::ServiceWorker);
        check(worker, live(Ok(session())), refused);
        check(RequestFacts { path: "/auth/sw.js", ..worker }, live(Ok(session())), refused);
        let gateway = RequestFacts { path: "/openclaw/sw.js", ..worker };
        check(gateway, live(Ok(session())), Decision::Sprite(session()));
    }
}
