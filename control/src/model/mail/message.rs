//! What is written to a customer, before it has words.

use shared::Username;

use crate::base::clock::Moment;
use crate::base::language::Language;
use crate::base::text_enum::text_enum;
use crate::model::email_change::NewEmailChange;
use crate::model::password_link::NewLink;
use crate::model::receipt::Receipt;
use crate::model::workspace::EndReason;

/// Who a letter goes to.
#[derive(Debug, Clone, Copy)]
pub struct Recipient<'a> {
    pub username: Username,
    pub email: &'a str,
    pub language: Language,
}

#[derive(Debug, Clone, Copy)]
pub enum Message<'a> {
    /// The workspace answers.
    Welcome {
        /// `None` for a customer who has a password already.
        link: Option<&'a NewLink>,
        /// The end of the period that is paid for.
        next_payment: Option<Moment>,
    },
    /// The payment is here, and the workspace is still being prepared.
    OrderReceived,
    /// The same address has these already.
    AnotherWorkspace {
        others: &'a [Username],
    },
    /// What a bank was to pay did not come, days after the order: nothing was opened.
    OrderFailed,
    /// The first link is lost or too old.
    SetPassword {
        link: &'a NewLink,
    },
    ResetPassword {
        link: &'a NewLink,
    },
    PasswordChanged,
    /// To the address that is to be theirs.
    ConfirmEmail {
        change: &'a NewEmailChange,
    },
    /// To the address that was theirs.
    EmailChanged,
    /// Access ends then; in the past, it has ended.
    Cancelled {
        until: Moment,
    },
    /// The subscription goes on after all.
    CancellationUndone {
        /// `None` while it is not paid for.
        next_payment: Option<Moment>,
    },
    /// The workspace has ended.
    Ended {
        why: EndReason,
    },
    /// Nobody paid for it: it is closed, and kept until it `ends`.
    Closed {
        ends: Moment,
    },
    /// It is closed, and its end is near.
    EndIsNear {
        ends: Moment,
        is_last: bool,
    },
    /// Nothing is left of it but this receipt, in the language of the recipient.
    Deleted {
        receipt: &'a Receipt,
    },
    /// Its machine was lost, with what was in it; another one is being prepared.
    MachineReplaced,
    /// It is closed while its subscription is paused.
    Paused,
    /// A renewal could not be paid; the workspace stays open until then.
    PaymentFailed {
        grace_until: Moment,
    },
}

text_enum! {
    /// A letter's kind, as the database and metrics name it.
    pub enum MailKind or "not a kind of letter" {
        Welcome = "welcome",
        OrderReceived = "order_received",
        AnotherWorkspace = "another_workspace",
        OrderFailed = "order_failed",
        SetPassword = "set_password",
        ResetPassword = "reset_password",
        PasswordChanged = "password_changed",
        ConfirmEmail = "confirm_email",
        EmailChanged = "email_changed",
        Cancelled = "cancelled",
        CancellationUndone = "cancellation_undone",
        Ended = "ended",
        Closed = "closed",
        EndIsNear = "end_is_near",
        Deleted = "deleted",
        Paused = "paused",
        MachineReplaced = "machine_replaced",
        PaymentFailed = "payment_failed",
    }
}

impl<'a> Message<'a> {
    pub fn kind(&self) -> MailKind {
        match self {
            Self::Welcome { .. } => MailKind::Welcome,
            Self::OrderReceived => MailKind::OrderReceived,
            Self::AnotherWorkspace { .. } => MailKind::AnotherWorkspace,
            Self::OrderFailed => MailKind::OrderFailed,
            Self::SetPassword { .. } => MailKind::SetPassword,
            Self::ResetPassword { .. } => MailKind::ResetPassword,
            Self::PasswordChanged => MailKind::PasswordChanged,
            Self::ConfirmEmail { .. } => MailKind::ConfirmEmail,
            Self::EmailChanged => MailKind::EmailChanged,
            Self::Cancelled { .. } => MailKind::Cancelled,
            Self::CancellationUndone { .. } => MailKind::CancellationUndone,
            Self::Ended { .. } => MailKind::Ended,
            Self::Closed { .. } => MailKind::Closed,
            Self::EndIsNear { .. } => MailKind::EndIsNear,
            Self::Deleted { .. } => MailKind::Deleted,
            Self::Paused => MailKind::Paused,
            Self::MachineReplaced => MailKind::MachineReplaced,
            Self::PaymentFailed { .. } => MailKind::PaymentFailed,
        }
    }

    /// When the link in it opens nothing any more, for a letter that has one.
    pub fn expires(&self) -> Option<Moment> {
        match *self {
            Self::Welcome { link, .. } => link.map(|link| link.expires),
            Self::SetPassword { link } | Self::ResetPassword { link } => Some(link.expires),
            Self::ConfirmEmail { change } => Some(change.expires),
            _ => None,
        }
    }
}
