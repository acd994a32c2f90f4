//! Ports on loopback that nobody else takes between choosing and binding.
//!
//! A port that the kernel picked is free again until our program binds it, and
//! any outgoing connection may be given it meanwhile. So ports come from below
//! the kernel's ephemeral range, each behind a lock file that other test
//! processes respect.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::{Context as _, bail};
use socket2::{Domain, Socket, Type};

/// Below 32768, where Linux begins to hand out ports by itself.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// One port of 127.0.0.1, ours as long as this lives.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _claim: Option<File>,
}

impl Port {
    /// # Errors
    /// When there is no free port left, or the lock folder cannot be written.
    pub fn claim() -> anyhow::Result<Self> {
        let folder = std::env::temp_dir().join("arcamatrix-ports");
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("create the folder of port claims {}", folder.display()))?;
        // Processes begin at different places, so that they rarely meet.
        let offset = u16::try_from(std::process::id() * 97 % u32::from(COUNT))?;
        for _ in 0..COUNT {
            let step = NEXT.fetch_add(1, Ordering::Relaxed);
            let number = FIRST + (offset + step % COUNT) % COUNT;
            let path = folder.join(number.to_string());
            let claim = File::options().create(true).append(true).open(&path);
            let claim = claim.with_context(|| format!("open {}", path.display()))?;
            if claim.try_lock().is_ok() && is_free(number) {
                return Ok(Self { number, _claim: Some(claim) });
            }
        }
        bail!("no free port between {FIRST} and {}", FIRST + COUNT)
    }

    /// A port that somebody asked for by its number.
    ///
    /// # Errors
    /// When something listens there already.
    pub fn fixed(number: u16) -> anyhow::Result<Self> {
        if !is_free(number) {
            bail!("port {number} is taken by another program; choose another one with PORT=");
        }
        Ok(Self { number, _claim: None })
    }

    /// An address of 127.0.0.1 that stays ours until this process ends, for whoever
    /// starts a program there and has no place to keep a claim.
    ///
    /// # Errors
    /// As for [`Port::claim`].
    pub fn until_exit() -> anyhow::Result<SocketAddr> {
        let port = Self::claim()?;
        let address = port.address();
        std::mem::forget(port);
        Ok(address)
    }

    pub fn number(&self) -> u16 {
        self.number
    }

    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.number).into()
    }

    /// Can somebody bind it now?
    pub fn is_free(&self) -> bool {
        is_free(self.number)
    }
}

/// Bound without listening: a process that is being started meanwhile inherits the socket
/// until it becomes its program, and one that listened would keep the port from us for so long.
fn is_free(number: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, number));
    Socket::new(Domain::IPV4, Type::STREAM, None)
        .and_then(|socket| {
            socket.set_reuse_address(true)?;
            socket.bind(&address.into())
        })
        .is_ok()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn claimed_ports_differ_and_can_be_bound() {
        let ports: Vec<Port> = (0..50).map(|_| Port::claim().unwrap()).collect();
        let mut numbers: Vec<u16> = ports.iter().map(Port::number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), ports.len());
        for port in &ports {
            drop(TcpListener::bind(port.address()).unwrap());
        }
    }

    #[test]
    fn an_address_kept_until_the_end_is_nobody_elses_and_not_the_kernels_to_give() {
        let address = Port::until_exit().unwrap();
        let folder = std::env::temp_dir().join("arcamatrix-ports");
        let claim = File::open(folder.join(address.port().to_string())).unwrap();
        assert!(claim.try_lock().is_err());
        assert!((FIRST..FIRST + COUNT).contains(&address.port()));
    }

    #[test]
    fn a_taken_port_is_named() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let number = listener.local_addr().unwrap().port();
        let error = Port::fixed(number).unwrap_err().to_string();
        assert!(error.contains(&format!("port {number} is taken")), "{error}");
    }
}
