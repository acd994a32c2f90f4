//! What becomes of a machine whose workspace has ended.

/// `recycling` of `[pool]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecycleStrategy {
    /// It is destroyed, and another one made.
    Replace,
    /// It is put back to what it was, and used again once that is proved.
    Wipe,
}

/// So many times as many as are wanted may stand ready: ends come in bursts.
const ROOM: u64 = 2;

impl RecycleStrategy {
    /// # Errors
    /// When `text` is neither.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        match text {
            "replace" => Ok(Self::Replace),
            "wipe" => Ok(Self::Wipe),
            _ => Err("is neither \"replace\" nor \"wipe\""),
        }
    }

    /// Whether a machine is worth wiping while so many stand ready.
    pub fn wipes(self, available: u64, wanted: u64) -> bool {
        self == Self::Wipe && available < wanted.saturating_mul(ROOM)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_wiped_while_there_is_room_for_it() {
        let check = |text: &str, available, expected| {
            assert_eq!(RecycleStrategy::parse(text).unwrap().wipes(available, 3), expected);
        };
        check("wipe", 5, true);
        check("wipe", 6, false);
        check("replace", 0, false);
        assert!(RecycleStrategy::parse("keep").is_err());
    }
}
