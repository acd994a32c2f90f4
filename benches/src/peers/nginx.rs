//! nginx, once as the proxy to compare with and once as the server behind all proxies.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context as _;

use super::{ANSWER_BYTES, AccessLog, Door, LARGE_ANSWER_BYTES, Peer, REFERENCE};
use crate::accounting::Account;
use crate::child::{Child, free_address};
use crate::stage::Stage;

pub struct Nginx {
    address: SocketAddr,
    program: Child,
}

impl Nginx {
    /// Answers every request with [`ANSWER_BYTES`] out of its memory, `/upload` when it has
    /// read the body, and `/large` with [`LARGE_ANSWER_BYTES`] out of the kernel's.
    ///
    /// # Errors
    /// Quotes what nginx says when it does not start.
    pub async fn start_upstream(
        program: &Path,
        core: usize,
        folder: &Path,
    ) -> anyhow::Result<Self> {
        let large = folder.join("large");
        std::fs::write(&large, "x".repeat(LARGE_ANSWER_BYTES)).context("writing an answer")?;
        let address = free_address().context("looking for a free port")?;
        let locations = format!(
            "location / {{ return 200 \"{}\"; }}
    location = /upload {{
      client_body_buffer_size 2m;
      proxy_pass http://{address}/;
      proxy_method GET;
      proxy_pass_request_body off;
      proxy_set_header Content-Length \"\";
    }}
    location = /large {{ root {}; open_file_cache max=10; sendfile on; }}",
            "x".repeat(ANSWER_BYTES),
            folder.display()
        );
        let listen = format!("listen {address} backlog=4096;");
        let configuration = configuration(&listen, "access_log off;", "", &locations);
        Self::start("upstream", program, core, folder, address, &configuration).await
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
        address: SocketAddr,
        configuration: &str,
    ) -> anyhow::Result<Self> {
        let folder = folder.join(name);
        std::fs::create_dir_all(&folder)?;
        let file = folder.join("nginx.conf");
        std::fs::write(&file, configuration)?;
        let file = file.display().to_string();
        let prefix = folder.display().to_string();
        let arguments = ["-p", &prefix, "-e", "stderr", "-c", &file];
        let mut program = Child::start(name, program, &arguments, core, &folder)?;
        program.wait_until_listening(address).await?;
        Ok(Self { address, program })
    }
}

/// nginx as people run it in front of one server: connections kept on both
/// sides, WebSockets passed on, nobody checked, its log in its usual format.
///
/// # Errors
/// Quotes what nginx says when it does not start.
pub async fn start_nginx(stage: &Stage, log: AccessLog) -> anyhow::Result<Peer> {
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
    location /events {{
      proxy_pass http://{echo};
      proxy_http_version 1.1;
      proxy_set_header Host $host;
      proxy_set_header Connection \"\";
      proxy_buffering off;
      proxy_read_timeout 1h;
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
    let plain = free_address().context("looking for a free port")?;
    let encrypted = free_address().context("looking for a free port")?;
    let (chain, key) = (stage.certificate.chain.display(), stage.certificate.key.display());
    let listen = format!(
        "listen {plain} backlog=4096;
    listen {encrypted} ssl http2 backlog=4096;
    ssl_certificate {chain};
    ssl_certificate_key {key};
    ssl_protocols TLSv1.2 TLSv1.3;"
    );
    let log = match log {
        AccessLog::On => "access_log access.log combined;",
        AccessLog::Off => "access_log off;",
    };
    let configuration = configuration(&listen, log, &upstreams, &locations);
    let nginx = Nginx::start("nginx", program, core, folder, plain, &configuration).await?;
    Ok(Peer::of_program(REFERENCE, plain, encrypted, nginx.program))
}

/// One process that is master and only worker: its account is all there is.
fn configuration(listen: &str, log: &str, upstreams: &str, locations: &str) -> String {
    format!(
        "daemon off;
master_process off;
worker_processes 1;
pid nginx.pid;
error_log stderr error;
events {{ worker_connections 16384; }}
http {{
  {log}
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
    {listen}
    {locations}
  }}
}}
"
    )
}
