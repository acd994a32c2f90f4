//! Updating customers.

use serde_json::Value;

use super::super::account::Account;
use super::super::error::ApiError;
use super::super::event;
use super::super::params::Params;

pub(super) fn update(
    account: &mut Account,
    id: &str,
    params: &Params,
    now: u64,
) -> Result<Value, ApiError> {
    let customer =
        account.customers.get_mut(id).ok_or_else(|| ApiError::missing("customer", id))?;
    let before = customer.body();
    if let Some(email) = params.value("email") {
        if !email.is_empty() && !email.contains('@') {
            return Err(ApiError::invalid(format!("Invalid email address: {email}")).param("email"));
        }
        // An empty value takes it away.
        customer.email = Some(email.to_owned()).filter(|email| !email.is_empty());
    }
    let after = customer.body();
    if let Some(old) = event::previous(&before, &after) {
        account.emit("customer.updated", after.clone(), Some(old), now);
    }
    Ok(after)
}
