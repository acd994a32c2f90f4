//! Asks DNS whether a domain leads to a host of ours by CNAME (RFC 1035).
//!
//! A client of its own, and a small one: the system's resolver tells addresses only, which say
//! nothing about whose workspace is meant. What answers is believed to be wrong, cut off or
//! hostile: every offset is checked, nothing is read twice, and an answer that cannot be read to
//! its end says nothing. A domain that is served is not taken away for it.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use shared::Domain;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use crate::model::domain::DnsLook;

/// One question; a resolver that has to ask others takes a second or two.
const ANSWER_WAIT: Duration = Duration::from_secs(3);

const TRIES: usize = 2;

/// A name that leads to a name that leads to ours: a DNS host may put one of its own between.
const HOPS_MAX: usize = 4;

/// Without EDNS no answer over UDP should have more than 512. Servers send more all the same, and
/// one that is cut off here would be read as if it ended.
const ANSWER_MAX_BYTES: usize = 4096;

const CNAME: u16 = 5;
const INTERNET: u16 = 1;
const NO_SUCH_NAME: u8 = 3;

/// Flags of an answer's head (RFC 1035, 4.1.1): in its third byte, and in its fourth.
const AUTHORITATIVE: u8 = 0x04;
const CUT_OFF: u8 = 0x02;
const ASKS_OTHERS: u8 = 0x80;

const UNREADABLE: &str = "the name server's answer cannot be read";

const RESOLV_CONF: &str = "/etc/resolv.conf";

#[derive(Debug, Clone)]
pub(super) struct Dns {
    server: Option<SocketAddr>,
}

/// What one question brought.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    LeadsTo(String),
    /// The name is there, without such a record.
    NoRecord,
    NoName,
    /// The whole of it comes over TCP.
    CutOff,
}

impl Dns {
    pub(super) fn new(server: Option<SocketAddr>) -> Self {
        Self { server }
    }

    /// Does `domain` lead to `host`? In a few seconds at most.
    pub(super) async fn look(&self, domain: &Domain, host: &str) -> DnsLook {
        let Some(server) = self.server.or_else(system_server) else {
            return DnsLook::Unknown(format!("{RESOLV_CONF} names no server"));
        };
        let mut name = domain.as_str().to_owned();
        for _ in 0..HOPS_MAX {
            match ask(server, &name).await {
                Err(why) => return DnsLook::Unknown(why),
                Ok(Answer::LeadsTo(next)) if next == host => return DnsLook::Here,
                Ok(Answer::LeadsTo(next)) if Domain::parse(&next).is_ok() => name = next,
                // Such as one with an underscore: a name, and no way to a host of ours.
                Ok(Answer::LeadsTo(next)) => {
                    return DnsLook::Elsewhere(format!("{domain} CNAME {next}"));
                }
                Ok(Answer::NoName) if name == domain.as_str() => {
                    return DnsLook::Elsewhere(format!("{name}: no such name"));
                }
                Ok(Answer::NoRecord) if name == domain.as_str() => {
                    return DnsLook::Elsewhere(format!("{name}: no CNAME"));
                }
                Ok(_) => return DnsLook::Elsewhere(format!("{domain} CNAME {name}")),
            }
        }
        DnsLook::Elsewhere(format!("{domain} CNAME … {name}"))
    }
}

/// The first that the system asks.
fn system_server() -> Option<SocketAddr> {
    let text = std::fs::read_to_string(RESOLV_CONF).ok()?;
    let address = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("nameserver")?.trim().parse::<IpAddr>().ok())?;
    Some((address, 53).into())
}

async fn ask(server: SocketAddr, name: &str) -> Result<Answer, String> {
    let mut last = String::new();
    for _ in 0..TRIES {
        match timeout(ANSWER_WAIT, ask_once(server, name)).await {
            Ok(Ok(Ok(Answer::CutOff))) => return ask_for_all(server, name).await,
            Ok(Ok(answer)) => return answer,
            Ok(Err(error)) => last = format!("the name server cannot be asked: {error}"),
            Err(_late) => last = "the name server does not answer".to_owned(),
        }
    }
    Err(last)
}

/// The answer to what was cut off over UDP.
async fn ask_for_all(server: SocketAddr, name: &str) -> Result<Answer, String> {
    match timeout(ANSWER_WAIT, ask_by_tcp(server, name)).await {
        Ok(Ok(Ok(Answer::CutOff))) => Err(UNREADABLE.to_owned()),
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => Err(format!("the name server cannot be asked over TCP: {error}")),
        Err(_late) => Err("the name server does not answer over TCP".to_owned()),
    }
}

