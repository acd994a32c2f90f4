//! The server of the database goes away under a running control, and comes back: as itself, and
//! as another one at the same address. Where no PostgreSQL is named there is nothing to tell.

use std::cell::{Cell, RefCell};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::PathBuf;
use std::process::Stdio;

use reqwest::{Method, StatusCode};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use sqlx::{AnyConnection, Connection as _};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::common::database::Database;
use crate::common::edge::TestEdge;
use crate::common::process::{Installation, Process};
use crate::common::{ADMIN_KEY, client, wait_until};

/// A PostgreSQL of its own, which may be stopped. Its programs are where those of the one are
/// that `.ci/postgres` has started, and it belongs to the same owner: never to root.
struct Server {
    url: String,
    folder: TempDir,
    owner: (u32, u32),
    data: PathBuf,
    running: Option<Child>,
}

impl Server {
    async fn start() -> Option<Self> {
        let other = std::env::var("ARCA_TEST_POSTGRES").ok()?.replace("%2F", "/");
        let socket = other.strip_prefix("postgres://arca@")?.strip_suffix("/postgres")?.to_owned();
        let seen = std::fs::metadata(socket).ok()?;
        let owner = (seen.uid(), seen.gid());
        // Not in TMPDIR: the path of a socket has at most 107 bytes.
        let folder = TempDir::new_in("/tmp").unwrap();
        chown(folder.path(), Some(owner.0), Some(owner.1)).unwrap();
        let address = folder.path().display().to_string().replace('/', "%2F");
        let url = format!("postgres://arca@{address}/postgres");
        let data = folder.path().join("data");
        let mut server = Self { url, folder, owner, data, running: None };
        let mut initdb = server.command("initdb");
        initdb.args(["--username=arca", "--auth=trust", "--encoding=UTF8", "--locale=C"]);
        let made =
            initdb.arg("--no-sync").arg("--pgdata").arg(&server.data).output().await.unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        server.come_back().await;
        Some(server)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.stdout(Stdio::null()).stderr(Stdio::null()).current_dir("/");
        command.uid(self.owner.0).gid(self.owner.1).kill_on_drop(true);
        command
    }

    /// As a crash: what was committed is in its log, and nothing else is put in order.
    async fn go_away(&mut self) {
        let mut child = self.running.take().unwrap();
        let pid = Pid::from_raw(child.id().unwrap().cast_signed()).unwrap();
        kill_process(pid, Signal::QUIT).unwrap();
        child.wait().await.unwrap();
    }

    async fn come_back(&mut self) {
        sqlx::any::install_default_drivers();
        let mut command = self.command("postgres");
        command.arg("-D").arg(&self.data).args(["-c", "listen_addresses=", "-c", "fsync=off"]);
        command.arg("-c").arg(format!("unix_socket_directories={}", self.folder.path().display()));
        self.running = Some(command.spawn().unwrap());
        let answers = async || match AnyConnection::connect(&self.url).await {
            Ok(connection) => connection.close().await.is_ok(),
            Err(_) => false,
        };
        wait_until("the server answers", true, answers).await;
    }

    /// Another one takes its place, with what it had on its disk.
    async fn be_replaced(&mut self) {
        let other = self.folder.path().join("other");
        let copied = self.command("cp").arg("-a").arg(&self.data).arg(&other).status().await;
        assert!(copied.unwrap().success());
        let _pid_of_the_first = std::fs::remove_file(other.join("postmaster.pid"));
        self.data = other;
        self.come_back().await;
    }
}

async fn readiness(process: &Process) -> StatusCode {
    process.get("/readyz").await.0
}

/// Puts one route after the other until `is_over`; tells which were taken, and how many not.
async fn traffic(
    process: &Process,
    round: &str,
    taken: &RefCell<Vec<String>>,
    failed: &Cell<u32>,
    is_over: &Cell<bool>,
) {
    let client = client();
    for number in 0.. {
        if is_over.get() {
            break;
        }
        let name = format!("{round}-{number}");
        let url = format!("http://{}/api/routes/{name}?wait=none", process.api);
        let body = json!({ "upstream": format!("https://{name}.sprites.test") });
        let sent = client.put(url).bearer_auth(ADMIN_KEY).json(&body).send().await;
        if sent.is_ok_and(|response| response.status() == StatusCode::OK) {
            taken.borrow_mut().push(name);
        } else {
            failed.set(failed.get() + 1);
        }
    }
}

#[tokio::test]
async fn a_database_server_that_goes_and_comes_back_costs_nothing_that_was_answered() {
    let Some(mut server) = Server::start().await else { return };
    let edge = TestEdge::start("one").await;
    let database = Database::on(server.url.clone()).await;
    let installation = Installation::on(database, &[&edge], "");
    let control = installation.start().await;
    control.put_route("ada").await;
    for round in ["itself", "another"] {
        let (taken, failed) = (RefCell::new(Vec::new()), Cell::new(0));
        let is_over = Cell::new(false);
        let outage = async {
            let some = |more: usize| {
                let before = taken.borrow().len();
                let taken = &taken;
                async move || taken.borrow().len() >= before + more
            };
            wait_until("there is traffic", true, some(3)).await;
            server.go_away().await;
            let away = StatusCode::SERVICE_UNAVAILABLE;
            wait_until("control says that it cannot", away, async || readiness(&control).await)
                .await;
            wait_until("a change is refused", true, async || failed.get() > 0).await;
            assert!(edge.names().contains(&"ada".to_owned()), "somebody is cut");
            match round {
                "itself" => server.come_back().await,
                _ => server.be_replaced().await,
            }
            wait_until("control is ready", StatusCode::OK, async || readiness(&control).await)
                .await;
            wait_until("changes are taken again", true, some(3)).await;
            is_over.set(true);
        };
        tokio::join!(traffic(&control, round, &taken, &failed, &is_over), outage);
        let has_all = async || {
            let names = edge.names();
            taken.borrow().iter().filter(|name| !names.contains(name)).count()
        };
        wait_until("the edge has all that was answered", 0, has_all).await;
        assert!(edge.names().contains(&"ada".to_owned()));
    }
    let (_, tickets) = control.api(Method::GET, "/api/tickets", None).await;
    assert!(tickets["items"].as_array().unwrap().len() <= 1, "{tickets:#}");
}
