
pub mod live;
pub mod routes;
