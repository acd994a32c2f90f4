//! Diagnostics on standard error: JSON lines for machines, text for people.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Json,
    Text,
}

impl LogFormat {
    /// # Errors
    /// When `text` is neither `json` nor `text`.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        match text {
            "json" => Ok(Self::Json),
            "text" => Ok(Self::Text),
            _ => Err("is \"json\" or \"text\""),
        }
    }
}

/// Call once. `RUST_LOG` overrides `default_level`, as in `info,edge=debug`.
pub fn start(format: LogFormat, default_level: &str) {
    start_with(format, default_level, std::io::stderr);
}

/// [`start`] with another place for the lines, which may be more than one.
pub fn start_with<W>(format: LogFormat, default_level: &str, writer: W)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default_level));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // It would be told of on standard error, which has just failed: a panic.
        .log_internal_errors(false)
        .with_writer(writer);
    match format {
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).init(),
        LogFormat::Text => lines.init(),
    }
}
