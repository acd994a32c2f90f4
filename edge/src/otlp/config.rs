//! Where spans are sent: the table `[otlp]` of the configuration.

use std::path::{Path, PathBuf};

use shared::Upstream;
use shared::process::Section;

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
            if Path::new(path).is_file() { Ok(path.into()) } else { Err("is not a file") }
        });
        Some(Self { endpoint: endpoint?, ca_file })
    }
}
