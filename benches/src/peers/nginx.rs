//! nginx, once as the proxy to compare with and once as the server behind all proxies.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context as _;

use super::{ANSWER_BYTES, Door, Peer, REFERENCE};
use crate::accounting::Account;
use crate::child::{Child, free_address};
use crate::stage::Stage;

pub struct Nginx {
    address: SocketAddr,
    program: Child,
}

impl Nginx {
    /// Answers every request with [`ANSWER_BYTES`] out of its memory.
    ///
    /// # Errors
    /// Quotes what nginx says when it does not start.
    pub async fn start_upstream(
        program: &Path,
        core: usize,
        folder: &Path,
    ) -> anyhow::Result<Self> {
        let location = format!("location / {{ return 200 \"{}\"; }}", "x".repeat(ANSWER_BYTES));
        Self::start("upstream", program, core, folder, "", &location).await
    }

    pub fn door(&self) -> Door {
        let account = Account::Process { pid: self.program.pid() };
        Door { address: self.address, account }
    }

    async fn start(
        name: &str,
        program: &Path,
        core: usize,
        folder: &Path,
        upstreams: &str,
        locations: &str,
    ) -> anyhow::Result<Self> {
        let address = free_address().context("looking for a free port")?;
        let folder = folder.join(name);
        std::fs::create_dir_all(&folder)?;
        let file = folder.join("nginx.conf");
        std::fs::write(&file, configuration(address, upstreams, locations))?;
        let file = file.display().to_string();
        let prefix = folder.display().to_string();
        let arguments = ["-p", &prefix, "-e", "stderr", "-c", &file];
        let mut program = Child::start(name, program, &arguments, core, &folder)?;
        program.wait_until_listening(address).await?;
        Ok(Self { address, program })
    }
}

/// nginx as people run it in front of one server: connections kept on both
/// sides, WebSockets passed on, nothing logged, nobody checked.
///
/// # Errors
/// Quotes what nginx says when it does not start.
pub async fn start_nginx(stage: &Stage) -> anyhow::Result<Peer> {
    let web = stage.web.door().address;
    let echo = stage.echo.address;
    let upstreams =
        format!("upstream web {{ server {web}; keepalive 512; keepalive_requests 1000000000; }}");
    let locations = format!(
        "location / {{
      proxy_pass http://web;
      proxy_http_version 1.1;
      proxy_set_header Host $host;
      proxy_set_header Connection \"\";
    }}
    location /ws {{
      proxy_pass http://{echo};
      proxy_http_version 1.1;
      proxy_set_header Host $host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection upgrade;
      proxy_read_timeout 1h;
    }}"
    );
    let (program, core, folder) = (&stage.programs.nginx, stage.cores.proxy, &stage.folder);
    let nginx = Nginx::start("nginx", program, core, folder, &upstreams, &locations).await?;
    Ok(Peer::of_program(REFERENCE, nginx.address, nginx.program))
}

/// One process that is master and only worker: its account is all there is.
fn configuration(address: SocketAddr, upstreams: &str, locations: &str) -> String {
    format!(
        "daemon off;
master_process off;
worker_processes 1;
pid nginx.pid;
error_log stderr error;
events {{ worker_connections 16384; }}
http {{
  access_log off;
  default_type text/plain;
  keepalive_timeout 1h;
  keepalive_requests 1000000000;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  {upstreams}
  server {{
    listen {address} backlog=4096;
    {locations}
  }}
}}
"
    )
}
