//! `edge join`: makes an edge of this machine, with one command and a token of control's.
//!
//! The machine makes a key and a token for its own private API, tells control where that is,
//! and is told the key ring and the addresses. Killed anywhere it does the same when it is
//! called again: what it has made is kept until its configuration stands.

mod call;
mod files;
mod pending;

use std::io::{IsTerminal as _, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use shared::join::{JoinAnswer, JoinToken};
use shared::process::{named_file, output};
use shared::retry::{Backoff, chance};
use shared::{Secret, Upstream};

use call::CallError;
use files::Places;
use pending::Pending;

/// Where the private API listens when nobody says.
const PRIVATE_PORT: u16 = 9_100;

/// Longest token: a name, a secret and a pin are two hundred characters.
const TOKEN_MAX_BYTES: u64 = 1_024;

/// For the first connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long control is waited for that does not answer: as long as its restart takes.
const PATIENCE: Duration = Duration::from_secs(60);

const RETRY: Backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(3));

#[derive(clap::Args)]
pub struct Arguments {
    /// Where control lets machines join, as `control edges token` prints it.
    #[arg(value_parser = parse_url)]
    control: Upstream,
    /// The token. Others on this machine see it in the list of processes: without it, it is
    /// read from standard input.
    token: Option<String>,
    /// A file with the token instead.
    #[arg(long, conflicts_with = "token")]
    token_file: Option<PathBuf>,
    /// Address and port at which control reaches the private API of this edge; by default the
    /// address by which this machine reaches control, and port 9100.
    #[arg(long)]
    private: Option<SocketAddr>,
    /// Where visitors reach it, as in https://203.0.113.7, for control's checks.
    #[arg(long, value_parser = parse_upstream)]
    visitors: Option<Upstream>,
    /// Where visitors arrive without TLS.
    #[arg(long, default_value = "0.0.0.0:80")]
    listen: SocketAddr,
    /// Where they arrive with it.
    #[arg(long, default_value = "0.0.0.0:443")]
    listen_tls: SocketAddr,
    /// Where configuration and keys are put; nothing is written over a configuration.
    #[arg(long, default_value = "/etc/arcamatrix")]
    folder: PathBuf,
    /// Where routes will be kept.
    #[arg(long, default_value = "/var/lib/arcamatrix/edge")]
    state_folder: PathBuf,
}

/// # Errors
/// When this machine is an edge already, the token is not good, somebody else than control
/// answers, control does not answer within a minute, or a file cannot be written.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let places = Places::new(&arguments.folder)?;
    places.check_free()?;
    let token = read_token(arguments)?;
    let token = JoinToken::parse(token.expose())
        .context("this is no token: `control edges token NAME` makes one")?;
    let private = match arguments.private {
        Some(private) => private,
        None => SocketAddr::new(own_address(&arguments.control)?, PRIVATE_PORT),
    };
    let pending = Pending::open(&places, private, arguments.visitors.as_ref())?;
    let request = pending.request(&token);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answer = runtime.block_on(ask(&arguments.control, &token, &request))?;
    let config = configuration(arguments, &places, private, &answer);
    let is_given = places.write(&[
        (files::CERTIFICATE, &pending.certificate),
        (files::KEY, &pending.key),
        (files::TOKEN, &pending.admin_token),
        (files::KEYS, &answer.keys),
        (files::CONFIGURATION, &config),
    ])?;
    say(arguments, &token.edge, private, &answer, is_given)
}

fn parse_upstream(text: &str) -> Result<Upstream, String> {
    Upstream::parse(text).map_err(|error| error.to_string())
}

fn parse_url(text: &str) -> Result<Upstream, String> {
    let url = parse_upstream(text)?;
    if url.is_tls() { Ok(url) } else { Err("must begin with https://".to_owned()) }
}

fn read_token(arguments: &Arguments) -> anyhow::Result<Secret<String>> {
    if let Some(token) = &arguments.token {
        return Ok(Secret::new(token.clone()));
    }
    let mut text = String::new();
    if let Some(path) = &arguments.token_file {
        let token = named_file::read_text(path);
        text = token.with_context(|| format!("cannot read {}", path.display()))?;
    } else if std::io::stdin().is_terminal() {
        // Not a failure worth stopping for: the prompt is a courtesy.
        let _unseen = write!(std::io::stderr(), "Token: ");
        std::io::stdin().read_line(&mut text).context("cannot read the token")?;
    } else {
        let mut input = std::io::stdin().lock().take(TOKEN_MAX_BYTES);
        input.read_to_string(&mut text).context("cannot read the token")?;
    }
    Ok(Secret::new(text))
}

