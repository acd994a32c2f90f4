//! Where workspaces are: read, and taken away.

use shared::{Generation, Route, Username};

use super::route_rows;
use crate::store::{Store, StoreError};

impl Store {
    pub async fn route(&self, username: &Username) -> Result<Option<Route>, StoreError> {
        route_rows::find(&mut self.read().await?, username).await
    }

    /// Up to `limit` routes whose names come after `after`, in the order of names.
    pub async fn routes(&self, after: &str, limit: u32) -> Result<Vec<Route>, StoreError> {
        route_rows::page(&mut self.read().await?, after, limit).await
    }

    /// Counts every row: for metrics and the head of a table, not for requests.
    pub async fn count_routes(&self) -> Result<u64, StoreError> {
        route_rows::count(&mut self.read().await?).await
    }

    /// `None` when there is no such route.
    pub async fn remove_route(
        &self,
        username: &Username,
    ) -> Result<Option<Generation>, StoreError> {
        let mut write = self.begin().await?;
        write.remove_route(username).await?;
        write.commit_routes().await
    }
}
