//! What there is to say: a field for each text, with what it is given.

use crate::model::workspace::EndReason;

type Text = &'static str;

/// A text with one thing in it; the field says which.
type With1 = fn(&str) -> String;

/// A text with two things in it, in the order that the field says.
type With2 = fn(&str, &str) -> String;

type With3 = fn(&str, &str, &str) -> String;

/// Hosts, prices and times come in as the reader's language writes them.
pub(in crate::mail) struct LetterText {
    // Around every letter.
    pub(in crate::mail) tagline: Text,
    /// Before the address that reads answers.
    pub(in crate::mail) a_person_reads: Text,
    /// Before a button's address.
    pub(in crate::mail) button_fails: Text,

    // In several.
    pub(in crate::mail) choose_password: Text,
    pub(in crate::mail) repair_payment: Text,
    pub(in crate::mail) your_account: Text,
    /// A price.
    pub(in crate::mail) a_month: With1,
    /// For how long, until when, and where there is a new one.
    pub(in crate::mail) about_link: With3,
    /// Where the export is.
    pub(in crate::mail) take_out: With1,
    /// The site.
    pub(in crate::mail) welcome_back: With1,

    pub(in crate::mail) welcome: Text,
    /// The workspace's address.
    pub(in crate::mail) welcome_choose: With1,
    /// The workspace's address.
    pub(in crate::mail) welcome_moved_in: With1,
    pub(in crate::mail) welcome_open: Text,
    /// Where a link for a new password is asked for.
    pub(in crate::mail) welcome_sign_in: With1,
    pub(in crate::mail) fact_workspace: Text,
    pub(in crate::mail) fact_name: Text,
    pub(in crate::mail) fact_plan: Text,
    pub(in crate::mail) fact_next_payment: Text,
    /// The account page.
    pub(in crate::mail) welcome_cancel: With1,

    pub(in crate::mail) replaced: Text,
    pub(in crate::mail) replaced_heading: Text,
    pub(in crate::mail) replaced_lost: Text,
    /// The workspace's address.
    pub(in crate::mail) replaced_next: With1,

    pub(in crate::mail) order: Text,
    pub(in crate::mail) order_heading: Text,
    /// The host.
    pub(in crate::mail) order_preparing: With1,
    pub(in crate::mail) order_later: Text,

    pub(in crate::mail) another: Text,
    /// The hosts there are, the new one, and the price.
    pub(in crate::mail) another_what: With3,
    /// The account page.
    pub(in crate::mail) another_if: With1,

    pub(in crate::mail) order_failed: Text,
    /// The host.
    pub(in crate::mail) order_failed_what: With1,
    pub(in crate::mail) order_failed_then: Text,
    pub(in crate::mail) order_again: Text,

    /// The host.
    pub(in crate::mail) set_password: With1,

    pub(in crate::mail) reset: Text,
    pub(in crate::mail) reset_heading: Text,
    /// The host.
    pub(in crate::mail) reset_asked: With1,
    pub(in crate::mail) reset_not_you: Text,

    pub(in crate::mail) changed: Text,
    /// The host, and when.
    pub(in crate::mail) changed_what: With2,
    /// Where a link for a new password is asked for.
    pub(in crate::mail) changed_not_you: With1,

    pub(in crate::mail) confirm: Text,
    pub(in crate::mail) confirm_heading: Text,
    /// The host.
    pub(in crate::mail) confirm_asked: With1,
    pub(in crate::mail) confirm_this: Text,
    /// For how long, and until when.
    pub(in crate::mail) confirm_link: With2,
    pub(in crate::mail) confirm_not_you: Text,

    pub(in crate::mail) email_changed: Text,
    /// The host, and when.
    pub(in crate::mail) email_changed_what: With2,
    /// The account page.
    pub(in crate::mail) email_changed_not_you: With1,
    /// The contact page.
    pub(in crate::mail) email_changed_locked_out: With1,

    pub(in crate::mail) cancelled: Text,
    /// The host, and until when.
    pub(in crate::mail) cancelled_until: With2,
    /// Where the export is.
    pub(in crate::mail) cancelled_take: With1,
    /// The account page.
    pub(in crate::mail) cancelled_undo: With1,
    /// The host, and since when.
    pub(in crate::mail) cancelled_over: With2,
    pub(in crate::mail) cancelled_deleted: Text,

    pub(in crate::mail) ended: Text,
    /// The host, and why.
    pub(in crate::mail) ended_what: With2,
    pub(in crate::mail) ended_why: fn(EndReason) -> Text,
    pub(in crate::mail) ended_then: Text,

    pub(in crate::mail) closed: Text,
    pub(in crate::mail) closed_heading: Text,
    /// The host, and until when it is kept.
    pub(in crate::mail) closed_what: With2,
    pub(in crate::mail) closed_then: Text,

    pub(in crate::mail) near: Text,
    pub(in crate::mail) near_last: Text,
    /// The host, and when it is deleted.
    pub(in crate::mail) near_what: With2,
    pub(in crate::mail) near_then: Text,

    pub(in crate::mail) paused: Text,
    /// The host, and since when.
    pub(in crate::mail) paused_what: With2,
    pub(in crate::mail) paused_then: Text,

    pub(in crate::mail) deleted: Text,
    /// The host.
    pub(in crate::mail) deleted_what: With1,
    /// What went, when, and how that is known.
    pub(in crate::mail) deleted_line: With3,
    pub(in crate::mail) deleted_last: Text,

    pub(in crate::mail) payment_failed: Text,
    /// The host, and the price.
    pub(in crate::mail) payment_failed_what: With2,
    pub(in crate::mail) payment_failed_update: Text,
    /// Until when it stays open.
    pub(in crate::mail) payment_failed_until: With1,
}
