//! A second edge joins with one command while visitors are served, and serves the same.

use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, ensure};
use e2e::{Database, Mirror, Plan, Port, Program, World, binaries, wait_until};
use reqwest::Method;
use serde_json::{Value, json};
use shared::session::SESSION_COOKIE;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};

/// A machine that is to be an edge.
struct Machine {
    folder: tempfile::TempDir,
    control: Port,
    private: Port,
    public: Port,
}

impl Machine {
    /// `control` is where it is told to come.
    fn new(control: Port) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("arcamatrix-").tempdir()?;
        Ok(Self { folder, control, private: Port::claim()?, public: Port::claim()? })
    }

    /// `edge join`, which has been given `token`.
    async fn begin_to_join(&self, folder: &Path, token: &str) -> anyhow::Result<Child> {
        let mut child = Command::new(binaries::program("edge")?)
            .args(["join", &format!("https://{}", self.control.address())])
            .args(["--private", &self.private.address().to_string()])
            .args(["--listen", &self.public.address().to_string()])
            .arg("--folder")
            .arg(folder)
            .arg("--state-folder")
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut input = child.stdin.take().context("no standard input")?;
        // One that refuses to join does not read it.
        let _ = input.write_all(token.as_bytes()).await;
        Ok(child)
    }

    async fn join(&self, folder: &Path, token: &str) -> anyhow::Result<Output> {
        Ok(self.begin_to_join(folder, token).await?.wait_with_output().await?)
    }

    fn edge(&self) -> anyhow::Result<Program> {
        let program =
            Program::new("edge-2", binaries::program("edge")?, self.folder.path().join("edge.log"));
        Ok(program.argument("--config").argument(self.folder.path().join("edge.toml")))
    }
}

/// What a signed-in visitor gets at the edge on `port`.
async fn status(world: &World, port: &Port, username: &str, token: &str) -> anyhow::Result<u16> {
    let visitor = world.visitor().at(port.address());
    let request = visitor.bare(Method::GET, &world.workspace_host(username), "/");
    let answer = request.header("cookie", format!("{SESSION_COOKIE}={token}")).send().await?;
    Ok(answer.status().as_u16())
}

async fn in_step(world: &World) -> anyhow::Result<()> {
    let edges = world.control.call(Method::GET, "/api/edges", None).await?.success()?;
    let edges = edges["edges"].as_array().context("no list")?;
    let count = edges.iter().filter(|edge| edge["in_step"] == true).count();
    ensure!(count == 2, "{edges:?}");
    Ok(())
}

async fn token(world: &World) -> String {
    let body = Some(json!({ "name": "edge-2" }));
    let made = world.control.call(Method::POST, "/api/edge-tokens", body).await.unwrap();
    made.success().unwrap()["token"].as_str().unwrap().to_owned()
}

fn acknowledged(answer: &Value) -> Vec<bool> {
    let edges = answer["edges"].as_array().unwrap();
    edges.iter().map(|edge| edge["acknowledged"] == true).collect()
}

