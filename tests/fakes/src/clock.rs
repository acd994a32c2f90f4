//! What time it is: the only place of the fakes that asks the machine.

use std::time::{SystemTime, UNIX_EPOCH};

#[expect(clippy::disallowed_methods, reason = "the fakes' clock")]
pub fn now() -> SystemTime {
    SystemTime::now()
}

pub fn unix_seconds() -> u64 {
    unix_millis() / 1_000
}

/// The unit of every time in the gateway's frames.
pub fn unix_millis() -> u64 {
    let since_1970 = now().duration_since(UNIX_EPOCH).expect("the clock stands after 1970");
    u64::try_from(since_1970.as_millis()).expect("milliseconds fit for 500 million years")
}
