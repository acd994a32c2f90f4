use super::*;
use std::pin::pin;
use std::sync::atomic::AtomicBool;

fn name(text: &str) -> Username {
    Username::parse(text).unwrap()
}

fn session(digit: char) -> SessionId {
    SessionId::parse(&String::from(digit).repeat(32)).unwrap()
}

fn access(digit: char, session_epoch: u64) -> Access {
    super::access(session(digit), session_epoch)
}

fn enter(
    registry: &Arc<ConnectionRegistry>,
    user: &str,
    digit: char,
    epoch: u64,
    kind: Kind,
) -> Entry {
    registry
        .enter(registry.revocation_epoch(&name(user)), access(digit, epoch), kind)
        .expect("nothing was revoked")
}

fn is_revoked(entry: &Entry) -> bool {
    pin!(entry.revoked()).poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

/// Cuts `scope` of ada's; `expected` are the digits of the sessions that end.
fn check(scope: Scope, expected: &str) {
    let registry = Arc::new(ConnectionRegistry::default());
    let entries = [
        ('1', enter(&registry, "ada", '1', 1, Kind::Socket)),
        ('2', enter(&registry, "ada", '2', 2, Kind::Request)),
        ('3', enter(&registry, "ada", '3', 3, Kind::Socket)),
        ('4', enter(&registry, "grace", '1', 1, Kind::Socket)),
    ];
    let count = registry.revoke(&name("ada"), scope);
    let ended: String =
        entries.iter().filter(|(_, entry)| is_revoked(entry)).map(|(digit, _)| *digit).collect();
    assert_eq!(ended, expected, "{scope:?}");
    assert_eq!(count.sockets + count.requests, expected.len() as u64, "{scope:?}");
    assert_eq!(registry.revoke(&name("ada"), scope), RevokedCount::default(), "counted once");
}

#[test]
fn a_revocation_ends_what_it_means_and_nothing_else() {
    check(Scope::Workspace, "123");
    check(Scope::Session(session('2')), "2");
    check(Scope::Session(session('9')), "");
    check(Scope::EpochsBelow(3), "12");
    check(Scope::EpochsBelow(0), "");
}

#[test]
fn a_key_that_leaves_the_ring_takes_its_sessions_along() {
    let registry = Arc::new(ConnectionRegistry::default());
    let old = enter(&registry, "ada", '1', 1, Kind::Socket);
    let key = KeyId::parse("k2").unwrap();
    let at = registry.revocation_epoch(&name("ada"));
    let new =
        registry.enter(at, Access { key: key.clone(), ..access('2', 1) }, Kind::Request).unwrap();
    let count = registry.revoke_keys(|known| *known == key);
    assert_eq!((count.sockets, count.requests), (1, 0));
    assert!(is_revoked(&old) && !is_revoked(&new));
}

#[tokio::test]
async fn access_ends_with_its_session() {
    let registry = Arc::new(ConnectionRegistry::default());
    let at = registry.revocation_epoch(&name("ada"));
    let expires = unix_seconds() + 1;
    let entry = registry.enter(at, Access { expires, ..access('1', 1) }, Kind::Socket).unwrap();
    let alarm = Alarm::default();
    let mut ended = Box::pin(entry.ended(&alarm));
    let ended = alarm.over(ended.as_mut());
    tokio::time::timeout(Duration::from_secs(30), ended).await.expect("it is over");
    assert!(unix_seconds() >= expires);
}

#[test]
fn an_epoch_from_before_a_revocation_is_over() {
    let registry = Arc::new(ConnectionRegistry::default());
    let epoch = registry.revocation_epoch(&name("ada"));
    registry.revoke(&name("ada"), Scope::Session(session('9')));
    assert!(registry.enter(epoch, access('1', 1), Kind::Request).is_none());
    assert!(
        registry
            .enter(registry.revocation_epoch(&name("ada")), access('1', 1), Kind::Request)
            .is_some(),
        "a new epoch is good"
    );
}

#[test]
fn whoever_leaves_is_no_longer_counted() {
    let registry = Arc::new(ConnectionRegistry::default());
    let socket = enter(&registry, "ada", '1', 1, Kind::Socket);
    let request = enter(&registry, "grace", '1', 1, Kind::Request);
    assert_eq!((registry.sockets(), registry.requests()), (1, 1));
    drop(socket);
    assert_eq!((registry.sockets(), registry.requests()), (0, 1));
    drop(request);
    assert_eq!((registry.sockets(), registry.requests()), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waiting_task_is_woken_by_the_revocation() {
    let registry = Arc::new(ConnectionRegistry::default());
    let entries: Vec<_> =
        (0..1_000).map(|_| enter(&registry, "ada", '1', 1, Kind::Socket)).collect();
    let tasks: Vec<_> = entries
        .into_iter()
        .map(|entry| tokio::spawn(async move { entry.ended(&Alarm::default()).await }))
        .collect();
    tokio::task::yield_now().await;
    assert_eq!(registry.revoke(&name("ada"), Scope::Workspace).sockets, 1_000);
    for task in tasks {
        tokio::time::timeout(Duration::from_secs(10), task).await.expect("woken").unwrap();
    }
    assert_eq!(registry.sockets(), 0);
}

/// The race that epochs are for: many enter while the workspace is closed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_stays_that_was_decided_before_a_revocation() {
    for _ in 0..200 {
        let registry = Arc::new(ConnectionRegistry::default());
        let is_open = Arc::new(AtomicBool::new(true));
        let client = {
            let (registry, is_open) = (Arc::clone(&registry), Arc::clone(&is_open));
            std::thread::spawn(move || {
                let mut inside = Vec::new();
                loop {
                    let epoch = registry.revocation_epoch(&name("ada"));
                    if !is_open.load(Ordering::Acquire) {
                        return inside;
                    }
                    inside.extend(registry.enter(epoch, access('1', 1), Kind::Request));
                }
            })
        };
        is_open.store(false, Ordering::Release);
        let count = registry.revoke(&name("ada"), Scope::Workspace);
        let inside = client.join().unwrap();
        assert_eq!(inside.len() as u64, count.requests);
        assert!(inside.iter().all(is_revoked));
    }
}
