//! A field that holds an id, or the object itself when it was asked for.

use serde::Deserialize;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Expandable<I, T> {
    Id(I),
    Object(Box<T>),
}

/// An object that tells its own id.
pub trait Identified<I> {
    fn id(&self) -> &I;
}

impl<I, T: Identified<I>> Expandable<I, T> {
    pub fn id(&self) -> &I {
        match self {
            Self::Id(id) => id,
            Self::Object(object) => object.id(),
        }
    }

    pub fn object(&self) -> Option<&T> {
        match self {
            Self::Id(_) => None,
            Self::Object(object) => Some(object),
        }
    }
}
