//! The vendors: are our keys good, and is there what the configuration names?

use super::finding::Finding;
use crate::billing::StripeBilling;
use crate::serve::config::Config;
use vendors::linear::error::ErrorType;
use vendors::linear::{Linear, LinearError};
use vendors::resend::{Resend, ResendError};

pub(super) async fn provider(config: &Config) -> Finding {
    const CHECK: &str = "provider";
    let Some(machines) = &config.machines else {
        return Finding::unknown(CHECK, "there is no [sprites]: nothing is provisioned");
    };
    match machines.count_sprites().await {
        Ok(count) => Finding::well(CHECK, format!("it takes our token, and lists {count} of ours")),
        Err(error) => Finding::ill(
            CHECK,
            format!("{error:#}"),
            "Is the token in [sprites] still good, and of this organisation? Is url right?",
        ),
    }
}

pub(super) async fn stripe(config: &Config) -> Finding {
    const CHECK: &str = "stripe";
    let Some(stripe) = &config.stripe else {
        return Finding::unknown(CHECK, "there is no [stripe]: nobody can sign up");
    };
    let asked = async {
        let billing = StripeBilling::new(stripe)?;
        // The check below forgives a Stripe that is away; a doctor does not.
        billing.client.price(&billing.price).await?;
        anyhow::Ok(billing.check(config.texts.price).await?)
    };
    let mode = if stripe.is_live { "live" } else { "test" };
    match asked.await {
        Ok(()) => Finding::well(
            CHECK,
            format!("it takes our key, and sells {} in {mode} mode", stripe.price),
        ),
        Err(error) => Finding::ill(
            CHECK,
            format!("{error:#}"),
            "secret_key and price are in the dashboard, of the same mode; the price must be \
             active, monthly, and what [site] price says.",
        ),
    }
}

pub(super) async fn resend(config: &Config) -> Finding {
    const CHECK: &str = "resend";
    let Some(resend) = &config.resend else {
        return Finding::unknown(CHECK, "there is no [resend]: no letter is sent");
    };
    let domain = resend.domain().to_owned();
    let client = match Resend::new(&resend.url, &resend.api_key, resend.per_second) {
        Ok(client) => client,
        Err(error) => return Finding::ill(CHECK, error.to_string(), "See api_key in [resend]."),
    };
    match client.domains().await {
        Ok(domains) => match domains.iter().find(|it| it.name.eq_ignore_ascii_case(&domain)) {
            Some(found) if found.is_verified() => {
                Finding::well(CHECK, format!("it takes our key, and {domain} is verified"))
            }
            Some(found) => Finding::ill(
                CHECK,
                format!("{domain} is {} at Resend", found.status),
                "Set the DNS records that https://resend.com/domains lists, then verify.",
            ),
            None => Finding::ill(
                CHECK,
                format!("{domain}, of which `from` is, is not a domain of this account"),
                "Add it at https://resend.com/domains, or change `from` in [resend].",
            ),
        },
        // Such a key may send, and nothing else.
        Err(ResendError::Refused { status, .. }) if status.as_u16() == 401 => Finding::unknown(
            CHECK,
            format!("our key may not list domains: whether {domain} is verified is not known"),
        ),
        Err(error) => Finding::ill(
            CHECK,
            error.to_string(),
            "Is api_key in [resend] still good? https://resend.com/api-keys lists those that are.",
        ),
    }
}

pub(super) async fn linear(config: &Config) -> Finding {
    const CHECK: &str = "linear";
    let Some(linear) = &config.linear else {
        return Finding::unknown(
            CHECK,
            "there is no [linear]: `control tickets list` has them all",
        );
    };
    let client = match Linear::new(&linear.url, &linear.api_key) {
        Ok(client) => client,
        Err(error) => return Finding::ill(CHECK, error.to_string(), "See api_key in [linear]."),
    };
    let team = &linear.team.id;
    match client.team(team).await {
        Ok(Some(team)) => Finding::well(
            CHECK,
            format!("it takes our key, and tickets are opened in {} ({})", team.key, team.name),
        ),
        Ok(None) => Finding::ill(
            CHECK,
            format!("our key sees no team {team}"),
            "`team` in [linear] is the id of a team that the key's owner belongs to, and that the \
             key may see.",
        ),
        Err(error @ LinearError::Refused { kind: ErrorType::Forbidden, .. }) => Finding::ill(
            CHECK,
            error.to_string(),
            "The key lacks a permission: it needs `Read` and `Create issues` for the team. Make \
             one that has them in Linear's settings, under security and access.",
        ),
        Err(error) => Finding::ill(
            CHECK,
            error.to_string(),
            "Is api_key in [linear] still good? Linear's settings list those that are, under \
             security and access.",
        ),
    }
}
