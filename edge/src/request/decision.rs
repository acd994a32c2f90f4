//! What becomes of a request. Pure: what it asks and what we know go in, the
//! [`Decision`] comes out; `front_door.rs` carries it out.

use shared::session::{Session, SessionError};
use shared::{Host, RouteState};

/// What a request asks, as far as the decision goes.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub websocket: bool,
    /// A browser is loading a page (`Sec-Fetch-Mode: navigate`, or a GET that accepts HTML).
    pub navigation: bool,
    /// `Sec-Fetch-Site: cross-site`: a link on a foreign page, where strict cookies stay at home.
    pub cross_site: bool,
    /// `Service-Worker: script`.
    pub service_worker: bool,
    /// `Origin`, and whether it is the workspace's own.
    pub own_origin: Option<bool>,
}

/// What is known of the workspace a request is for.
#[derive(Debug, Clone, Copy)]
pub struct Workspace {
    pub state: RouteState,
    pub locked: bool,
    pub session: Result<Session, NoSession>,
}

/// Why a request has no session. Counted by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoSession {
    NoCookie,
    Token(SessionError),
    /// Issued before the workspace's sessions were all ended.
    OldEpoch,
    /// Signed out.
    Locked,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Control answers: the site itself, and signing in on every host.
    Site,
    /// The sprite answers.
    Sprite(Session),
    /// The sprite's WebSocket.
    Tunnel(Session),
    /// `GET /auth/session`: said here, where it is known even while control is away.
    SessionInfo {
        session: Option<Session>,
        standing: Standing,
    },
    /// A page that asks again from the same site, so that the strict cookie comes along.
    Bounce,
    SignIn,
    Unauthorized,
    Refuse(Refused),
}

/// How a workspace stands, as its chat page is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Live,
    Preparing,
    Suspended,
    Locked,
    /// There is no such workspace.
    Gone,
}

impl Standing {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Preparing => "preparing",
            Self::Suspended => "suspended",
            Self::Locked => "locked",
            Self::Gone => "gone",
        }
    }
}

/// Answers of the edge's own that keep a request from everyone behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refused {
    UnknownHost,
    UnknownWorkspace,
    Preparing,
    Suspended,
    WorkspaceLocked,
    /// Taken away while the request was on its way.
    AccessEnded,
    ForeignOrigin,
    ServiceWorker,
    TooManyRequests,
    TooManyConnections,
    TooManySockets,
    BodyTooLarge,
    SpriteUnreachable,
    SpriteTimeout,
    SpriteRefusedUpgrade,
    SiteUnreachable,
    NotReady,
}

const SESSION_PATH: &str = "/auth/session";

/// Decides for a request to `host`; `workspace` is what the table says of the
/// workspace it names, `None` when there is none.
pub fn decide(host: Host, question: &Question<'_>, workspace: Option<&Workspace>) -> Decision {
    match host {
        Host::Unknown => Decision::Refuse(Refused::UnknownHost),
        Host::Site => Decision::Site,
        Host::Workspace(_) => match workspace {
            None if question.path == SESSION_PATH => {
                Decision::SessionInfo { session: None, standing: Standing::Gone }
            }
            None => Decision::Refuse(Refused::UnknownWorkspace),
            Some(workspace) => decide_workspace(question, workspace),
        },
    }
}

fn decide_workspace(question: &Question<'_>, workspace: &Workspace) -> Decision {
    // A worker script served by the VM could read what is typed on this host later.
    if question.service_worker && !question.path.starts_with("/openclaw/") {
        return Decision::Refuse(Refused::ServiceWorker);
    }
    if question.path == SESSION_PATH {
        let standing = match workspace.state {
            _ if workspace.locked => Standing::Locked,
            RouteState::Preparing => Standing::Preparing,
            RouteState::Suspended => Standing::Suspended,
            RouteState::Live => Standing::Live,
        };
        let session = workspace.session.ok().filter(|_| standing == Standing::Live);
        return Decision::SessionInfo { session, standing };
    }
    if question.path == "/auth" || question.path.starts_with("/auth/") {
        return Decision::Site;
    }
    match workspace.state {
        _ if workspace.locked => return Decision::Refuse(Refused::WorkspaceLocked),
        RouteState::Preparing => return Decision::Refuse(Refused::Preparing),
        RouteState::Suspended => return Decision::Refuse(Refused::Suspended),
        RouteState::Live => {}
    }
    match workspace.session {
        Ok(_) if question.websocket && question.own_origin != Some(true) => {
            Decision::Refuse(Refused::ForeignOrigin)
        }
        Ok(session) if question.websocket => Decision::Tunnel(session),
        Ok(session) => Decision::Sprite(session),
        Err(reason) => without_session(question, reason),
    }
}

