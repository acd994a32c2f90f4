//! What a gateway needs of the machine before it can run: room on the disk, its
//! port, memory.

use std::net::SocketAddr;
use std::path::Path;

use super::events::Obstacle;
use super::port;
use crate::memory;

/// The gateway writes its databases and its log all the time; with less it ends within
/// seconds, and answers nobody before that.
const DISK_MIN_BYTES: u64 = 64 << 20;
const FILES_MIN: u64 = 256;

/// It has 0.8 GB in use when it is ready; with less than this free the kernel ends something
/// before it gets there.
const MEMORY_MIN_BYTES: u64 = 256 << 20;

/// What is missing, and a sentence about it for the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lack {
    pub obstacle: Obstacle,
    pub detail: String,
}

/// `address`: where the gateway will listen; `folders`: where it and we write.
pub fn inspect(address: SocketAddr, folders: &[&Path]) -> Option<Lack> {
    disk(folders).or_else(|| port(address)).or_else(memory)
}

/// The first of `folders` that is full.
pub fn disk(folders: &[&Path]) -> Option<Lack> {
    folders.iter().find_map(|folder| {
        let disk = rustix::fs::statvfs(*folder).ok()?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        // A file system that does not count its files says that it has none.
        let files_are_short = disk.f_files > 0 && disk.f_favail < FILES_MIN;
        let detail = if free < DISK_MIN_BYTES {
            format!("{} has {} MiB left", folder.display(), free >> 20)
        } else if files_are_short {
            format!("{} has room for {} more files", folder.display(), disk.f_favail)
        } else {
            return None;
        };
        Some(Lack { obstacle: Obstacle::Disk, detail })
    })
}

fn port(address: SocketAddr) -> Option<Lack> {
    let holder = port::any_holder(address)?;
    Some(Lack { obstacle: Obstacle::Port, detail: format!("{address} is taken by {holder}") })
}

/// Whether the machine is short of memory.
pub fn memory() -> Option<Lack> {
    let free = memory::available_bytes()?;
    (free < MEMORY_MIN_BYTES).then(|| Lack {
        obstacle: Obstacle::Memory,
        detail: format!("the machine has {} MiB of memory left", free >> 20),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_taken_is_named_with_who_has_it() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let lack = port(address).unwrap();
        assert_eq!(lack.obstacle, Obstacle::Port);
        assert!(lack.detail.contains(&std::process::id().to_string()), "{}", lack.detail);
        drop(listener);
        assert_eq!(port(address), None);
    }
}
