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
    pub(super) const fn begin_write(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN",
        }
    }

    /// Begins a transaction whose reads all see the same state.
    pub(super) const fn begin_snapshot(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN",
            Self::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        }
    }

    /// Said once on each new connection.
    pub(super) const fn greeting(self) -> &'static [&'static str] {
        match self {
            Self::Sqlite => &[
                // First: also the change to WAL may have to wait for another process.
                "PRAGMA busy_timeout = 5000",
                "PRAGMA journal_mode = WAL",
                "PRAGMA foreign_keys = ON",
                // An answered change must be there after a power cut.
                "PRAGMA synchronous = FULL",
            ],
            Self::Postgres => &["SET statement_timeout = '30s'"],
        }
    }

    /// Ends a read of rows to be written, which leaves out those that others write
    /// now. SQLite has one writer.
    pub(super) const fn skip_held(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => "FOR UPDATE SKIP LOCKED",
        }
    }
}
