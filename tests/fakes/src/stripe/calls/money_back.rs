//! Giving money back, and looking at what took it away.

use serde_json::Value;

use super::super::account::Account;
use super::super::error::ApiError;
use super::super::money_back::NotRefunded;
use super::super::params::Params;

pub(super) fn refund(account: &mut Account, params: &Params, now: u64) -> Result<Value, ApiError> {
    let charge = charge_of(account, params)?;
    let reason = params.value("reason").map(ToOwned::to_owned);
    match account.refund(&charge, params.number("amount"), reason, now) {
        Ok(body) => Ok(body),
        Err(NotRefunded::NoCharge) => Err(ApiError::missing_in("charge", "charge", &charge)),
        Err(NotRefunded::TooMuch { left: 0 }) => {
            let message = format!("Charge {charge} has already been refunded.");
            Err(ApiError::invalid(message).code("charge_already_refunded"))
        }
        Err(NotRefunded::TooMuch { left }) => {
            let message = format!("Refund amount is greater than unrefunded amount ({left})");
            Err(ApiError::invalid(message).param("amount"))
        }
    }
}

fn charge_of(account: &Account, params: &Params) -> Result<String, ApiError> {
    match (params.value("charge"), params.value("payment_intent")) {
        (Some(charge), None) => Ok(charge.to_owned()),
        (None, Some(intent)) => {
            let found = account.charges.values().find(|charge| charge.payment_intent == intent);
            let found = found.map(|charge| charge.id.clone());
            found.ok_or_else(|| ApiError::missing_in("payment_intent", "payment_intent", intent))
        }
        _ => Err(ApiError::invalid(
            "One of the following params should be provided for this request: payment_intent or \
             charge.",
        )),
    }
}

pub(super) fn charge(account: &Account, id: &str) -> Result<Value, ApiError> {
    let found = account.charges.get(id).map(|charge| charge.body());
    found.ok_or_else(|| ApiError::missing("charge", id))
}

pub(super) fn one_refund(account: &Account, id: &str) -> Result<Value, ApiError> {
    let found = account.refunds.get(id).map(|refund| refund.body());
    found.ok_or_else(|| ApiError::missing("refund", id))
}

pub(super) fn dispute(account: &Account, id: &str) -> Result<Value, ApiError> {
    let found = account.disputes.get(id).map(|dispute| dispute.body());
    found.ok_or_else(|| ApiError::missing("dispute", id))
}

pub(super) fn warning(account: &Account, id: &str) -> Result<Value, ApiError> {
    let found = account.warnings.get(id).map(|warning| warning.body());
    found.ok_or_else(|| ApiError::missing("early fraud warning", id))
}
