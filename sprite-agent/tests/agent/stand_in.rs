//! The fake gateway as a process of its own: this test program, started again.
//!
//! The supervisor looks whose the listening socket is, so that a gateway inside
//! the test would not do. [`COMMAND`] in a script becomes it.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser as _;
use fakes::gateway::command_line::CommandLine;
use fakes::gateway::program;

/// Says in the environment what this program is to play.
const LINE: &str = "STAND_IN_LINE";

/// For a script: becomes the gateway; `$STAND_IN` must be [`path`].
pub(crate) const GATEWAY: &str = "STAND_IN_LINE='fake-gateway gateway run' \
     exec \"$STAND_IN\" stand_in::plays_the_gateway_when_it_is_told_to --exact --nocapture\n";

/// For a script: becomes the gateway's doctor.
pub(crate) const DOCTOR: &str = "STAND_IN_LINE='fake-gateway doctor --fix --yes' \
     exec \"$STAND_IN\" stand_in::plays_the_gateway_when_it_is_told_to --exact --nocapture\n";

pub(crate) fn path() -> PathBuf {
    std::env::current_exe().unwrap()
}

pub(crate) fn free_address() -> SocketAddr {
    e2e::Port::until_exit().unwrap()
}

/// No test of its own: without the variable it does nothing.
#[test]
fn plays_the_gateway_when_it_is_told_to() {
    let Ok(line) = std::env::var(LINE) else { return };
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let line = CommandLine::parse_from(line.split(' '));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let code = runtime.block_on(program::run(line)).err().unwrap_or(0);
    std::process::exit(code.into());
}