/// Each message has its length before it (RFC 1035, 4.2.2).
async fn ask_by_tcp(server: SocketAddr, name: &str) -> io::Result<Result<Answer, String>> {
    let mut stream = TcpStream::connect(server).await?;
    let question = question(random_id()?, name);
    let length = u16::try_from(question.len()).expect("a name has 253 characters at most");
    stream.write_all(&[&length.to_be_bytes()[..], &question].concat()).await?;
    let mut answer = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut answer).await?;
    Ok(read(&answer, &question, name).unwrap_or_else(|| Err(UNREADABLE.to_owned())))
}

fn random_id() -> io::Result<[u8; 2]> {
    let mut id = [0; 2];
    getrandom::fill(&mut id).map_err(io::Error::other)?;
    Ok(id)
}

/// By a port and a number that nobody can guess: what answers without them is passed over.
async fn ask_once(server: SocketAddr, name: &str) -> io::Result<Result<Answer, String>> {
    let from: SocketAddr = match server {
        SocketAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
        SocketAddr::V6(_) => ([0_u16; 8], 0).into(),
    };
    let socket = UdpSocket::bind(from).await?;
    socket.connect(server).await?;
    let question = question(random_id()?, name);
    socket.send(&question).await?;
    let mut space = [0; ANSWER_MAX_BYTES];
    loop {
        let length = socket.recv(&mut space).await?;
        if let Some(answer) = read(&space[..length], &question, name) {
            return Ok(answer);
        }
    }
}

/// One question for the CNAME of `name`, to be answered by asking others where necessary.
fn question(id: [u8; 2], name: &str) -> Vec<u8> {
    let mut message = id.to_vec();
    message.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.split('.') {
        message.push(u8::try_from(label.len()).expect("a label of a checked name"));
        message.extend(label.as_bytes());
    }
    message.push(0);
    message.extend(CNAME.to_be_bytes());
    message.extend(INTERNET.to_be_bytes());
    message
}

/// `None` for what is no answer to `question`.
fn read(message: &[u8], question: &[u8], name: &str) -> Option<Result<Answer, String>> {
    let head = message.get(..12)?;
    let is_answer = head[2] & 0x80 != 0;
    let asked = message.get(12..question.len())?;
    if !is_answer || head[..2] != question[..2] || !asked.eq_ignore_ascii_case(&question[12..]) {
        return None;
    }
    if head[2] & CUT_OFF != 0 {
        return Some(Ok(Answer::CutOff));
    }
    match head[3] & 0x0f {
        0 => {}
        NO_SUCH_NAME => return Some(Ok(Answer::NoName)),
        code => return Some(Err(format!("the name server cannot answer (code {code})"))),
    }
    let records = u16::from_be_bytes([head[6], head[7]]);
    let mut at = question.len();
    for _ in 0..records {
        let Some((target, next)) = record_at(message, at, name) else {
            return Some(Err(UNREADABLE.to_owned()));
        };
        if let Some(target) = target {
            return Some(Ok(Answer::LeadsTo(target)));
        }
        at = next;
    }
    // A server that sends us on to others does not know whether there is one.
    let is_known = head[2] & AUTHORITATIVE != 0 || head[3] & ASKS_OTHERS != 0;
    if records == 0 && !is_known {
        return Some(Err("the name server does not ask others".to_owned()));
    }
    Some(Ok(Answer::NoRecord))
}

/// Where the record that begins at `at` leads, if it is the CNAME of `name`, and where the next
/// one begins. `None` where it cannot be read.
fn record_at(message: &[u8], at: usize, name: &str) -> Option<(Option<String>, usize)> {
    let (owner, fixed_at) = name_at(message, at)?;
    let fixed = message.get(fixed_at..fixed_at + 10)?;
    let kind = u16::from_be_bytes([fixed[0], fixed[1]]);
    let length = usize::from(u16::from_be_bytes([fixed[8], fixed[9]]));
    let next = fixed_at + 10 + length;
    message.get(fixed_at + 10..next)?;
    if kind != CNAME || owner != name {
        return Some((None, next));
    }
    let (target, _) = name_at(message, fixed_at + 10)?;
    Some((Some(target), next))
}

