//! Who listens on the gateway's port.
//!
//! Any process of the machine can answer `{"ready":true}`. The kernel knows
//! whose the listening socket is.

use std::fs;
use std::net::SocketAddr;

use super::processes;

/// State `LISTEN` in `/proc/net/tcp`.
const LISTEN: &str = "0A";

/// A process that listens where the gateway should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// `None` when the process cannot be seen: it belongs to another user.
    pub pid: Option<u32>,
    pub name: String,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.pid {
            Some(pid) => write!(f, "process {pid} ({})", self.name),
            None => f.write_str("a process that the agent may not look at"),
        }
    }
}

/// The first process that has one of `sockets` and is neither the agent nor below it.
pub fn foreign_holder(sockets: &[u64]) -> Option<Holder> {
    if sockets.is_empty() {
        return None;
    }
    let ours = std::process::id();
    let owners = owners(sockets);
    sockets.iter().find_map(|socket| {
        let mut of_socket = owners.iter().filter(|(inode, _)| inode == socket).peekable();
        if of_socket.peek().is_none() {
            return Some(Holder { pid: None, name: String::new() });
        }
        of_socket
            .find(|(_, pid)| !processes::is_below(*pid, ours))
            .map(|(_, pid)| Holder { pid: Some(*pid), name: processes::name(*pid) })
    })
}

/// The first process that listens at `address`, whichever it is.
pub fn any_holder(address: SocketAddr) -> Option<Holder> {
    let sockets = listening(address);
    let first = sockets.first()?;
    let pid = owners(&sockets).iter().find(|(inode, _)| inode == first).map(|(_, pid)| *pid);
    Some(Holder { pid, name: pid.map(processes::name).unwrap_or_default() })
}

/// The inodes of the sockets that would take a connection to `address`.
pub fn listening(address: SocketAddr) -> Vec<u64> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let mut inodes = inodes(&read("/proc/net/tcp"), address);
    inodes.extend(self::inodes(&read("/proc/net/tcp6"), address));
    inodes
}

fn inodes(table: &str, address: SocketAddr) -> Vec<u64> {
    let locals = local_addresses(address);
    table
        .lines()
        .filter_map(|line| {
            let fields: Vec<_> = line.split_ascii_whitespace().collect();
            let is_match = *fields.get(3)? == LISTEN
                && locals.iter().any(|local| local.eq_ignore_ascii_case(fields[1]));
            is_match.then(|| fields.get(9)?.parse().ok()).flatten()
        })
        .collect()
}

/// The address and the wildcards that include it, as the kernel writes them: each 32 bits
/// in the machine's byte order.
fn local_addresses(address: SocketAddr) -> Vec<String> {
    let port = address.port();
    let text = |bytes: &[u8]| {
        let words = bytes.chunks(4).map(|word| {
            let word = u32::from_ne_bytes(word.try_into().expect("four bytes"));
            format!("{word:08X}")
        });
        format!("{}:{port:04X}", words.collect::<String>())
    };
    let any6 = text(&[0; 16]);
    match address {
        SocketAddr::V4(address) => {
            let mapped = address.ip().to_ipv6_mapped().octets();
            vec![text(&address.ip().octets()), text(&[0; 4]), text(&mapped), any6]
        }
        SocketAddr::V6(address) => vec![text(&address.ip().octets()), any6],
    }
}

/// Which process has which of `sockets` open.
fn owners(sockets: &[u64]) -> Vec<(u64, u32)> {
    let names: Vec<_> = sockets.iter().map(|inode| (*inode, format!("socket:[{inode}]"))).collect();
    let mut found = Vec::new();
    for process in processes::all() {
        let Ok(files) = fs::read_dir(format!("/proc/{}/fd", process.pid)) else { continue };
        for file in files.flatten() {
            let Ok(target) = fs::read_link(file.path()) else { continue };
            for (inode, name) in &names {
                if target.as_os_str() == name.as_str() {
                    found.push((*inode, process.pid));
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sockets_that_listen_at_the_address_count() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
             0: 0100007F:0BB9 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1\n\
             1: 00000000:0BB9 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12 1\n\
             2: 0100007F:0BB9 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 13 1\n\
             3: 0200007F:0BB9 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 14 1\n\
             4: 0100007F:0BBA 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 15 1\n";
        assert_eq!(inodes(table, "127.0.0.1:3001".parse().unwrap()), [11, 12]);
    }

    #[test]
    fn a_listener_of_our_own_is_found_and_is_not_foreign() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let sockets = listening(address);
        assert_eq!(sockets.len(), 1);
        assert_eq!(owners(&sockets), [(sockets[0], std::process::id())]);
        assert_eq!(foreign_holder(&sockets), None);
        drop(listener);
        assert_eq!(listening(address), Vec::<u64>::new());
    }
}
