//! Each kind of task: its steps, its limits, and what a task of it carries.
//!
//! Steps and payloads are stored: a program of another release reads them.

mod mail;
mod payer;
mod prepare;
mod provision;
mod recycle;
mod spec;
mod stripe;
mod ticket;
mod trial;
mod update;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use mail::SendMail;
pub use payer::TellPayer;
pub use prepare::PrepareSprite;
pub use provision::ProvisionWorkspace;
pub use recycle::RecycleWorkspace;
pub use spec::{Spec, StepName};
pub use stripe::{SyncStripe, SyncTarget};
pub use ticket::OpenTicket;
pub use trial::TryBase;
pub use update::UpdateWorkspace;

/// A line is a kind, the beginning of its tasks' ids, and what they carry.
macro_rules! kinds {
    ($($kind:ident = $word:literal: $payload:ident,)+) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Kind {
            $($kind,)+
        }

        impl Kind {
            pub const ALL: [Self; [$(Self::$kind),+].len()] = [$(Self::$kind),+];

            /// The beginning of a task's id.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => $word,)+
                }
            }

            pub const fn spec(self) -> &'static Spec {
                match self {
                    $(Self::$kind => &$payload::SPEC,)+
                }
            }
        }

        $(impl Payload for $payload {
            const KIND: Kind = Kind::$kind;
        })+
    };
}

kinds! {
    Provision = "PROV": ProvisionWorkspace,
    Recycle = "RECYCLE": RecycleWorkspace,
    Prepare = "PREPARE": PrepareSprite,
    Stripe = "STRIPE": SyncStripe,
    Mail = "MAIL": SendMail,
    Ticket = "TICKET": OpenTicket,
    Trial = "TRIAL": TryBase,
    Update = "UPDATE": UpdateWorkspace,
    Payer = "PAYER": TellPayer,
}

/// What a task of one kind carries. It is stored as JSON and shown to the operator: no
/// secret may be in it.
pub trait Payload: Serialize + DeserializeOwned {
    const KIND: Kind;
}

impl Kind {
    /// # Errors
    /// Names the kinds there are.
    pub fn parse(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| format!("a kind is {}", Self::names()))
    }

    /// All of them, in a sentence.
    pub fn names() -> String {
        let (last, others) = Self::ALL.split_last().expect("there are kinds");
        let others: Vec<_> = others.iter().map(|kind| kind.as_str()).collect();
        format!("{} or {}", others.join(", "), last.as_str())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn every_kind_is_read_back() {
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.as_str()), Ok(kind));
        }
        let error = Kind::parse("prov").unwrap_err();
        assert_eq!(
            error,
            "a kind is PROV, RECYCLE, PREPARE, STRIPE, MAIL, TICKET, TRIAL, UPDATE or PAYER"
        );
    }

    fn check<P: Payload>(kind: Kind, stored: &Value) {
        assert_eq!(P::KIND, kind);
        let read: P = serde_json::from_value(stored.clone()).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), *stored);
    }

    #[test]
    fn payloads_are_stored_as_they_always_were() {
        let signup = json!({ "signup": format!("su_{}", "a".repeat(32)) });
        check::<ProvisionWorkspace>(Kind::Provision, &signup);
        check::<RecycleWorkspace>(Kind::Recycle, &signup);
        check::<PrepareSprite>(Kind::Prepare, &json!({}));
        check::<SendMail>(Kind::Mail, &json!({ "mail": "welcome/su_1", "letter": "welcome" }));
        check::<TryBase>(Kind::Trial, &json!({ "base": "0123" }));
        check::<UpdateWorkspace>(Kind::Update, &json!({ "base": "0123" }));
        check::<TellPayer>(Kind::Payer, &json!({}));
        check::<OpenTicket>(Kind::Ticket, &json!({ "incident": "task/x" }));
        let event = "checkout.session.completed";
        let looked = json!({ "about": "checkout", "object": "cs_1", "event": event });
        check::<SyncStripe>(Kind::Stripe, &looked);
    }

    #[test]
    fn names_and_steps_are_stored_as_they_always_were() {
        let seen = Kind::ALL.into_iter().map(|kind| {
            let steps: Vec<_> = kind.spec().steps.iter().map(|step| step.as_str()).collect();
            format!("{}: {}", kind.as_str(), steps.join(" "))
        });
        let expected = [
            "PROV: assign wake configure start ready route mail pool",
            "RECYCLE: cut stop wipe destroy free",
            "PREPARE: create wake install seal offer",
            "STRIPE: follow",
            "MAIL: send",
            "TICKET: open",
            "TRIAL: take start ready talk judge",
            "UPDATE: idle stop checkpoint install ready back note",
            "PAYER: tell",
        ];
        assert_eq!(seen.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn no_kind_has_a_step_twice() {
        for kind in Kind::ALL {
            let mut names: Vec<_> = kind.spec().steps.iter().map(|step| step.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), kind.spec().steps.len(), "{kind:?}");
        }
    }
}
