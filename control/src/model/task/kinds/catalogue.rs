//! The kinds beside each other.

use super::mail::MAIL;
use super::prepare::PREPARE;
use super::provision::PROVISION;
use super::recycle::RECYCLE;
use super::spec::Spec;
use super::stripe::STRIPE;
use super::ticket::TICKET;
use super::trial::TRIAL;
use super::update::UPDATE;
use crate::model::task::kind::Kind;

impl Kind {
    pub const fn spec(self) -> &'static Spec {
        match self {
            Self::Provision => &PROVISION,
            Self::Recycle => &RECYCLE,
            Self::Prepare => &PREPARE,
            Self::Stripe => &STRIPE,
            Self::Mail => &MAIL,
            Self::Ticket => &TICKET,
            Self::Trial => &TRIAL,
            Self::Update => &UPDATE,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::model::task::kinds::{
        OpenTicket, Payload, PrepareSprite, ProvisionWorkspace, RecycleWorkspace, SendMail,
        SyncStripe, TryBase, UpdateWorkspace,
    };

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
