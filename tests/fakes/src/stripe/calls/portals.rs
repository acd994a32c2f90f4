//! Creating billing portal sessions.

use serde_json::Value;

use super::super::account::Account;
use super::super::error::ApiError;
use super::super::params::Params;
use super::super::portal::{Flow, Portal, VISIT_SECONDS};
use crate::ids;

pub(super) fn create(account: &mut Account, params: &Params, now: u64) -> Result<Value, ApiError> {
    let customer = params.value("customer").unwrap_or_default();
    if !account.customers.contains_key(customer) {
        return Err(ApiError::missing_in("customer", "customer", customer));
    }
    let configuration = params.value("configuration").map(ToOwned::to_owned);
    if configuration.is_none() && !account.settings.portal_configured {
        return Err(ApiError::invalid(
            "You can't create a portal session in test mode until you save your customer portal \
             settings in test mode at https://dashboard.stripe.com/test/settings/billing/portal.",
        ));
    }
    let portal = Portal {
        id: ids::letters("bps_1", 23),
        secret: ids::letters("test_", 40),
        customer: customer.to_owned(),
        return_url: params.value("return_url").map(ToOwned::to_owned),
        configuration,
        flow: flow(account, customer, params)?,
        created: now,
        public_url: account.public_url.clone(),
    };
    let body = portal.body();
    account.portals.retain(|_, portal| portal.created + VISIT_SECONDS > now);
    account.portals.insert(portal.secret.clone(), portal);
    Ok(body)
}

fn flow(account: &Account, customer: &str, params: &Params) -> Result<Option<Flow>, ApiError> {
    const SUBSCRIPTION: &str = "flow_data[subscription_cancel][subscription]";
    match params.value("flow_data[type]") {
        None if params.has("flow_data") => {
            let message = "Missing required param: flow_data[type].";
            Err(ApiError::invalid(message).code("parameter_missing").param("flow_data[type]"))
        }
        None => Ok(None),
        Some("payment_method_update") => Ok(Some(Flow::PaymentMethodUpdate)),
        Some(_) => {
            let id = params.value(SUBSCRIPTION).ok_or_else(|| {
                let message = format!("Missing required param: {SUBSCRIPTION}.");
                ApiError::invalid(message).code("parameter_missing").param(SUBSCRIPTION)
            })?;
            let theirs = account
                .subscriptions
                .get(id)
                .filter(|found| found.customer == customer)
                .ok_or_else(|| ApiError::missing_in(SUBSCRIPTION, "subscription", id))?;
            if theirs.status.is_terminal() || theirs.cancel_at.is_some() {
                let message =
                    "The subscription is already set to be canceled, or it has ended already.";
                return Err(ApiError::invalid(message).param(SUBSCRIPTION));
            }
            Ok(Some(Flow::SubscriptionCancel { subscription: id.to_owned() }))
        }
    }
}