#[tokio::test]
async fn a_second_edge_joins_while_traffic_flows_and_serves_the_same_workspaces() {
    let database = Database::fresh().unwrap();
    let mut plan = Plan::with_tenants(&[]);
    if let Some(database) = &database {
        plan = plan.with_controls(1, &database.url());
    }
    let world = World::prepare(&plan).unwrap();
    let join = Port::claim().unwrap();
    plan.control_config = format!(
        "[join]\nlisten = \"{0}\"\nurl = \"https://{0}\"\nsite_upstream = \"http://{1}\"\n",
        join.address(),
        world.control.site()
    );
    world.begin(&plan).await.unwrap();
    let world = Arc::new(world);
    let mirror = Mirror::start().await.unwrap();
    world.control.put_route("ada", mirror.address(), "sprite-1").await.unwrap();
    let session = world.session_token("ada").await.unwrap();

    let is_over = Arc::new(AtomicBool::new(false));
    let visitors = tokio::spawn({
        let (world, is_over, session) = (Arc::clone(&world), Arc::clone(&is_over), session.clone());
        async move {
            let first = world.edges[0].address();
            let mut seen = 0_u32;
            while !is_over.load(Ordering::Relaxed) {
                let visitor = world.visitor().at(first);
                let request = visitor.bare(Method::GET, &world.workspace_host("ada"), "/");
                let request = request.header("cookie", format!("{SESSION_COOKIE}={session}"));
                assert_eq!(request.send().await.unwrap().status().as_u16(), 200);
                seen += 1;
            }
            seen
        }
    });

    let machine = Machine::new(join).unwrap();
    let folder = machine.folder.path();
    // Control hears nothing while the machine asks, and the machine is killed.
    let good = token(&world).await;
    world.control.program.freeze();
    let mut child = machine.begin_to_join(folder, &good).await.unwrap();
    wait_until("it has begun", async || {
        ensure!(folder.join("edge-join.pending").exists(), "nothing is there");
        Ok(())
    })
    .await
    .unwrap();
    child.kill().await.unwrap();
    world.control.program.thaw();
    // Control is killed before it has answered, and comes back.
    world.control.program.kill();
    let child = machine.begin_to_join(folder, &good).await.unwrap();
    world.control.program.start().unwrap();
    let joined = child.wait_with_output().await.unwrap();
    assert!(joined.status.success(), "{joined:?}");
    assert!(!folder.join("edge-join.pending").exists());
    let again = machine.join(folder, &good).await.unwrap();
    let complaint = String::from_utf8(again.stderr).unwrap();
    assert!(complaint.contains("is an edge already"), "{complaint}");
    let elsewhere = tempfile::tempdir().unwrap();
    let stolen = machine.join(elsewhere.path(), &good).await.unwrap();
    let complaint = String::from_utf8(stolen.stderr).unwrap();
    assert!(complaint.contains("This token was used"), "{complaint}");
    assert!(!elsewhere.path().join("keys.toml").exists());

    let edge = machine.edge().unwrap();
    edge.start().unwrap();
    wait_until("both edges are in step", async || in_step(&world).await).await.unwrap();
    assert_eq!(status(&world, &machine.public, "ada", &session).await.unwrap(), 200);
    let answer = world.control.put_route("bob", mirror.address(), "sprite-2").await.unwrap();
    assert_eq!(acknowledged(&answer), [true, true], "{answer}");

    // Either is started again.
    world.control.program.kill();
    edge.kill();
    edge.start().unwrap();
    wait_until("it serves what it has, without control", async || {
        let seen = status(&world, &machine.public, "ada", &session).await?;
        ensure!(seen == 200, "{seen}");
        Ok(())
    })
    .await
    .unwrap();
    world.control.program.start().unwrap();
    wait_until("both are in step again", async || in_step(&world).await).await.unwrap();

    let removed = world.control.call(Method::DELETE, "/api/edges/edge-2", None).await.unwrap();
    removed.success().unwrap();
    let answer = world.control.put_route("eve", mirror.address(), "sprite-3").await.unwrap();
    assert_eq!(acknowledged(&answer), [true], "{answer}");
    let eve = world.session_token("eve").await.unwrap();
    assert_eq!(status(&world, &machine.public, "eve", &eve).await.unwrap(), 404);
    is_over.store(true, Ordering::Relaxed);
    assert!(visitors.await.unwrap() > 0);
}

/// Somebody who stands where control should, with TLS of their own.
#[tokio::test]
async fn a_machine_tells_a_stranger_nothing() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let shown = rcgen::CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let shown = shown.self_signed(&key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![shown.der().clone()], key.serialize_der().try_into().unwrap())
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let stranger = tokio::spawn(async move {
        // The first connection only shows the machine its own address.
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            if acceptor.accept(stream).await.is_ok() {
                return;
            }
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(binaries::program("edge").unwrap())
        .args(["join", &format!("https://{address}")])
        .arg("--folder")
        .arg(folder.path())
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let token = format!("edge-2.c2VjcmV0.{}", "0".repeat(64));
    child.stdin.take().unwrap().write_all(token.as_bytes()).await.unwrap();
    let output = child.wait_with_output().await.unwrap();
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{complaint}");
    assert!(complaint.contains("somebody else than the control"), "{complaint}");
    assert!(!complaint.contains("c2VjcmV0"), "{complaint}");
    assert!(!stranger.is_finished(), "it never came to an end of its handshake");
    stranger.abort();
    assert!(!folder.path().join("keys.toml").exists());
}
