//! `PROV-20260214-a1b2c3d4`: what it is, the day it was made, and chance.

use std::fmt;

use super::kinds::Kind;
use crate::base::clock::Moment;
use crate::base::date::Date;
use crate::base::token::is_lower_hex;

/// Ids are said on the telephone and searched for in tickets.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskId(String);

impl TaskId {
    /// The day is that of `now` in UTC. Two of one day may be equal, about once in
    /// four thousand million pairs: the database says so.
    pub fn random(kind: Kind, now: Moment) -> Self {
        let chance = getrandom::u32().expect("the operating system gives random bytes");
        let day = Date::of(now).iso().replace('-', "");
        Self(format!("{}-{day}-{chance:08x}", kind.as_str()))
    }

    /// # Errors
    /// When `text` is not in the form of an id.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let mut parts = text.split('-');
        let parts = [parts.next(), parts.next(), parts.next(), parts.next()];
        let [Some(kind), Some(day), Some(chance), None] = parts else { return Err(FORM) };
        let is_day = day.len() == 8 && day.bytes().all(|b| b.is_ascii_digit());
        if Kind::parse(kind).is_ok() && is_day && is_lower_hex(chance, 8) {
            Ok(Self(text.to_owned()))
        } else {
            Err(FORM)
        }
    }

    pub fn kind(&self) -> Kind {
        let kind = self.0.split('-').next().unwrap_or_default();
        Kind::parse(kind).expect("checked when it was made")
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const FORM: &str = "a task's id looks like PROV-20260214-a1b2c3d4";

impl fmt::Display for TaskId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_back() {
        let id = TaskId::random(Kind::Provision, Moment::from_seconds(1_771_027_200));
        assert!(id.as_str().starts_with("PROV-20260214-"), "{id}");
        assert_eq!(TaskId::parse(id.as_str()), Ok(id));
        for wrong in ["", "PROV", "PROV-20260214-A1B2C3D4", "X-20260214-a1b2c3d4", "PROV-2-0-0"] {
            assert_eq!(TaskId::parse(wrong), Err(FORM), "{wrong}");
        }
    }
}
