//! Access is taken away at once, whatever else goes wrong. How long it took is printed.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::Instant;

use crate::harness::{TestEdge, echo, read_to_end, wait_until};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    None,
    /// No byte can be written to any file, as on a full disk.
    FullDisk,
    /// The store's file and its folder are gone.
    StoreGone,
    NoDescriptors,
    Drain,
    /// A former process has the connection, and drains.
    Upgrade,
    /// Several at a time.
    DrainOnFullDisk,
}

impl Trouble {
    const ALL: [Self; 7] = [
        Self::None,
        Self::FullDisk,
        Self::StoreGone,
        Self::NoDescriptors,
        Self::Drain,
        Self::Upgrade,
        Self::DrainOnFullDisk,
    ];

    /// Gets `edge` into it; what is given back must be there for as long as it lasts.
    fn begin(self, edge: &mut TestEdge) -> Vec<TcpStream> {
        if matches!(self, Self::FullDisk | Self::DrainOnFullDisk) {
            let pid = edge.pid().to_string();
            let limit = ["--pid", &pid, "--fsize=0:unlimited"];
            assert!(Command::new("prlimit").args(limit).status().unwrap().success());
        }
        match self {
            Self::None | Self::FullDisk => Vec::new(),
            Self::StoreGone => {
                std::fs::remove_file(edge.folder.path().join("routes.redb")).unwrap();
                Vec::new()
            }
            Self::NoDescriptors => (0..150)
                .map(|_| {
                    let mut tcp = edge.connect();
                    let _ = tcp.write_all(b"GET / HTTP/1.1\r\nHost:");
                    tcp
                })
                .collect(),
            Self::Drain | Self::DrainOnFullDisk => {
                edge.signal("TERM");
                wait_until("it drains", || {
                    (edge.ask("GET", "/readyz", "").ok()?.0 == 503).then_some(())
                });
                Vec::new()
            }
            Self::Upgrade => {
                let started = edge.metric("arca_edge_started_seconds").unwrap();
                edge.succeed(&["--upgrade"]);
                wait_until("the successor serves", || {
                    (edge.metric("arca_edge_started_seconds")? > started).then_some(())
                });
                Vec::new()
            }
        }
    }
}

#[test]
fn a_revocation_cuts_in_every_trouble() {
    for trouble in Trouble::ALL {
        let shell = match trouble {
            Trouble::NoDescriptors => "ulimit -n 100;",
            // The signal would end a process that nobody has told of the limit.
            _ => "trap '' XFSZ;",
        };
        let mut edge = TestEdge::limited("", "grace_seconds = 600", shell);
        edge.put("ada", echo());
        let mut socket = edge.socket("ada", &edge.cookie("ada", "k1", 3_600));
        socket.write_all(b"\x81\x80mask").unwrap();
        socket.read_exact(&mut [0; 6]).unwrap();
        let held = trouble.begin(&mut edge);
        // Its answer may wait for the disk; the end of the connection does not.
        let began = Instant::now();
        let (cut, taken) = std::thread::scope(|scope| {
            let cut = scope.spawn(|| {
                let (bytes, _) = read_to_end(&mut socket);
                (bytes, began.elapsed())
            });
            let answer = edge.remove("ada");
            (cut.join().unwrap(), answer)
        });
        let (bytes, after) = cut;
        assert_eq!(bytes.get(..4), Some(&[0x88, 12, 0x0f, 0xa1][..]), "{trouble:?}: {bytes:?}");
        assert_eq!(taken["sockets_cut"], 1, "{trouble:?}: {taken}");
        eprintln!("{trouble:?}: cut after {after:?}, answered after {:?}", began.elapsed());
        drop(held);
    }
}
