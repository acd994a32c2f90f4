//! Where things stand in a VM. Fixed: what runs there was prepared for it.

/// Of the user that the provider gives us.
pub const HOME: &str = "/home/sprite";

/// The agent's folder, closed to the gateway: its configuration holds keys.
pub const AGENT_FOLDER: &str = "/home/sprite/arcamatrix";

pub const AGENT_CONFIG: &str = "/home/sprite/arcamatrix/sprite-agent.toml";

/// Where the provider's API stands inside.
pub const API_SOCKET: &str = "/.sprite/api.sock";

/// What the customer has chosen about the agent itself.
pub const AGENT_SETTINGS: &str = "/home/sprite/arcamatrix/settings.json";

/// Also the agent's: the gateway's output is what it must not rewrite.
pub const LOG_FOLDER: &str = "/home/sprite/arcamatrix/logs";

/// The gateway's folder; it rewrites its configuration there.
pub const STATE_FOLDER: &str = "/home/sprite/openclaw";

pub const GATEWAY_CONFIG: &str = "/home/sprite/openclaw/openclaw.json";

/// The gateway's own log, which it keeps in six files of `logging.maxFileBytes`. What an
/// operator reads is the agent's copy of its output, without secrets.
pub const GATEWAY_LOG: &str = "/home/sprite/openclaw/logs/openclaw.log";

/// Where the VM's public URL leads to.
pub const AGENT_PORT: u16 = 8080;

pub const GATEWAY_PORT: u16 = 3001;

/// The one service that we register: it runs the gateway as its child.
pub const SERVICE: &str = "agent";

/// Where the agent tells how it is.
pub const HEALTH_PATH: &str = "/pflaster/health";

/// Where the agent has its gateway closed to new work, unless something runs.
pub const SUSPEND_PATH: &str = "/pflaster/suspend";

/// Where the agent gives out its logs.
pub const LOGS_PATH: &str = "/pflaster/logs";

/// Which files were there before anybody's secret, where machines are wiped.
pub const FILE_LIST: &str = "/home/sprite/.base-files";

/// Says that a base was installed to its end.
pub fn marker(base: &str) -> String {
    format!("{HOME}/.base-{base}")
}