/// By which this machine reaches control, and so control this machine.
fn own_address(control: &Upstream) -> anyhow::Result<IpAddr> {
    let what = || format!("cannot reach {control}; --private says where control reaches this edge");
    let addresses = (control.host_name(), control.port()).to_socket_addrs().with_context(what)?;
    let mut last = None;
    for address in addresses {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(stream) => return Ok(stream.local_addr()?.ip()),
            Err(error) => last = Some(error),
        }
    }
    Err(last.context("its name has no address")?).with_context(what)
}

/// Asks until there is an answer: control may be about to restart.
async fn ask(control: &Upstream, token: &JoinToken, request: &[u8]) -> anyhow::Result<JoinAnswer> {
    let began = Instant::now();
    let mut failures = 0;
    loop {
        match call::join(control, token.pin, request).await {
            Ok(answer) => return Ok(answer),
            Err(CallError::Unreachable(error)) => {
                failures += 1;
                if began.elapsed() > PATIENCE {
                    return Err(error.context(format!("control does not answer at {control}")));
                }
                tokio::time::sleep(RETRY.delay(failures, chance())).await;
            }
            Err(CallError::Stranger) => bail!(
                "somebody else than the control that made the token answers at {control}: it was \
                 told nothing. Where the key ring was changed since, another token is needed"
            ),
            Err(CallError::Refused(message)) => bail!("control refuses: {message}"),
            Err(CallError::Answer(why)) => bail!("control's answer cannot be read: {why}"),
        }
    }
}

fn configuration(
    arguments: &Arguments,
    places: &Places,
    private: SocketAddr,
    answer: &JoinAnswer,
) -> String {
    let path = |name: &str| places.path(name).display().to_string();
    let mut controls = answer.other_site_upstreams.clone();
    controls.insert(0, answer.site_upstream.clone());
    let tls = match (answer.site_url.starts_with("https://"), answer.hands_out_certificates) {
        (false, _) => String::new(),
        (true, true) => format!("\n[tls]\nlisten = [\"{}\"]\n", arguments.listen_tls),
        (true, false) => format!(
            "\n[tls]\nlisten = [\"{}\"]\n[[tls.certificates]]\ncertificate = {:?}\nkey = {:?}\n",
            arguments.listen_tls,
            path("tls/site.pem"),
            path("tls/site.key")
        ),
    };
    format!(
        "# Written by `edge join`. Every key is explained in\n\
         # /usr/share/doc/arcamatrix-edge/examples/edge.toml.\n\
         base_domain = {:?}\nsite_url = {:?}\nlisten = [\"{}\"]\nadmin_listen = \"{private}\"\n\
         admin_token_file = {:?}\nsite_upstream = {controls:?}\nkeys_file = {:?}\nstore = {:?}\n{tls}\
         \n[admin_tls]\ncertificate = {:?}\nkey = {:?}\n\
         \n[upstream]\nallow_http = {:?}\nallow_addresses = {:?}\n",
        answer.base_domain,
        answer.site_url,
        arguments.listen,
        path(files::TOKEN),
        path(files::KEYS),
        arguments.state_folder.join("routes.redb").display().to_string(),
        path(files::CERTIFICATE),
        path(files::KEY),
        answer.allow_http,
        answer.allow_addresses,
    )
}

fn say(
    arguments: &Arguments,
    edge: &str,
    private: SocketAddr,
    answer: &JoinAnswer,
    is_given: bool,
) -> anyhow::Result<()> {
    let folder = arguments.folder.display();
    let mut text = format!(
        "This machine is edge {edge} of {}; its configuration is in {folder}. Next:\n",
        answer.base_domain
    );
    if !is_given {
        text += &format!(
            "  This machine has no user arca-edge, or you are not root: see to it that the edge \
             can read {folder}.\n"
        );
    }
    if answer.site_url.starts_with("https://") && !answer.hands_out_certificates {
        text += &format!(
            "  Put the site's certificate and key to {folder}/tls/site.pem and site.key: control \
             obtains none.\n"
        );
    }
    text += &format!(
        "  systemctl enable --now edge\n  control edges: {private} is in step within seconds. \
         Then its address joins the DNS records.\n"
    );
    output::print(text.as_bytes())
}
