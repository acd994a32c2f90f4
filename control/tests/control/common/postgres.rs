//! PostgreSQL servers of a test's own, which go away, follow each other, and are reached at an
//! address that leads from one to the other.

use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use rustix::process::{Pid, Signal, kill_process};
use sqlx::{AnyConnection, Connection as _};
use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio::net::{UnixListener, UnixStream};
use tokio::process::{Child, Command};
use tokio::sync::watch;

use super::wait_until;

/// As PostgreSQL names it.
const SOCKET: &str = ".s.PGSQL.5432";

/// A PostgreSQL of its own, which may be stopped. Its programs are where those of the one are
/// that `.ci/postgres` has started, and it belongs to the same owner: never to root.
pub struct Server {
    pub url: String,
    folder: TempDir,
    owner: (u32, u32),
    data: PathBuf,
    running: Option<Child>,
}

impl Server {
    pub async fn start() -> Option<Self> {
        let other = std::env::var("ARCA_TEST_POSTGRES").ok()?.replace("%2F", "/");
        let socket = other.strip_prefix("postgres://arca@")?.strip_suffix("/postgres")?.to_owned();
        let seen = std::fs::metadata(socket).ok()?;
        let owner = (seen.uid(), seen.gid());
        let folder = own_folder(owner);
        let url = address(folder.path());
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
    pub async fn go_away(&mut self) {
        let mut child = self.running.take().unwrap();
        let pid = Pid::from_raw(child.id().unwrap().cast_signed()).unwrap();
        kill_process(pid, Signal::QUIT).unwrap();
        child.wait().await.unwrap();
    }

    pub async fn come_back(&mut self) {
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

    /// Another one that follows it, and takes no writes until it is promoted. From then on
    /// nothing is answered that it does not have.
    pub async fn follower(&self) -> Self {
        let folder = own_folder(self.owner);
        let data = folder.path().join("data");
        let mut copy = self.command("pg_basebackup");
        copy.args(["--write-recovery-conf", "--checkpoint=fast", "--dbname", &self.url]);
        let copied = copy.arg("--pgdata").arg(&data).output().await.unwrap();
        assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
        let url = address(folder.path());
        let mut follower = Self { url, folder, owner: self.owner, data, running: None };
        follower.come_back().await;
        self.run("ALTER SYSTEM SET synchronous_standby_names = '*'").await;
        self.run("SELECT pg_reload_conf()").await;
        let is_followed = async || {
            self.text("SELECT sync_state FROM pg_stat_replication").await == Some("sync".to_owned())
        };
        wait_until("it is followed", true, is_followed).await;
        follower
    }

    pub async fn be_promoted(&self) {
        self.run("SELECT pg_promote()").await;
        let takes_writes = async || {
            self.text("SELECT CAST(pg_is_in_recovery() AS TEXT)").await == Some("false".to_owned())
        };
        wait_until("it takes writes", true, takes_writes).await;
    }

    /// Where it listens.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join(SOCKET)
    }

    async fn run(&self, statement: &'static str) {
        let mut connection = AnyConnection::connect(&self.url).await.unwrap();
        sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }

    async fn text(&self, query: &'static str) -> Option<String> {
        let mut connection = AnyConnection::connect(&self.url).await.unwrap();
        let text = sqlx::query_scalar(query).fetch_optional(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        text
    }

    /// Another one takes its place, with what it had on its disk.
    pub async fn be_replaced(&mut self) {
        let other = self.folder.path().join("other");
        let copied = self.command("cp").arg("-a").arg(&self.data).arg(&other).status().await;
        assert!(copied.unwrap().success());
        let _pid_of_the_first = std::fs::remove_file(other.join("postmaster.pid"));
        self.data = other;
        self.come_back().await;
    }
}

/// Not in TMPDIR: the path of a socket has at most 107 bytes.
fn own_folder(owner: (u32, u32)) -> TempDir {
    let folder = TempDir::new_in("/tmp").unwrap();
    chown(folder.path(), Some(owner.0), Some(owner.1)).unwrap();
    folder
}

/// Of the server that listens in `folder`.
fn address(folder: &Path) -> String {
    let folder = folder.display().to_string().replace('/', "%2F");
    format!("postgres://arca@{folder}/postgres")
}

/// An address that stays the same while the server behind it changes, as operators have it.
pub struct Address {
    pub url: String,
    leads_to: Arc<Mutex<PathBuf>>,
    cuts: watch::Sender<u64>,
    _folder: TempDir,
}

impl Address {
    pub fn of(server: &Server) -> Self {
        let folder = TempDir::new_in("/tmp").unwrap();
        let listener = UnixListener::bind(folder.path().join(SOCKET)).unwrap();
        let (leads_to, cuts) = (Arc::new(Mutex::new(server.socket())), watch::channel(0).0);
        let address = Self {
            url: address(folder.path()),
            leads_to: Arc::clone(&leads_to),
            cuts,
            _folder: folder,
        };
        let cut = address.cuts.subscribe();
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let (server, mut cut) = (leads_to.lock().unwrap().clone(), cut.clone());
                cut.mark_unchanged();
                tokio::spawn(async move {
                    let Ok(mut server) = UnixStream::connect(server).await else { return };
                    tokio::select! {
                        _ended = copy_bidirectional(&mut client, &mut server) => {}
                        _cut = cut.changed() => {}
                    }
                });
            }
        });
        address
    }

    /// Every connection ends, in the middle of whatever it carries.
    pub fn cut(&self) {
        self.cuts.send_modify(|count| *count += 1);
    }

    pub fn lead_to(&self, server: &Server) {
        *self.leads_to.lock().unwrap() = server.socket();
        self.cut();
    }
}
