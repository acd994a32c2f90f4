//! How large an archive may become.

/// How much is taken out at most.
#[derive(Debug, Clone, Copy)]
pub struct ExportLimits {
    /// Of one file. The largest that a chat or a tool makes stays far below it.
    pub file_max_bytes: u64,
    /// Of everything, before compression: a fifth of a machine's disk, and some hours of
    /// a slow line.
    pub total_max_bytes: u64,
    /// Files, folders and links: a dozen large projects with their dependencies.
    pub entries_max: usize,
}

impl Default for ExportLimits {
    fn default() -> Self {
        Self { file_max_bytes: 4 << 30, total_max_bytes: 20 << 30, entries_max: 500_000 }
    }
}
