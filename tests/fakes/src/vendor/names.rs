//! Names as browsers resolve them: `*.localhost` is this machine (RFC 6761 §6.3).

use std::net::{Ipv4Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// For clients that are to reach what a browser on this machine reaches.
#[derive(Debug, Clone, Copy)]
pub struct BrowserNames;

impl Resolve for BrowserNames {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // The port is the URL's; none is known here.
            if name.as_str().ends_with(".localhost") {
                let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
                return Ok(Box::new([here].into_iter()) as Addrs);
            }
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(Box::new(found.collect::<Vec<_>>().into_iter()) as Addrs)
        })
    }
}
