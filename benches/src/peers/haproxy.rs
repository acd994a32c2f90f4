//! haproxy, where it is installed.

use std::path::Path;

use anyhow::Context as _;

use super::{AccessLog, Peer};
use crate::child::{Child, free_address};
use crate::stage::Stage;

/// haproxy with one thread, doing what nginx does here.
///
/// # Errors
/// Quotes what haproxy says when it does not start.
pub async fn start_haproxy(stage: &Stage, program: &Path, log: AccessLog) -> anyhow::Result<Peer> {
    let plain = free_address().context("looking for a free port")?;
    let encrypted = free_address().context("looking for a free port")?;
    let folder = stage.folder.join("haproxy");
    std::fs::create_dir_all(&folder)?;
    let file = folder.join("haproxy.cfg");
    let (web, echo) = (stage.web.door().address, stage.echo.address);
    let certificate = stage.certificate.both.display();
    // Standard output goes to a file here.
    let log = match log {
        AccessLog::On => "log stdout format raw local0\n  option httplog",
        AccessLog::Off => "no log",
    };
    // Without `http-no-delay` an event waits 200 ms for the next one.
    let configuration = format!(
        "global
  nbthread 1
  maxconn 8000
defaults
  mode http
  {log}
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  timeout tunnel 1h
  http-reuse always
frontend visitors
  bind {plain} backlog 4096
  bind {encrypted} backlog 4096 ssl crt {certificate} alpn h2,http/1.1
  use_backend echo if {{ path_beg /ws /events }}
  default_backend web
backend web
  server web {web} pool-max-conn 512
backend echo
  option http-no-delay
  server echo {echo}
"
    );
    std::fs::write(&file, configuration)?;
    let file = file.display().to_string();
    let arguments = ["-db", "-f", &file];
    let mut program = Child::start("haproxy", program, &arguments, stage.cores.proxy, &folder)?;
    program.wait_until_listening(plain).await?;
    Ok(Peer::of_program("haproxy", plain, encrypted, program))
}
