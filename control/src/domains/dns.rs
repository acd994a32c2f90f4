//! Asks DNS whether a domain leads to a host of ours by CNAME (RFC 1035).
//!
//! A client of its own, and a small one: the system's resolver tells addresses only, which say
//! nothing about whose workspace is meant. What answers is believed to be wrong, cut off or
//! hostile: every offset is checked, and nothing is read twice.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use shared::Domain;
use tokio::net::UdpSocket;
use tokio::time::timeout;

use crate::model::domain::DnsLook;

/// One question; a resolver that has to ask others takes a second or two.
const ANSWER_WAIT: Duration = Duration::from_secs(3);

const TRIES: usize = 2;

/// A name that leads to a name that leads to ours: a DNS host may put one of its own between.
const HOPS_MAX: usize = 4;

/// Without EDNS no answer over UDP is longer.
const ANSWER_MAX_BYTES: usize = 512;

const CNAME: u16 = 5;
const INTERNET: u16 = 1;
const NO_SUCH_NAME: u8 = 3;

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
                Ok(Answer::LeadsTo(next)) => name = next,
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
            Ok(Ok(answer)) => return answer,
            Ok(Err(error)) => last = format!("the name server cannot be asked: {error}"),
            Err(_late) => last = "the name server does not answer".to_owned(),
        }
    }
    Err(last)
}

/// By a port and a number that nobody can guess: what answers without them is passed over.
async fn ask_once(server: SocketAddr, name: &str) -> std::io::Result<Result<Answer, String>> {
    let from: SocketAddr = match server {
        SocketAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
        SocketAddr::V6(_) => ([0_u16; 8], 0).into(),
    };
    let socket = UdpSocket::bind(from).await?;
    socket.connect(server).await?;
    let mut id = [0; 2];
    getrandom::fill(&mut id).map_err(std::io::Error::other)?;
    let question = question(id, name);
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
    match head[3] & 0x0f {
        0 => {}
        NO_SUCH_NAME => return Some(Ok(Answer::NoName)),
        code => return Some(Err(format!("the name server cannot answer (code {code})"))),
    }
    let records = u16::from_be_bytes([head[6], head[7]]);
    let mut at = question.len();
    for _ in 0..records {
        let Some((owner, record)) = name_at(message, at) else { break };
        let Some(fixed) = message.get(record..record + 10) else { break };
        let kind = u16::from_be_bytes([fixed[0], fixed[1]]);
        let length = usize::from(u16::from_be_bytes([fixed[8], fixed[9]]));
        if kind == CNAME && owner == name {
            let target = name_at(message, record + 10).map(|(target, _)| target);
            let target = target.filter(|target| Domain::parse(target).is_ok());
            return Some(
                target
                    .map(Answer::LeadsTo)
                    .ok_or_else(|| "the name server's answer cannot be read".to_owned()),
            );
        }
        at = record + 10 + length;
    }
    Some(Ok(Answer::NoRecord))
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
                name.push_str(&std::str::from_utf8(label).ok()?.to_ascii_lowercase());
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
                    None => answer[3] = NO_SUCH_NAME,
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

    #[test]
    fn an_answer_that_is_cut_off_or_spoiled_is_read_without_harm() {
        let asked = question([1, 2], "chat.example.org");
        let mut answer = asked.clone();
        answer[2] |= 0x80;
        answer[7] = 2;
        answer.extend([0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 60, 0, 2, 0xc0, 17]);
        let name = "chat.example.org";
        let whole = read(&answer, &asked, name);
        assert_eq!(whole, Some(Ok(Answer::LeadsTo("example.org".to_owned()))));
        for end in 0..answer.len() {
            let _ = read(&answer[..end], &asked, name);
            for byte in 0..=u8::MAX {
                let mut spoiled = answer.clone();
                spoiled[end] = byte;
                let _ = read(&spoiled, &asked, name);
            }
        }
        // A name that leads back to itself has no end.
        let last = answer.len() - 1;
        answer[last] = u8::try_from(last - 1).unwrap();
        assert!(matches!(read(&answer, &asked, name), Some(Err(_))));
    }
}