fn without_session(question: &Question<'_>, reason: NoSession) -> Decision {
    if question.websocket || !question.navigation {
        Decision::Unauthorized
    } else if question.cross_site && reason == NoSession::NoCookie {
        Decision::Bounce
    } else {
        Decision::SignIn
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::{SessionId, Username};

    fn session() -> Session {
        let username = Username::parse("ada").unwrap();
        let id = SessionId::parse(&"0".repeat(32)).unwrap();
        Session { username, id, issued: 0, expires: 9, epoch: 0 }
    }

    const PAGE: Question<'static> = Question {
        method: "GET",
        path: "/",
        websocket: false,
        navigation: true,
        cross_site: false,
        service_worker: false,
        own_origin: None,
    };

    fn live(session: Result<Session, NoSession>) -> Workspace {
        Workspace { state: RouteState::Live, locked: false, session }
    }

    fn check(question: Question<'_>, workspace: Workspace, expected: Decision) {
        let host = Host::Workspace(Username::parse("ada").unwrap());
        assert_eq!(decide(host, &question, Some(&workspace)), expected, "{question:?}");
    }

    #[test]
    fn hosts_that_are_not_ours_reach_nobody() {
        let unknown = Decision::Refuse(Refused::UnknownHost);
        assert_eq!(decide(Host::Unknown, &PAGE, None), unknown);
        assert_eq!(decide(Host::Site, &PAGE, None), Decision::Site);
        let ada = Host::Workspace(Username::parse("ada").unwrap());
        assert_eq!(decide(ada, &PAGE, None), Decision::Refuse(Refused::UnknownWorkspace));
    }

    #[test]
    fn a_session_opens_the_sprite_and_nothing_else_does() {
        let socket = Question { websocket: true, navigation: false, ..PAGE };
        let own = Question { own_origin: Some(true), ..socket };
        let foreign = Question { own_origin: Some(false), ..socket };
        check(PAGE, live(Ok(session())), Decision::Sprite(session()));
        check(own, live(Ok(session())), Decision::Tunnel(session()));
        check(foreign, live(Ok(session())), Decision::Refuse(Refused::ForeignOrigin));
        check(socket, live(Ok(session())), Decision::Refuse(Refused::ForeignOrigin));
        for reason in [
            NoSession::NoCookie,
            NoSession::OldEpoch,
            NoSession::Locked,
            NoSession::Token(SessionError::Forged),
        ] {
            let script = Question { navigation: false, ..PAGE };
            check(PAGE, live(Err(reason)), Decision::SignIn);
            check(script, live(Err(reason)), Decision::Unauthorized);
            check(own, live(Err(reason)), Decision::Unauthorized);
            check(foreign, live(Err(reason)), Decision::Unauthorized);
        }
    }

    #[test]
    fn only_a_cross_site_page_without_a_cookie_is_asked_again() {
        let linked = Question { cross_site: true, ..PAGE };
        check(linked, live(Err(NoSession::NoCookie)), Decision::Bounce);
        check(linked, live(Err(NoSession::OldEpoch)), Decision::SignIn);
        check(linked, live(Ok(session())), Decision::Sprite(session()));
        let script = Question { navigation: false, ..linked };
        check(script, live(Err(NoSession::NoCookie)), Decision::Unauthorized);
    }

    #[test]
    fn a_workspace_that_is_not_live_gives_its_own_answer() {
        let in_state = |state| Workspace { state, ..live(Ok(session())) };
        check(PAGE, in_state(RouteState::Preparing), Decision::Refuse(Refused::Preparing));
        check(PAGE, in_state(RouteState::Suspended), Decision::Refuse(Refused::Suspended));
        let locked = Workspace { locked: true, ..live(Ok(session())) };
        check(PAGE, locked, Decision::Refuse(Refused::WorkspaceLocked));
        let info = Question { path: "/auth/session", ..PAGE };
        let says = |session, standing| Decision::SessionInfo { session, standing };
        check(info, live(Ok(session())), says(Some(session()), Standing::Live));
        check(info, live(Err(NoSession::Locked)), says(None, Standing::Live));
        check(info, locked, says(None, Standing::Locked));
        check(info, in_state(RouteState::Suspended), says(None, Standing::Suspended));
        check(info, in_state(RouteState::Preparing), says(None, Standing::Preparing));
        let ada = Host::Workspace(Username::parse("ada").unwrap());
        assert_eq!(decide(ada, &info, None), says(None, Standing::Gone));
    }

    #[test]
    fn signing_in_never_reaches_the_sprite() {
        for path in ["/auth", "/auth/login", "/auth/anything"] {
            check(Question { path, ..PAGE }, live(Ok(session())), Decision::Site);
        }
        let near = Question { path: "/authority", ..PAGE };
        check(near, live(Ok(session())), Decision::Sprite(session()));
    }

    #[test]
    fn service_workers_are_refused_outside_the_gateways_own_pages() {
        let worker = Question { service_worker: true, navigation: false, ..PAGE };
        let refused = Decision::Refuse(Refused::ServiceWorker);
        check(worker, live(Ok(session())), refused);
        check(Question { path: "/auth/sw.js", ..worker }, live(Ok(session())), refused);
        let gateway = Question { path: "/openclaw/sw.js", ..worker };
        check(gateway, live(Ok(session())), Decision::Sprite(session()));
    }
}
