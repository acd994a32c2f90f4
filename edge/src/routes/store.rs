//! The tables on disk, so that an edge serves at once when it starts alone.
//!
//! One file, three tables in it: routes, locks, and `about`, which says the
//! form of the file and the state that the rows add up to. A change of the
//! tables is one transaction, on disk when [`Store::write`] returns.

use std::fs::File;
use std::io;
use std::mem;
use std::path::Path;
use std::sync::{Arc, mpsc};

use redb::{
    Database, Durability, ReadableDatabase as _, ReadableTable as _, TableDefinition,
    WriteTransaction,
};
use shared::wire::GenerationState;
use shared::{Checksum, Route, Username};

use super::row::{self, BadRow};
use super::step::Step;
use super::tables::Tables;

const ROUTES: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("routes");
const LOCKS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("locks");
const ABOUT: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("about");

/// Key in `about`: the form of the file.
const FORMAT: &str = "format";
/// The only form there is so far. Raise it with a change that other releases would misread.
const FORMAT_1: &[u8] = b"arcamatrix routes 1";
/// Key in `about`: the state as JSON. Missing until the edge is told one.
const STATE: &str = "state";

/// Reads after the start are rare and small, so little is kept: 8 of the 250
/// bytes that a route may cost when there are a million.
const CACHE_BYTES: usize = 8 << 20;

/// Routes that go from one thread to the other at a time while a store is read,
/// and how often they may wait there: together two megabytes.
const PIECE_ROUTES: usize = 1_024;
const PIECES_MAX: usize = 8;

