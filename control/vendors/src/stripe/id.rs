//! Stripe's names of things. Checked, because they are put into paths; events' are only kept.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id of Stripe's is one to 255 of {0}")]
pub struct IdError(&'static str);

/// Stripe promises that ids stay within this length.
const ID_MAX_CHARS: usize = 255;

fn fits_a_path(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

macro_rules! ids {
    ($alphabet:literal, $fits:expr; $($(#[$about:meta])* $name:ident,)+) => {$(
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        pub struct $name(String);

        impl $name {
            /// # Errors
            /// `text` cannot be an id. Its prefix is not looked at: Stripe may change it.
            pub fn parse(text: impl Into<String>) -> Result<Self, IdError> {
                let text = text.into();
                let fits = (1..=ID_MAX_CHARS).contains(&text.len()) && text.bytes().all($fits);
                if fits { Ok(Self(text)) } else { Err(IdError($alphabet)) }
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::parse(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
            }
        }
    )+};
}

ids! { "visible ASCII", |byte: u8| byte.is_ascii_graphic();
    /// `evt_…`
    EventId,
}

ids! { "A-Z, a-z, 0-9 and _", fits_a_path;
    /// `ch_…` or `py_…`
    ChargeId,
    /// `cs_…`
    CheckoutSessionId,
    /// `cus_…`
    CustomerId,
    /// `du_…` or `dp_…`
    DisputeId,
    /// `issfr_…`
    FraudWarningId,
    /// `in_…`
    InvoiceId,
    /// Of an event's object, whatever its type.
    ObjectId,
    /// `pi_…`
    PaymentIntentId,
    /// `bpc_…`
    PortalConfigurationId,
    /// `price_…`
    PriceId,
    /// `re_…`
    RefundId,
    /// `sub_…`
    SubscriptionId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_cannot_change_the_path_it_is_put_into() {
        let check = |text: &str, fits| assert_eq!(ObjectId::parse(text).is_ok(), fits, "{text}");
        check("sub_1SWsampB7WZ01zgkW0000001", true);
        check(&"a".repeat(255), true);
        check(&"a".repeat(256), false);
        for wrong in ["", "sub_1/../x", "sub_1?x=y", "sub 1", "sub_1%2f", "süb", "sub_1#"] {
            check(wrong, false);
        }
    }

    #[test]
    fn an_event_s_id_is_whatever_can_be_kept() {
        let check = |text: &str, fits| assert_eq!(EventId::parse(text).is_ok(), fits, "{text}");
        check("evt_1SWsampB7WZ01zgkW0000001", true);
        check("evt_1-2/3", true);
        check(&"a".repeat(256), false);
        for wrong in ["", "evt 1", "evt_1\n", "evt_ü", "evt_\0"] {
            check(wrong, false);
        }
    }
}
