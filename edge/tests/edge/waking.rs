//! Sprites that sleep: late, refusing, resetting, answered for by their platform.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use socket2::SockRef;

use crate::harness::{
    DEADLINE, TestEdge, free_address, read_head, read_to_end, sprite, upgrade, wait_until,
};

/// How often a machine that is late looks whether it is still waited for.
const LOOK: std::time::Duration = std::time::Duration::from_millis(10);

const PAGE: &str = "Accept: text/html\r\nSec-Fetch-Mode: navigate\r\n";

/// What becomes of a connection to a machine that sleeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asleep {
    BadGateway,
    Unavailable,
    Reset,
    Closed,
    /// Answered once it is awake.
    Late,
    /// Never answered, not even then.
    Hangs,
}

/// A machine, and what was asked of it.
#[derive(Default)]
pub(crate) struct Machine {
    is_awake: Mutex<bool>,
    woken: Condvar,
    probes: AtomicUsize,
    probes_now: AtomicUsize,
    pub(crate) probed_twice: AtomicBool,
    /// Heads of requests that it has answered itself.
    answered: Mutex<Vec<String>>,
    /// Requests and probes, answered or not.
    seen: AtomicUsize,
    /// Requests that may not be sent twice, answered or not.
    pub(crate) posts: AtomicUsize,
}

impl Machine {
    pub(crate) fn start(how: &'static [Asleep]) -> (Arc<Self>, SocketAddr) {
        let machine = Arc::new(Self::default());
        let (inner, count) = (Arc::clone(&machine), AtomicUsize::new(0));
        let address = sprite(move |tcp, head| {
            let how = how[count.fetch_add(1, Ordering::Relaxed) % how.len()];
            inner.serve(tcp, &head, how);
        });
        (machine, address)
    }

    pub(crate) fn wake(&self) {
        *self.is_awake.lock().unwrap() = true;
        self.woken.notify_all();
    }

    fn answered(&self, start: &str) -> usize {
        self.answered.lock().unwrap().iter().filter(|head| head.starts_with(start)).count()
    }

