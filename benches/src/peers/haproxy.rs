//! haproxy, where it is installed.

use std::path::Path;

use anyhow::Context as _;

use super::Peer;
use crate::child::{Child, free_address};
use crate::stage::Stage;

/// haproxy with one thread, doing what nginx does here.
///
/// # Errors
/// Quotes what haproxy says when it does not start.
pub async fn start_haproxy(stage: &Stage, program: &Path) -> anyhow::Result<Peer> {
    let address = free_address().context("looking for a free port")?;
    let folder = stage.folder.join("haproxy");
    std::fs::create_dir_all(&folder)?;
    let file = folder.join("haproxy.cfg");
    let (web, echo) = (stage.web.door().address, stage.echo.address);
    let configuration = format!(
        "global
  nbthread 1
  maxconn 8000
defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  timeout tunnel 1h
  http-reuse always
frontend visitors
  bind {address} backlog 4096
  use_backend echo if {{ path_beg /ws }}
  default_backend web
backend web
  server web {web} pool-max-conn 512
backend echo
  server echo {echo}
"
    );
    std::fs::write(&file, configuration)?;
    let file = file.display().to_string();
    let arguments = ["-db", "-f", &file];
    let mut program = Child::start("haproxy", program, &arguments, stage.cores.proxy, &folder)?;
    program.wait_until_listening(address).await?;
    Ok(Peer::of_program("haproxy", address, program))
}
