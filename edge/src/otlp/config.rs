//! Where spans are sent: the table `[otlp]` of the configuration.

use std::path::{Path, PathBuf};

use shared::Upstream;
use shared::process::{Section, named_file};

pub(crate) struct OtlpConfig {
    /// The collector, without a path.
    pub(crate) endpoint: Upstream,
    /// Certificates to trust instead of the system's.
    pub(crate) ca_file: Option<PathBuf>,
}

impl OtlpConfig {
    pub(crate) fn from_section(section: &mut Section<'_>) -> Option<Self> {
        let endpoint = section.required("endpoint", Upstream::parse);
        let ca_file = section.optional("ca_file", |path| {
            let opened = named_file::open(Path::new(path));
            opened.map(|_| path.into()).map_err(|error| format!("{path} cannot be read: {error}"))
        });
        Some(Self { endpoint: endpoint?, ca_file })
    }
}