    fn serve(&self, mut tcp: TcpStream, head: &str, how: Asleep) {
        let is_probe = head.starts_with("OPTIONS /pflaster/health ");
        if is_probe {
            self.probes.fetch_add(1, Ordering::SeqCst);
            let before = self.probes_now.fetch_add(1, Ordering::SeqCst);
            self.probed_twice.fetch_or(before > 0, Ordering::SeqCst);
        }
        self.seen.fetch_add(1, Ordering::SeqCst);
        self.posts.fetch_add(usize::from(head.starts_with("POST ")), Ordering::SeqCst);
        self.answer(&mut tcp, head, how);
        if is_probe {
            self.probes_now.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// `false` when the other side has gone before the machine woke.
    fn wait_with(&self, tcp: &TcpStream) -> bool {
        let mut is_awake = self.is_awake.lock().unwrap();
        while !*is_awake {
            (is_awake, _) = self.woken.wait_timeout(is_awake, LOOK).unwrap();
            tcp.set_nonblocking(true).unwrap();
            let has_gone = matches!(tcp.peek(&mut [0]), Ok(0));
            tcp.set_nonblocking(false).unwrap();
            if has_gone {
                return false;
            }
        }
        true
    }

    fn answer(&self, tcp: &mut TcpStream, head: &str, how: Asleep) {
        let platform = |status: &str| {
            format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 4\r\n\r\nzzzz")
        };
        if !*self.is_awake.lock().unwrap() {
            match how {
                Asleep::BadGateway => {
                    let _ = tcp.write_all(platform("502 Bad Gateway").as_bytes());
                    return;
                }
                Asleep::Unavailable => {
                    let _ = tcp.write_all(platform("503 Service Unavailable").as_bytes());
                    return;
                }
                Asleep::Reset => {
                    let _ = SockRef::from(&*tcp).set_linger(Some(std::time::Duration::ZERO));
                    return;
                }
                Asleep::Closed => return,
                Asleep::Late => {}
                Asleep::Hangs => {
                    // Until the other side gives it up.
                    let _ = tcp.read(&mut [0]);
                    return;
                }
            }
            if !self.wait_with(tcp) {
                return;
            }
        }
        self.answered.lock().unwrap().push(head.to_owned());
        if head.starts_with("POST ") {
            // What is unread at the end would reset the connection, and with it the answer.
            let _ = tcp.read_exact(&mut [0; 5]);
        }
        if head.starts_with("GET /ws ") {
            return upgrade(tcp);
        }
        let status = if head.starts_with("OPTIONS") { "405 No" } else { "200 OK" };
        let _ =
            write!(tcp, "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 5\r\n\r\nawake");
    }
}

fn request(edge: &TestEdge, start: &str, lines: &str, body: &str) -> TcpStream {
    let mut tcp = edge.connect();
    let cookie = edge.cookie("ada", "k1", 3_600);
    let host = "Host: ada.arca.test\r\nOrigin: http://ada.arca.test\r\n";
    write!(tcp, "{start} HTTP/1.1\r\n{host}{cookie}{lines}\r\n{body}").unwrap();
    tcp
}

fn held(edge: &TestEdge, count: usize) {
    wait_until("all of them wait", || {
        (edge.metric("arca_edge_requests_held") == Some(count as f64)).then_some(())
    });
}

pub(crate) const SOCKET: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// To a probe: whatever it says, it is there.
const NOT_ASLEEP: &[u8] = b"HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n";

#[test]
fn who_reads_waits_until_the_machine_is_awake_however_it_sleeps() {
    for how in [
        &[Asleep::BadGateway][..],
        &[Asleep::Unavailable],
        &[Asleep::Reset],
        &[Asleep::Closed],
        &[Asleep::Late],
        &[Asleep::Late, Asleep::BadGateway, Asleep::Reset, Asleep::Unavailable, Asleep::Closed],
    ] {
        let edge = TestEdge::with("", "");
        let (machine, address) = Machine::start(how);
        edge.put("ada", address);
        let mut readers: Vec<_> =
            (0..20).map(|n| request(&edge, &format!("GET /{n}"), "", "")).collect();
        let mut sockets: Vec<_> = (0..5).map(|_| request(&edge, "GET /ws", SOCKET, "")).collect();
        held(&edge, 25);
        wait_until("it is asked", || (machine.probes.load(Ordering::SeqCst) > 1).then_some(()));
        machine.wake();
        for reader in &mut readers {
            let answer = read_head(reader);
            assert!(answer.starts_with("HTTP/1.1 200"), "{how:?}: {answer}");
        }
        for socket in &mut sockets {
            let answer = read_head(socket);
            assert!(answer.starts_with("HTTP/1.1 101"), "{how:?}: {answer}");
        }
        assert!(!machine.probed_twice.load(Ordering::SeqCst), "one prober, however many wait");
        held(&edge, 0);
    }
}

#[test]
fn a_request_that_went_to_a_sleeping_machine_and_was_lost_is_sent_again() {
    let edge = TestEdge::start();
    // Of the first request nobody hears again; probes fail, until it is awake.
    let (machine, address) =
        Machine::start(&[Asleep::Hangs, Asleep::BadGateway, Asleep::BadGateway]);
    edge.put("ada", address);
    let mut reader = request(&edge, "GET /lost", "", "");
    wait_until("a probe has failed", || (machine.probes.load(Ordering::SeqCst) > 1).then_some(()));
    machine.wake();
    assert!(read_head(&mut reader).starts_with("HTTP/1.1 200"));
    assert_eq!(machine.answered("GET /lost"), 1);
}

#[test]
fn a_request_that_is_lost_in_a_sleep_of_which_no_probe_knows_is_sent_again() {
    let edge = TestEdge::start();
    let (machine, address) = Machine::start(&[Asleep::Hangs]);
    edge.put("ada", address);
    let mut reader = request(&edge, "GET /lost", "", "");
    wait_until("it was sent", || (machine.seen.load(Ordering::SeqCst) > 0).then_some(()));
    machine.wake();
    assert!(read_head(&mut reader).starts_with("HTTP/1.1 200"));
}

#[test]
fn what_changes_something_is_sent_once_when_the_machine_is_awake() {
    let edge = TestEdge::start();
    let (machine, address) = Machine::start(&[Asleep::BadGateway, Asleep::Reset]);
    edge.put("ada", address);
    let body = "Content-Length: 5\r\n";
    let mut posts: Vec<_> =
        (0..10).map(|n| request(&edge, &format!("POST /{n}"), body, "hello")).collect();
    held(&edge, 10);
    assert_eq!(machine.answered("POST"), 0);
    machine.wake();
    for post in &mut posts {
        assert!(read_head(post).starts_with("HTTP/1.1 200"));
    }
    assert_eq!(machine.answered("POST"), 10);
}

#[test]
fn who_navigates_gets_a_page_that_watches_the_machine() {
    let edge = TestEdge::start();
    let (machine, address) = Machine::start(&[Asleep::Late, Asleep::BadGateway]);
    edge.put("ada", address);
    let (page, _) =
        read_to_end(&mut request(&edge, "GET /x", &[PAGE, "Connection: close\r\n"].concat(), ""));
    let page = String::from_utf8(page).unwrap();
    assert!(page.starts_with("HTTP/1.1 503") && page.contains("text/html"), "{page}");
    assert!(page.contains("is waking up") && page.contains("script-src 'sha256-"), "{page}");
    assert!(page.contains("connect-src 'self'"), "{page}");
    let german = [PAGE, "Accept-Language: de\r\nConnection: close\r\n"].concat();
    let (page, _) = read_to_end(&mut request(&edge, "GET /x", &german, ""));
    let page = String::from_utf8(page).unwrap();
    assert!(page.contains("wacht auf") && page.contains("script-src 'sha256-"), "{page}");
    let mut stranger = edge.connect();
    stranger.write_all(b"GET /auth/waking HTTP/1.1\r\nHost: ada.arca.test\r\n\r\n").unwrap();
    assert!(read_head(&mut stranger).starts_with("HTTP/1.1 401"));
    let look = || {
        let mut tcp = request(&edge, "GET /auth/waking", "Connection: close\r\n", "");
        String::from_utf8(read_to_end(&mut tcp).0).unwrap()
    };
    assert!(look().contains(r#"{"state":"waking"}"#), "{}", look());
    machine.wake();
    wait_until("it is seen to be awake", || look().contains(r#"{"state":"awake"}"#).then_some(()));
    let mut page = request(&edge, "GET /x", PAGE, "");
    assert!(read_head(&mut page).starts_with("HTTP/1.1 200"));
}

#[test]
fn a_page_of_a_machine_that_is_awake_and_slow_is_waited_for() {
    let edge = TestEdge::start();
    let machine = Arc::new(Machine::default());
    let inner = Arc::clone(&machine);
    // Its probes are answered at once, and pages when somebody wakes the machine behind it.
    edge.put(
        "ada",
        sprite(move |mut tcp, head| {
            if head.starts_with("OPTIONS") {
                let _ = tcp.write_all(NOT_ASLEEP);
                return;
            }
            inner.answer(&mut tcp, &head, Asleep::Late);
        }),
    );
    let mut page = request(&edge, "GET /slow", PAGE, "");
    // Longer than a sleeping machine would be waited for.
    page.set_read_timeout(Some(std::time::Duration::from_millis(2_500))).unwrap();
    assert!(page.read(&mut [0]).is_err(), "nothing was said in place of the answer");
    machine.wake();
    page.set_read_timeout(Some(DEADLINE)).unwrap();
    assert!(read_head(&mut page).starts_with("HTTP/1.1 200"));
}

#[test]
fn what_was_said_of_a_machine_while_it_slept_is_not_its_own() {
    let edge = TestEdge::start();
    let (machine, asked) = (Arc::new(Machine::default()), AtomicUsize::new(0));
    let inner = Arc::clone(&machine);
    // Its platform answers for it, but after a probe has found it awake.
    edge.put(
        "ada",
        sprite(move |mut tcp, head| {
            if head.starts_with("OPTIONS") {
                let _ = tcp.write_all(NOT_ASLEEP);
            } else if asked.fetch_add(1, Ordering::SeqCst) > 0 {
                let _ = tcp.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            } else if inner.wait_with(&tcp) {
                let _ = tcp.write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
            }
        }),
    );
    let mut reader = request(&edge, "GET /", "", "");
    wait_until("a probe was answered", || {
        let (_, text) = edge.ask("GET", "/metrics", "").ok()?;
        let mut lines = text.lines().filter(|line| line.starts_with("arca_edge_probes_total"));
        lines.any(|line| line.contains("awake") && line.ends_with(" 1")).then_some(())
    });
    machine.wake();
    let answer = read_head(&mut reader);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn what_an_awake_machine_says_is_its_own() {
    let edge = TestEdge::start();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    edge.put(
        "ada",
        sprite(move |mut tcp, head| {
            let status = if head.starts_with("OPTIONS") { "405 No" } else { "503 Busy" };
            count.fetch_add(usize::from(head.starts_with("GET")), Ordering::SeqCst);
            let _ =
                write!(tcp, "HTTP/1.1 {status}\r\nRetry-After: 7\r\nContent-Length: 3\r\n\r\nown");
        }),
    );
    let answer = read_head(&mut request(&edge, "GET /", "", ""));
    assert!(
        answer.starts_with("HTTP/1.1 503 Busy") && answer.contains("Retry-After: 7"),
        "{answer}"
    );
    assert_eq!(asked.load(Ordering::SeqCst), 2, "asked again once it was known to be awake");
    read_head(&mut request(&edge, "GET /", "", ""));
    assert_eq!(asked.load(Ordering::SeqCst), 3, "which it still is");
}

#[test]
fn a_machine_for_which_only_its_platform_answers_is_given_up_too() {
    for status in ["502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout"] {
        let edge = TestEdge::with_upstream("wake_timeout_seconds = 1");
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let address = sprite(move |mut tcp, head| {
            count.fetch_add(usize::from(!head.starts_with("OPTIONS")), Ordering::SeqCst);
            let _ =
                write!(tcp, "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        });
        edge.put("ada", address);
        wait_until("it is given up", || {
            let answer = read_head(&mut request(&edge, "GET /", "", ""));
            assert!(answer.starts_with("HTTP/1.1 50"), "{answer}");
            (edge.metric("arca_edge_sprites_given_up") == Some(1.0)).then_some(())
        });
        let before = asked.load(Ordering::SeqCst);
        for (start, lines) in [("GET /", ""), ("POST /", "Content-Length: 0\r\n")] {
            for _ in 0..20 {
                let answer = read_head(&mut request(&edge, start, lines, ""));
                assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
            }
        }
        assert_eq!(asked.load(Ordering::SeqCst), before, "nobody but the prober asks it");
    }
}

#[test]
fn a_dead_machine_is_given_up_and_taken_back_when_it_answers() {
    let edge = TestEdge::with_upstream("wake_timeout_seconds = 1");
    let address = free_address();
    edge.put("ada", address);
    let opened = "arca_edge_sprites_given_up_total";
    wait_until("it is given up", || {
        let answer = read_head(&mut request(&edge, "GET /", "", ""));
        assert!(answer.starts_with("HTTP/1.1 50"), "{answer}");
        (edge.metric(opened) == Some(1.0)).then_some(())
    });
    assert_eq!(edge.metric("arca_edge_sprites_given_up"), Some(1.0));
    for (start, lines) in [("GET /", ""), ("POST /", "Content-Length: 0\r\n"), ("GET /ws", SOCKET)]
    {
        let answer = read_head(&mut request(&edge, start, lines, ""));
        assert!(
            answer.starts_with("HTTP/1.1 503") && answer.contains("retry-after: 5"),
            "{answer}"
        );
    }
    let (page, _) =
        read_to_end(&mut request(&edge, "GET /", &[PAGE, "Connection: close\r\n"].concat(), ""));
    assert!(String::from_utf8(page).unwrap().contains("does not answer"));
    // Only the prober asks, and the first answer is enough.
    let listener = TcpListener::bind(address).unwrap();
    thread::spawn(move || {
        for tcp in listener.incoming() {
            let Ok(mut tcp) = tcp else { return };
            let head = read_head(&mut tcp);
            let status = if head.starts_with("OPTIONS") { "405 No" } else { "200 OK" };
            let _ =
                write!(tcp, "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        }
    });
    wait_until("it is taken back", || {
        let answer = read_head(&mut request(&edge, "GET /", "", ""));
        answer.starts_with("HTTP/1.1 200").then_some(())
    });
    assert_eq!(edge.metric("arca_edge_sprites_recovered_total"), Some(1.0));
    assert_eq!(edge.metric("arca_edge_sprites_given_up"), Some(0.0));
}
