//! The letters in English.

use super::letter_text::LetterText;
use crate::model::workspace::EndReason;

pub(super) const TEXT: LetterText = LetterText {
    tagline: "an assistant that is only yours",
    a_person_reads: "A person reads what you write to us: answer this mail, or write to",
    button_fails: "If the button does nothing, open this address:",

    choose_password: "Choose your password",
    repair_payment: "Repair the payment",
    your_account: "Your account",
    a_month: |price| format!("{price} a month"),
    about_link: |lifetime, until, url| {
        format!(
            "The link works once, for {lifetime}: until {until}. If it is too old, you get a new \
             one at {url}."
        )
    },
    take_out: |url| {
        format!(
            "While it is closed you can still take out everything that is in it, as one archive: \
             {url}"
        )
    },
    welcome_back: |url| format!("You are welcome back: {url}"),

    welcome: "Your workspace is ready",
    welcome_choose: |url| {
        format!("Your assistant has moved in at {url}. Choose a password, and you are in.")
    },
    welcome_moved_in: |url| format!("Your assistant has moved in at {url}."),
    welcome_open: "Open your workspace",
    welcome_sign_in: |url| {
        format!(
            "Sign in with the password you have chosen. Should you forget it, you get a link for a \
             new one at {url}."
        )
    },
    fact_workspace: "Workspace",
    fact_name: "Your name",
    fact_plan: "Plan",
    fact_next_payment: "Next payment",
    welcome_cancel: |url| {
        format!(
            "You can cancel whenever you like, on your account page: {url}. Your workspace then \
             stays open until the end of the month that is paid for."
        )
    },

    replaced: "Your workspace had to be made anew",
    replaced_heading: "What was in your workspace is lost",
    replaced_lost: "The machine that your assistant lived in has failed, and what was in it is \
                    lost: its files, and your conversations. We are sorry. You need not do \
                    anything, and pay nothing more for it.",
    replaced_next: |url| {
        format!(
            "Another machine is being prepared with the skills that you chose, at the same \
             address: {url}. Answer this letter if we may help."
        )
    },

    order: "We have your order",
    order_heading: "Your payment has arrived",
    order_preparing: |host| {
        format!(
            "We are preparing {host}. It takes a little longer than usual; nothing is lost, and \
             there is nothing for you to do."
        )
    },
    order_later: "As soon as it is ready we write to you again, with a link to it.",

    another: "You have more than one workspace now",
    another_what: |others, host, price| {
        format!(
            "With this address you have {others} already. Your new order, {host}, is another \
             workspace with a subscription of its own: each of them costs {price} a month."
        )
    },
    another_if: |url| {
        format!(
            "If that was what you wanted, there is nothing to do. If not, cancel one of them on \
             its account page: {url}"
        )
    },

    order_failed: "Your payment did not arrive",
    order_failed_what: |host| {
        format!(
            "You ordered {host} and chose to pay by bank. The payment did not arrive, so no \
             workspace was opened, and the subscription is ended."
        )
    },
    order_failed_then: "The name is free again. If you still want it, order once more:",
    order_again: "Order again",

    set_password: |host| {
        format!("Here is a new link for your workspace {host}. Earlier ones work no more.")
    },

    reset: "A new password",
    reset_heading: "Choose a new password",
    reset_asked: |host| format!("Somebody, probably you, asked for a new password for {host}."),
    reset_not_you: "If it was not you, there is nothing to do: without this link your password \
                    stays as it is.",

    changed: "Your password was changed",
    changed_what: |host, when| {
        format!("The password of {host} was changed on {when}. Every other browser was signed out.")
    },
    changed_not_you: |url| format!("If it was not you, choose a new one at once: {url}"),

    confirm: "Is this your address?",
    confirm_heading: "Confirm your new address",
    confirm_asked: |host| {
        format!("Somebody, probably you, wants letters about {host} to come to this address.")
    },
    confirm_this: "Confirm this address",
    confirm_link: |lifetime, until| format!("The link works once, for {lifetime}: until {until}."),
    confirm_not_you: "If it was not you, there is nothing to do: without this link nothing \
                      changes, and you hear no more of it.",

    email_changed: "Your e-mail address was changed",
    email_changed_what: |host, when| {
        format!(
            "Letters about {host} go to another address since {when}. This is the last one that \
             comes here. The password is as it was, and links for a new one that were sent here \
             before work no more."
        )
    },
    email_changed_not_you: |url| {
        format!(
            "If it was not you, somebody else knows your password. Sign in at once, choose another \
             password and change the address back: {url}"
        )
    },
    email_changed_locked_out: |url| {
        format!(
            "If you cannot sign in any more, write to us: {url}. We close the workspace for \
             everybody until it is clear whose it is."
        )
    },

    cancelled: "Your subscription is cancelled",
    cancelled_until: |host, until| {
        format!(
            "As you asked, {host} will not be renewed. It stays open until {until}; nothing more \
             is charged."
        )
    },
    cancelled_take: |url| {
        format!(
            "Please take with you what you want to keep: after that, the workspace and everything \
             in it is deleted and cannot be brought back. All of it in one archive is at {url}"
        )
    },
    cancelled_undo: |url| {
        format!("If you change your mind, you can undo it until then on your account page: {url}")
    },
    cancelled_over: |host, when| {
        format!(
            "The subscription of {host} ended on {when}, and the workspace is closed. Nothing more \
             is charged."
        )
    },
    cancelled_deleted: "The workspace and everything in it is being deleted.",

    ended: "Your workspace has ended",
    ended_what: |host, why| format!("{host} is closed. {why}"),
    ended_why: |why| match why {
        EndReason::Unpaid => "No payment arrived until the date that our letters had named.",
        EndReason::Erasure => "You asked us to delete everything about you.",
        EndReason::Subscription => "Its subscription is over.",
        EndReason::Refund => "Its last payment was given back in full.",
        EndReason::Dispute => {
            "Its last payment was taken back by the bank that issued the card. If you did not ask \
             for that, please talk to your bank, and then to us."
        }
    },
    ended_then: "The subscription is ended, and nothing more is charged. The workspace and \
                 everything in it is being deleted.",

    closed: "Your workspace is closed",
    closed_heading: "Your workspace is closed until it is paid for",
    closed_what: |host, ends| {
        format!(
            "No payment has arrived for {host}, so it is closed for now, and what runs in it is \
             stopped. Everything in it is kept until {ends}."
        )
    },
    closed_then: "With the payment it opens again, as you left it. We write to you twice more \
                  before anything is deleted.",

    near: "Your workspace will be deleted",
    near_last: "Last notice: your workspace is about to be deleted",
    near_what: |host, ends| {
        format!(
            "{host} is closed because no payment has arrived. On {ends} it is deleted, with \
             everything in it, and cannot be brought back."
        )
    },
    near_then: "With the payment before that date it opens again, as you left it.",

    paused: "Your subscription is paused",
    paused_what: |host, when| {
        format!(
            "The subscription of {host} is paused since {when}. While it is, nothing is charged, \
             and the workspace is closed. Everything in it is kept."
        )
    },
    paused_then: "As soon as the subscription goes on the workspace opens again.",

    deleted: "Your workspace is deleted",
    deleted_what: |host| {
        format!(
            "{host} and everything in it is deleted. This is your receipt: what went, when, and \
             how we know."
        )
    },
    deleted_line: |what, when, checked| format!("{what}, on {when}: {checked}."),
    deleted_last: "We keep this receipt without your address, and this is the last letter you get \
                   from us about it.",

    payment_failed: "Your payment did not go through",
    payment_failed_what: |host, price| {
        format!(
            "We could not collect the payment for {host}, {price} a month. Often the card has \
             expired."
        )
    },
    payment_failed_update: "Update your payment",
    payment_failed_until: |until| {
        format!(
            "Your workspace stays open until {until}. If nothing has arrived by then it is closed, \
             with everything in it kept, and opens again with the payment."
        )
    },
};