pub(crate) struct Store {
    database: Database,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("another process has it open")]
    InUse,
    /// No use in trying again: the file is not, or no longer, what we wrote.
    #[error("it is spoiled: {0}")]
    Spoiled(String),
    #[error("the file system refused")]
    Io(#[from] io::Error),
    #[error("the disk did not answer in time")]
    Slow,
    #[error("another process has taken it over")]
    GivenUp,
    #[error("the database failed")]
    Database(#[source] redb::Error),
}

impl Store {
    /// Opens the store at `path`, making an empty one if there is none.
    ///
    /// Every page and every row is checked, so that nothing is served, or
    /// stumbled over later, that is not what was written.
    ///
    /// # Errors
    /// `Spoiled` is the caller's to move aside. The others may pass.
    pub(crate) fn open(path: &Path) -> Result<(Self, Tables), StoreError> {
        let is_new = !path.try_exists()?;
        let database = Database::builder()
            .set_cache_size(CACHE_BYTES)
            // A database that trusts a damaged file may panic: a loop of crashes.
            .set_check_integrity_on_open(true)
            .create(path)
            .map_err(failed)?;
        let store = Self { database };
        store.check_format()?;
        if is_new {
            // The file's name is part of what must survive a loss of power.
            sync_folder_of(path)?;
        }
        let tables = store.read()?;
        Ok((store, tables))
    }

    /// Takes `steps` and the state they lead to in one transaction; durable on return.
    ///
    /// # Errors
    /// Whether it was written is unknown until the store was opened again.
    pub(crate) fn write(&self, state: &GenerationState, steps: &[Step]) -> Result<(), StoreError> {
        let mut transaction = self.database.begin_write().map_err(failed)?;
        transaction.set_durability(Durability::Immediate).map_err(failed)?;
        write_steps(&transaction, steps).map_err(failed)?;
        write_state(&transaction, state).map_err(failed)?;
        transaction.commit().map_err(failed)
    }

    /// At most `limit` names that have a route, in order, beginning after `after`.
    ///
    /// # Errors
    /// When the disk cannot be read.
    pub(crate) fn names(
        &self,
        after: Option<&Username>,
        limit: usize,
    ) -> Result<Vec<Username>, StoreError> {
        use std::ops::Bound::{Excluded, Unbounded};
        let transaction = self.database.begin_read().map_err(failed)?;
        let routes = transaction.open_table(ROUTES).map_err(failed)?;
        let start = after.map_or(Unbounded, |name| Excluded(name.as_bytes()));
        let mut names = Vec::new();
        for row in routes.range::<&[u8]>((start, Unbounded)).map_err(failed)?.take(limit) {
            let (key, _) = row.map_err(failed)?;
            names.extend(row::parse_name(key.value()));
        }
        Ok(names)
    }

    fn check_format(&self) -> Result<(), StoreError> {
        let transaction = self.database.begin_write().map_err(failed)?;
        if transaction.list_tables().map_err(failed)?.next().is_none() {
            prepare(&transaction).map_err(failed)?;
            return transaction.commit().map_err(failed);
        }
        drop(transaction);
        match self.about(FORMAT)? {
            Some(format) if format == FORMAT_1 => Ok(()),
            Some(format) => {
                let format = String::from_utf8_lossy(&format).into_owned();
                Err(StoreError::Spoiled(format!(
                    "its format is {format:?}, which is not known here"
                )))
            }
            None => Err(StoreError::Spoiled("it does not say its format".to_owned())),
        }
    }

    fn read(&self) -> Result<Tables, StoreError> {
        let told: Option<GenerationState> = match self.about(STATE)? {
            Some(row) => Some(
                serde_json::from_slice(&row)
                    .map_err(|error| StoreError::Spoiled(format!("its state: {error}")))?,
            ),
            None => None,
        };
        let (routes, checksum) = self.read_routes()?;
        let mut locks = Vec::new();
        self.each_row(LOCKS, |key, row| {
            locks.push(row::read_lock(key, row)?);
            Ok(())
        })?;
        let (route_count, lock_count) = (routes.len() as u64, locks.len() as u64);
        let checksum = locks.iter().fold(checksum, Checksum::with_lock);
        let tables = Tables::of(told, routes, locks)
            .map_err(|_| StoreError::Spoiled("a row stands in it twice".to_owned()))?;
        let state = tables.state();
        if (state.routes, state.locks, state.checksum) != (route_count, lock_count, checksum) {
            return Err(StoreError::Spoiled("its rows are not those of its state".to_owned()));
        }
        Ok(tables)
    }

    /// Every route, and the sum of them, which another thread adds up meanwhile.
    fn read_routes(&self) -> Result<(Vec<Arc<Route>>, Checksum), StoreError> {
        let (sender, pieces) = mpsc::sync_channel::<Vec<Arc<Route>>>(PIECES_MAX);
        std::thread::scope(|scope| {
            let reader = scope.spawn(move || {
                let mut piece = Vec::with_capacity(PIECE_ROUTES);
                let read = self.each_row(ROUTES, |key, row| {
                    piece.push(Arc::new(row::read_route(key, row)?));
                    if piece.len() == PIECE_ROUTES {
                        let full = mem::replace(&mut piece, Vec::with_capacity(PIECE_ROUTES));
                        sender.send(full).expect("taken until we hang up");
                    }
                    Ok(())
                });
                sender.send(piece).expect("taken until we hang up");
                read
            });
            let mut routes = Vec::new();
            let mut checksum = Checksum::default();
            for piece in pieces {
                checksum = piece.iter().fold(checksum, |sum, route| sum.with_route(route));
                routes.extend(piece);
            }
            reader.join().expect("reading does not panic")?;
            Ok((routes, checksum))
        })
    }

    fn each_row(
        &self,
        table: TableDefinition<'_, &[u8], &[u8]>,
        mut visit: impl FnMut(&[u8], &[u8]) -> Result<(), BadRow>,
    ) -> Result<(), StoreError> {
        let transaction = self.database.begin_read().map_err(failed)?;
        let table = transaction.open_table(table).map_err(failed)?;
        for row in table.iter().map_err(failed)? {
            let (key, value) = row.map_err(failed)?;
            visit(key.value(), value.value())
                .map_err(|bad| StoreError::Spoiled(bad.to_string()))?;
        }
        Ok(())
    }

    fn about(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let transaction = self.database.begin_read().map_err(failed)?;
        let about = transaction.open_table(ABOUT).map_err(failed)?;
        let row = about.get(key).map_err(failed)?;
        Ok(row.map(|row| row.value().to_vec()))
    }
}

/// Makes the tables of a new file.
fn prepare(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    transaction.open_table(ROUTES)?;
    transaction.open_table(LOCKS)?;
    transaction.open_table(ABOUT)?.insert(FORMAT, FORMAT_1)?;
    Ok(())
}

fn write_steps(transaction: &WriteTransaction, steps: &[Step]) -> Result<(), redb::Error> {
    let mut routes = transaction.open_table(ROUTES)?;
    let mut locks = transaction.open_table(LOCKS)?;
    let mut row = Vec::new();
    // In the order of the file: a whole table would be scattered all over it.
    let mut sorted: Vec<_> = steps.iter().collect();
    sorted.sort_by_key(|step| *step.username());
    for step in sorted {
        row.clear();
        match step {
            Step::Put { after, .. } => {
                row::write_route(after, &mut row);
                routes.insert(after.username.as_bytes(), row.as_slice())?;
            }
            Step::Remove { before } => {
                routes.remove(before.username.as_bytes())?;
            }
            Step::Lock { after, .. } => {
                row::write_lock(after, &mut row);
                locks.insert(row::lock_key(&after.key()).as_bytes(), row.as_slice())?;
            }
            Step::Unlock { before } => {
                locks.remove(row::lock_key(&before.key()).as_bytes())?;
            }
        }
    }
    Ok(())
}

fn write_state(transaction: &WriteTransaction, state: &GenerationState) -> Result<(), redb::Error> {
    let row = serde_json::to_vec(state).expect("numbers and a checksum are JSON");
    transaction.open_table(ABOUT)?.insert(STATE, row.as_slice())?;
    Ok(())
}

fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Tells what is wrong with the file from what is wrong around it.
fn failed(error: impl Into<redb::Error>) -> StoreError {
    use redb::Error;
    match error.into() {
        Error::DatabaseAlreadyOpen => StoreError::InUse,
        Error::Io(error) => match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
                StoreError::Spoiled(error.to_string())
            }
            _ => StoreError::Io(error),
        },
        error @ (Error::Corrupted(_)
        | Error::UpgradeRequired(_)
        | Error::RepairAborted
        | Error::TableTypeMismatch { .. }
        | Error::TypeDefinitionChanged { .. }
        | Error::TableIsMultimap(_)
        | Error::TableDoesNotExist(_)) => StoreError::Spoiled(error.to_string()),
        error => StoreError::Database(error),
    }
}