/// The name that begins at `at`, in lower case, and where what follows it begins.
fn name_at(message: &[u8], mut at: usize) -> Option<(String, usize)> {
    let (mut name, mut end) = (String::new(), None);
    // Each label or pointer moves on; a name of 253 characters has fewer than these.
    for _ in 0..128 {
        let length = usize::from(*message.get(at)?);
        match length {
            0 => return Some((name, end.unwrap_or(at + 1))),
            1..=63 => {
                let label = message.get(at + 1..at + 1 + length)?;
                if !name.is_empty() {
                    name.push('.');
                }
                // People read it, some of them in a terminal.
                let plain = |byte: &u8| if byte.is_ascii_graphic() { *byte } else { b'?' };
                name.extend(label.iter().map(|byte| char::from(plain(byte).to_ascii_lowercase())));
                at += 1 + length;
            }
            192.. => {
                end = end.or(Some(at + 2));
                at = (length & 0x3f) << 8 | usize::from(*message.get(at + 1)?);
            }
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// A name server that knows CNAMEs, and answers each question after a stranger's word.
    async fn server(known: &[(&'static str, &'static str)]) -> Dns {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let known: HashMap<_, _> = known.iter().copied().collect();
        tokio::spawn(async move {
            let mut space = [0; 512];
            while let Ok((length, client)) = socket.recv_from(&mut space).await {
                let asked = space[..length].to_vec();
                let (name, _) = name_at(&asked, 12).unwrap();
                let mut forged = asked.clone();
                forged[0] ^= 1;
                let mut answer = asked.clone();
                answer[2] |= 0x80;
                answer[3] |= ASKS_OTHERS;
                match known.get(&*name) {
                    Some(&"") => {}
                    Some(target) => {
                        answer[7] = 1;
                        answer.extend([0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 60]);
                        let target = &question([0, 0], target)[12..];
                        let target = &target[..target.len() - 4];
                        answer.extend(u16::try_from(target.len()).unwrap().to_be_bytes());
                        answer.extend(target);
                    }
                    None => answer[3] |= NO_SUCH_NAME,
                }
                for message in [forged, answer] {
                    socket.send_to(&message, client).await.unwrap();
                }
            }
        });
        Dns::new(Some(address))
    }

    async fn check(dns: &Dns, domain: &str, expected: DnsLook) {
        let domain = Domain::parse(domain).unwrap();
        assert_eq!(dns.look(&domain, "ada.arca.test").await, expected, "{domain}");
    }

    #[tokio::test]
    async fn a_domain_is_here_when_its_names_end_at_the_host_and_else_it_is_told_what_is_there() {
        let dns = server(&[
            ("chat.example.org", "Ada.arca.test"),
            ("far.example.org", "near.example.net"),
            ("near.example.net", "ada.arca.test"),
            ("other.example.org", "eve.arca.test"),
            ("bare.example.org", ""),
            ("loop.example.org", "loop.example.org"),
        ])
        .await;
        let elsewhere = |text: &str| DnsLook::Elsewhere(text.to_owned());
        check(&dns, "chat.example.org", DnsLook::Here).await;
        check(&dns, "far.example.org", DnsLook::Here).await;
        let other = "other.example.org CNAME eve.arca.test";
        check(&dns, "other.example.org", elsewhere(other)).await;
        check(&dns, "bare.example.org", elsewhere("bare.example.org: no CNAME")).await;
        check(&dns, "none.example.org", elsewhere("none.example.org: no such name")).await;
        let endless = "loop.example.org CNAME … loop.example.org";
        check(&dns, "loop.example.org", elsewhere(endless)).await;
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_says_nothing_about_a_domain() {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        drop(socket);
        let domain = Domain::parse("chat.example.org").unwrap();
        let look = Dns::new(Some(address)).look(&domain, "ada.arca.test").await;
        assert!(matches!(look, DnsLook::Unknown(_)), "{look:?}");
    }

    const NAME: &str = "chat.example.org";

    /// An answer with `count` records, of which `records` are the bytes.
    fn answer(flags: [u8; 2], count: u8, records: &[u8]) -> Vec<u8> {
        let mut answer = question([1, 2], NAME);
        (answer[2], answer[3], answer[7]) = (0x80 | flags[0], flags[1], count);
        answer.extend(records);
        answer
    }

    fn check_read(answer: &[u8], expected: &Result<Answer, ()>) {
        let seen = read(answer, &question([1, 2], NAME), NAME).unwrap();
        assert_eq!(&seen.map_err(|_why| ()), expected, "{answer:?}");
    }

    /// A record of `NAME`, of this kind and with these data.
    fn record(kind: u16, data: &[u8]) -> Vec<u8> {
        let [high, low] = kind.to_be_bytes();
        let length = u8::try_from(data.len()).unwrap();
        [&[0xc0, 12, high, low, 0, 1, 0, 0, 0, 60, 0, length], data].concat()
    }

    #[test]
    fn only_an_answer_that_is_whole_says_that_there_is_no_record() {
        let (none, unreadable) = (Ok(Answer::NoRecord), Err(()));
        check_read(&answer([0, ASKS_OTHERS], 0, &[]), &none);
        check_read(&answer([AUTHORITATIVE, 0], 0, &[]), &none);
        // It would have to be asked of somebody else.
        check_read(&answer([0, 0], 0, &[]), &unreadable);
        check_read(&answer([CUT_OFF, ASKS_OTHERS], 1, &[0xc0]), &Ok(Answer::CutOff));
        check_read(&answer([CUT_OFF, ASKS_OTHERS], 0, &[]), &Ok(Answer::CutOff));
        let address = record(1, &[192, 0, 2, 1]);
        check_read(&answer([0, ASKS_OTHERS], 1, &address), &none);
        // More records are announced than come, and one that is longer than what is there.
        check_read(&answer([0, ASKS_OTHERS], 2, &address), &unreadable);
        check_read(&answer([0, ASKS_OTHERS], 1, &address[..14]), &unreadable);
        check_read(&answer([0, ASKS_OTHERS], 1, b"garbage"), &unreadable);
        for code in [1, 2, 4, 5] {
            check_read(&answer([0, ASKS_OTHERS | code], 0, &[]), &unreadable);
        }
    }

    #[test]
    fn a_record_behind_others_and_a_name_that_nobody_could_own_are_read() {
        let [padding, cname] = [record(1, &[192, 0, 2, 1]), record(CNAME, &[0xc0, 17])];
        let both = [padding, cname].concat();
        let leads = |target: &str| Ok(Answer::LeadsTo(target.to_owned()));
        check_read(&answer([0, ASKS_OTHERS], 2, &both), &leads("example.org"));
        let odd = record(CNAME, b"\x03A_b\x02\x1b[\0");
        check_read(&answer([0, ASKS_OTHERS], 1, &odd), &leads("a_b.?["));
    }

    #[tokio::test]
    async fn what_is_cut_off_is_asked_for_over_tcp() {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let listener = tokio::net::TcpListener::bind(address).await.unwrap();
        tokio::spawn(async move {
            let mut space = [0; 512];
            let (length, client) = socket.recv_from(&mut space).await.unwrap();
            space[2] |= 0x80 | CUT_OFF;
            socket.send_to(&space[..length], client).await.unwrap();
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = vec![0; usize::from(stream.read_u16().await.unwrap())];
            stream.read_exact(&mut asked).await.unwrap();
            let host = &question([0, 0], "ada.arca.test")[12..];
            asked[2] |= 0x80;
            asked[7] = 1;
            asked.extend(record(CNAME, &host[..host.len() - 4]));
            stream.write_u16(u16::try_from(asked.len()).unwrap()).await.unwrap();
            stream.write_all(&asked).await.unwrap();
        });
        check(&Dns::new(Some(address)), NAME, DnsLook::Here).await;
    }

    #[test]
    fn an_answer_that_is_spoiled_is_read_without_harm() {
        let asked = question([1, 2], NAME);
        let mut answer = answer([0, ASKS_OTHERS], 2, &record(CNAME, &[0xc0, 17]));
        let whole = read(&answer, &asked, NAME);
        assert_eq!(whole, Some(Ok(Answer::LeadsTo("example.org".to_owned()))));
        for end in 0..answer.len() {
            if let Some(cut) = read(&answer[..end], &asked, NAME) {
                assert!(cut.is_err(), "{end}: {cut:?}");
            }
            for byte in 0..=u8::MAX {
                let mut spoiled = answer.clone();
                spoiled[end] = byte;
                let _ = read(&spoiled, &asked, NAME);
            }
        }
        // A name that leads back to itself has no end.
        let last = answer.len() - 1;
        answer[last] = u8::try_from(last - 1).unwrap();
        assert!(matches!(read(&answer, &asked, NAME), Some(Err(_))));
    }
}
