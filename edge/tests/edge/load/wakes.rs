//! Many machines wake, each in its own time and its own way.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use super::LIMITS;
use crate::harness::{TestEdge, put, read_head};
use crate::waking::{Asleep, Machine, SOCKET};

/// How they are asleep, one request after the other.
const WAYS: [&[Asleep]; 6] = [
    &[Asleep::Late],
    &[Asleep::BadGateway, Asleep::Late, Asleep::Unavailable],
    &[Asleep::Reset, Asleep::Closed, Asleep::BadGateway],
    &[Asleep::Hangs, Asleep::Unavailable, Asleep::Reset],
    &[Asleep::Closed, Asleep::Hangs, Asleep::Late],
    &[Asleep::Unavailable],
];

/// What became of the requests to machines that slept.
#[derive(Debug, Default)]
struct Woken {
    reads: usize,
    sockets: usize,
    posts: usize,
    failed: Vec<String>,
    /// Requests that a machine was sent twice, and machines with two probers.
    twice: usize,
    probed_twice: usize,
    longest: Duration,
}

impl Woken {
    fn add(&mut self, other: Self) {
        self.reads += other.reads;
        self.sockets += other.sockets;
        self.posts += other.posts;
        self.failed.extend(other.failed);
        self.twice += other.twice;
        self.probed_twice += other.probed_twice;
        self.longest = self.longest.max(other.longest);
    }
}

/// `count` machines, `at_once` at a time, that need from a tenth of a second to `longest`.
fn wake(count: usize, at_once: usize, longest: Duration) -> Woken {
    let edge = TestEdge::with(&format!("{LIMITS}connections_per_address = 10000\n"), "");
    let mut all = Woken::default();
    for first in (0..count).step_by(at_once) {
        let round: Vec<_> = (first..count.min(first + at_once))
            .map(|number| {
                let (machine, address) = Machine::start(WAYS[number % WAYS.len()]);
                (number, machine, put(&format!("m{number}"), address))
            })
            .collect();
        let changes: Vec<_> = round.iter().map(|(_, _, put)| put).collect();
        edge.change(&serde_json::json!(changes));
        let of_round = thread::scope(|scope| {
            let machines: Vec<_> = round
                .iter()
                .map(|(number, machine, _)| {
                    let edge = &edge;
                    scope.spawn(move || one(edge, *number, machine, delay(*number, longest)))
                })
                .collect();
            machines.into_iter().map(|machine| machine.join().unwrap()).collect::<Vec<_>>()
        });
        of_round.into_iter().for_each(|woken| all.add(woken));
    }
    all
}

/// Spread over all that it may take.
fn delay(number: usize, longest: Duration) -> Duration {
    const SHORTEST: Duration = Duration::from_millis(100);
    SHORTEST + (longest - SHORTEST).mul_f64((number * 37 % 101) as f64 / 100.0)
}

fn one(edge: &TestEdge, number: usize, machine: &Machine, delay: Duration) -> Woken {
    let name = format!("m{number}");
    let request = |start: &str, lines: &str, body: &str| {
        let mut tcp = edge.connect();
        let cookie = edge.cookie(&name, "k1", 3_600);
        let host = format!("Host: {name}.arca.test\r\nOrigin: http://{name}.arca.test\r\n");
        write!(tcp, "{start} HTTP/1.1\r\n{host}{cookie}{lines}\r\n{body}").unwrap();
        tcp
    };
    let began = Instant::now();
    let mut reads: Vec<_> = (0..3).map(|n| request(&format!("GET /{n}"), "", "")).collect();
    let mut socket = request("GET /ws", SOCKET, "");
    let mut post = request("POST /", "Content-Length: 5\r\n", "hello");
    thread::sleep(delay);
    machine.wake();
    let mut woken = Woken::default();
    let mut check = |tcp: &mut TcpStream, status: &str, what: &str| {
        let head = read_head(tcp);
        let is_good = head.starts_with(&format!("HTTP/1.1 {status}"));
        if !is_good {
            let line = head.lines().next().unwrap_or_default();
            woken.failed.push(format!("{what} of {name}, {delay:?}: {line:?}"));
        }
        usize::from(is_good)
    };
    let good = reads.iter_mut().map(|read| check(read, "200", "GET")).sum();
    let opened = check(&mut socket, "101", "socket");
    let posted = check(&mut post, "200", "POST");
    // Should it come twice, then now.
    let _ = post.set_read_timeout(Some(Duration::from_millis(20)));
    let _ = post.read(&mut [0; 64]);
    woken.reads = good;
    woken.sockets = opened;
    woken.posts = posted;
    woken.twice = machine.posts.load(Ordering::SeqCst).saturating_sub(1);
    woken.probed_twice = usize::from(machine.probed_twice.load(Ordering::SeqCst));
    woken.longest = began.elapsed().saturating_sub(delay);
    woken
}

fn assert_good(woken: &Woken) {
    assert!(woken.failed.is_empty(), "{woken:#?}");
    assert_eq!((woken.twice, woken.probed_twice), (0, 0), "{woken:#?}");
}

#[test]
fn machines_that_wake_each_in_its_own_way_lose_no_request() {
    assert_good(&wake(24, 24, Duration::from_secs(1)));
}

#[test]
#[ignore = "minutes: make test-edge-load"]
fn a_thousand_wakes() {
    let woken = wake(1_000, 125, Duration::from_secs(12));
    eprintln!("1000 wakes: {woken:?}");
    assert_good(&woken);
}
