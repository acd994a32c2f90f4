//! The few statements on which SQLite and PostgreSQL do not agree.

/// Which database a URL leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    /// # Errors
    /// Names the schemes that are understood.
    pub fn of_url(url: &str) -> Result<Self, &'static str> {
        match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") => Ok(Self::Sqlite),
            Some("postgres" | "postgresql") => Ok(Self::Postgres),
            _ => Err("must begin with sqlite: or postgres:"),
        }
    }

    /// Begins a transaction that will write.
    ///
    /// SQLite must take the write lock at once: a transaction that reads first
    /// and writes later fails when another one wrote in between.
    pub(in crate::store) const fn begin_write(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN",
        }
    }

    /// Run inside a transaction that only reads, and that a slow reader may keep open: it
    /// keeps nobody waiting.
    pub(in crate::store) const fn snapshot_setup(self) -> &'static [&'static str] {
        match self {
            Self::Sqlite => &[],
            Self::Postgres => &["SET LOCAL idle_in_transaction_session_timeout = '5min'"],
        }
    }

    /// Begins a transaction whose reads all see the same state.
    pub(in crate::store) const fn begin_snapshot(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN",
            Self::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        }
    }

    /// Run once on each new connection.
    pub(in crate::store) const fn connection_setup(self) -> &'static [&'static str] {
        match self {
            Self::Sqlite => &[
                // First: also the change to WAL may have to wait for another process.
                "PRAGMA busy_timeout = 5000",
                "PRAGMA journal_mode = WAL",
                "PRAGMA foreign_keys = ON",
                // An answered change must be there after a power cut.
                "PRAGMA synchronous = FULL",
            ],
            Self::Postgres => &[
                "SET statement_timeout = '30s'",
                // Of a process that vanished in the middle of a transaction: what it has
                // locked is free again after this.
                "SET idle_in_transaction_session_timeout = '10s'",
                // Shorter than a request waits for a connection: one that waits for a
                // lock does not keep the connection from those who need no lock.
                "SET lock_timeout = '3s'",
                "SET tcp_user_timeout = '10s'",
            ],
        }
    }

    /// Run on the connection that migrates, whose statements take as long as they take.
    pub(in crate::store) const fn migration_setup(self) -> &'static [&'static str] {
        match self {
            Self::Sqlite => self.connection_setup(),
            Self::Postgres => &["SET statement_timeout = 0", "SET lock_timeout = 0"],
        }
    }

    /// Ends a read of rows to be written, which leaves out those that others write
    /// now. SQLite has one writer.
    pub(in crate::store) const fn skip_locked(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => "FOR UPDATE SKIP LOCKED",
        }
    }
}
