//! A small name server that knows CNAMEs.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::net::UdpSocket;

#[derive(Clone)]
pub struct TestDns {
    pub address: SocketAddr,
    records: Arc<Mutex<BTreeMap<String, String>>>,
    is_silent: Arc<AtomicBool>,
    unanswered: Arc<AtomicU64>,
}

impl TestDns {
    pub async fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let dns = Self {
            address,
            records: Arc::default(),
            is_silent: Arc::default(),
            unanswered: Arc::default(),
        };
        let server = dns.clone();
        tokio::spawn(async move {
            let mut space = [0; 512];
            while let Ok((length, client)) = socket.recv_from(&mut space).await {
                if server.is_silent.load(Ordering::SeqCst) {
                    server.unanswered.fetch_add(1, Ordering::SeqCst);
                    continue;
                }
                let name = name_of(&space[..length]);
                let target = server.records.lock().unwrap().get(&name).cloned();
                socket.send_to(&answer(&space[..length], target), client).await.unwrap();
            }
        });
        dns
    }

    /// Questions are counted and left alone.
    pub fn be_silent(&self, is_silent: bool) {
        self.is_silent.store(is_silent, Ordering::SeqCst);
    }

    pub fn unanswered(&self) -> u64 {
        self.unanswered.load(Ordering::SeqCst)
    }

    pub fn set(&self, name: &str, target: &str) {
        self.records.lock().unwrap().insert(name.to_owned(), target.to_owned());
    }

    pub fn remove(&self, name: &str) {
        self.records.lock().unwrap().remove(name);
    }
}

fn name_of(question: &[u8]) -> String {
    let (mut labels, mut at) = (Vec::new(), 12);
    while question[at] != 0 {
        let end = at + 1 + usize::from(question[at]);
        labels.push(String::from_utf8(question[at + 1..end].to_vec()).unwrap());
        at = end;
    }
    labels.join(".")
}

fn answer(question: &[u8], target: Option<String>) -> Vec<u8> {
    let mut answer = question.to_vec();
    answer[2] |= 0x80;
    let Some(target) = target else {
        // No such name.
        answer[3] = 3;
        return answer;
    };
    answer[7] = 1;
    answer.extend([0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 60]);
    let mut name = Vec::new();
    for label in target.split('.') {
        name.push(u8::try_from(label.len()).unwrap());
        name.extend(label.as_bytes());
    }
    name.push(0);
    answer.extend(u16::try_from(name.len()).unwrap().to_be_bytes());
    answer.extend(name);
    answer
}
