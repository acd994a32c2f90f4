//! The calls of the API: which there are, what they take, what they do.
//!
//! `find` names a call by method and path, `Call::schema` says which
//! parameters it takes, `Call::perform` does it. All of it is pure but for
//! the account it changes.

mod checkout;
mod customers;
mod lists;
mod money_back;
mod portals;
mod subscriptions;

use serde_json::Value;

use super::account::Account;
use super::error::ApiError;
use super::params::Params;
use super::portal::Flow;
use super::price::Interval;
use super::schema::{Kind, Param, optional, required};
use super::subscription;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    CreateSession,
    ListSessions,
    Session(String),
    ExpireSession(String),
    ListSubscriptions,
    Subscription(String),
    UpdateSubscription(String),
    CancelSubscription(String),
    CreatePortal,
    Customer(String),
    UpdateCustomer(String),
    Invoice(String),
    /// What joins a payment to its invoice.
    ListInvoicePayments,
    Charge(String),
    ListCharges,
    CreateRefund,
    Refund(String),
    Dispute(String),
    FraudWarning(String),
    ListPrices,
    Price(String),
    ListEvents,
    Event(String),
    /// The thin form of an event.
    CoreEvent(String),
}

/// `None`: this fake does not know the address.
pub fn find(method: &str, path: &str) -> Option<Call> {
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    Some(match (method, segments.as_slice()) {
        ("POST", ["v1", "checkout", "sessions"]) => Call::CreateSession,
        ("GET", ["v1", "checkout", "sessions"]) => Call::ListSessions,
        ("GET", ["v1", "checkout", "sessions", id]) => Call::Session((*id).to_owned()),
        ("POST", ["v1", "checkout", "sessions", id, "expire"]) => {
            Call::ExpireSession((*id).to_owned())
        }
        ("GET", ["v1", "subscriptions"]) => Call::ListSubscriptions,
        ("GET", ["v1", "subscriptions", id]) => Call::Subscription((*id).to_owned()),
        ("POST", ["v1", "subscriptions", id]) => Call::UpdateSubscription((*id).to_owned()),
        ("DELETE", ["v1", "subscriptions", id]) => Call::CancelSubscription((*id).to_owned()),
        ("POST", ["v1", "billing_portal", "sessions"]) => Call::CreatePortal,
        ("GET", ["v1", "customers", id]) => Call::Customer((*id).to_owned()),
        ("POST", ["v1", "customers", id]) => Call::UpdateCustomer((*id).to_owned()),
        ("GET", ["v1", "invoices", id]) => Call::Invoice((*id).to_owned()),
        ("GET", ["v1", "invoice_payments"]) => Call::ListInvoicePayments,
        ("GET", ["v1", "charges"]) => Call::ListCharges,
        ("GET", ["v1", "charges", id]) => Call::Charge((*id).to_owned()),
        ("POST", ["v1", "refunds"]) => Call::CreateRefund,
        ("GET", ["v1", "refunds", id]) => Call::Refund((*id).to_owned()),
        ("GET", ["v1", "disputes", id]) => Call::Dispute((*id).to_owned()),
        ("GET", ["v1", "radar", "early_fraud_warnings", id]) => {
            Call::FraudWarning((*id).to_owned())
        }
        ("GET", ["v1", "prices"]) => Call::ListPrices,
        ("GET", ["v1", "prices", id]) => Call::Price((*id).to_owned()),
        ("GET", ["v1", "events"]) => Call::ListEvents,
        ("GET", ["v1", "events", id]) => Call::Event((*id).to_owned()),
        ("GET", ["v2", "core", "events", id]) => Call::CoreEvent((*id).to_owned()),
        _ => return None,
    })
}

const EXPAND: Param = optional("expand[#]", Kind::Text);
const LIMIT: Param = optional("limit", Kind::Integer);
const AFTER: Param = optional("starting_after", Kind::Text);

const CREATE_SESSION: &[Param] = &[
    EXPAND,
    required("mode", Kind::OneOf(&["payment", "setup", "subscription"])),
    required("line_items[#][price]", Kind::Text),
    optional("line_items[#][quantity]", Kind::Integer),
    optional("line_items[#][price_data][currency]", Kind::TextUpTo(3)),
    optional("line_items[#][price_data][unit_amount]", Kind::Integer),
    optional("line_items[#][price_data][recurring][interval]", Kind::OneOf(Interval::NAMES)),
    optional("line_items[#][price_data][product_data][name]", Kind::Text),
    required("success_url", Kind::Url),
    optional("cancel_url", Kind::Url),
    optional("customer", Kind::Text),
    optional("customer_email", Kind::TextUpTo(800)),
    optional("client_reference_id", Kind::TextUpTo(200)),
    optional("metadata[*]", Kind::Metadata),
    optional("subscription_data[metadata][*]", Kind::Metadata),
    optional("expires_at", Kind::Integer),
    optional("allow_promotion_codes", Kind::Boolean),
    optional("locale", Kind::Text),
    optional("ui_mode", Kind::OneOf(&["hosted_page"])),
];

const LIST_SESSIONS: &[Param] = &[
    EXPAND,
    LIMIT,
    AFTER,
    optional("customer", Kind::Text),
    optional("subscription", Kind::Text),
    optional("status", Kind::OneOf(&["open", "complete", "expired"])),
];

const LIST_SUBSCRIPTIONS: &[Param] = &[
    EXPAND,
    LIMIT,
    AFTER,
    optional("customer", Kind::Text),
    optional("price", Kind::Text),
    optional("status", Kind::OneOf(subscription::Status::NAMES)),
];

const UPDATE_SUBSCRIPTION: &[Param] = &[
    EXPAND,
    optional("cancel_at_period_end", Kind::Boolean),
    optional("cancel_at", Kind::TimestampOrEmpty),
    optional("cancellation_details[comment]", Kind::Text),
    optional("cancellation_details[feedback]", Kind::OneOf(FEEDBACK)),
    optional("metadata[*]", Kind::Metadata),
];

const CANCEL_SUBSCRIPTION: &[Param] = &[
    EXPAND,
    optional("invoice_now", Kind::Boolean),
    optional("prorate", Kind::Boolean),
    optional("cancellation_details[comment]", Kind::Text),
    optional("cancellation_details[feedback]", Kind::OneOf(FEEDBACK)),
];

/// Why customers leave.
const FEEDBACK: &[&str] = &[
    "customer_service",
    "low_quality",
    "missing_features",
    "other",
    "switched_service",
    "too_complex",
    "too_expensive",
    "unused",
];

const UPDATE_CUSTOMER: &[Param] = &[EXPAND, optional("email", Kind::TextUpTo(512))];

const CREATE_PORTAL: &[Param] = &[
    EXPAND,
    required("customer", Kind::Text),
    optional("return_url", Kind::Url),
    optional("configuration", Kind::Text),
    optional("flow_data[type]", Kind::OneOf(Flow::NAMES)),
    optional("flow_data[subscription_cancel][subscription]", Kind::Text),
];

const LIST_INVOICE_PAYMENTS: &[Param] = &[
    EXPAND,
    LIMIT,
    AFTER,
    optional("invoice", Kind::Text),
    optional("payment[type]", Kind::OneOf(&["charge", "payment_intent", "payment_record"])),
    optional("payment[payment_intent]", Kind::Text),
    optional("status", Kind::OneOf(&["canceled", "open", "paid"])),
];

const LIST_CHARGES: &[Param] = &[
    EXPAND,
    LIMIT,
    AFTER,
    optional("customer", Kind::Text),
    optional("payment_intent", Kind::Text),
];

const CREATE_REFUND: &[Param] = &[
    EXPAND,
    optional("charge", Kind::Text),
    optional("payment_intent", Kind::Text),
    optional("amount", Kind::Integer),
    optional("reason", Kind::OneOf(&["duplicate", "fraudulent", "requested_by_customer"])),
    optional("metadata[*]", Kind::Metadata),
];

const LIST_PRICES: &[Param] = &[
    EXPAND,
    LIMIT,
    AFTER,
    optional("active", Kind::Boolean),
    optional("lookup_keys[#]", Kind::Text),
];

const LIST_EVENTS: &[Param] = &[LIMIT, AFTER, optional("type", Kind::Text)];

impl Call {
    pub fn schema(&self) -> &'static [Param] {
        match self {
            Self::CreateSession => CREATE_SESSION,
            Self::ListSessions => LIST_SESSIONS,
            Self::ListSubscriptions => LIST_SUBSCRIPTIONS,
            Self::UpdateSubscription(_) => UPDATE_SUBSCRIPTION,
            Self::CancelSubscription(_) => CANCEL_SUBSCRIPTION,
            Self::CreatePortal => CREATE_PORTAL,
            Self::UpdateCustomer(_) => UPDATE_CUSTOMER,
            Self::ListPrices => LIST_PRICES,
            Self::ListEvents => LIST_EVENTS,
            Self::ListInvoicePayments => LIST_INVOICE_PAYMENTS,
            Self::ListCharges => LIST_CHARGES,
            Self::CreateRefund => CREATE_REFUND,
            Self::Session(_)
            | Self::ExpireSession(_)
            | Self::Subscription(_)
            | Self::Customer(_)
            | Self::Invoice(_)
            | Self::Charge(_)
            | Self::Refund(_)
            | Self::Dispute(_)
            | Self::FraudWarning(_)
            | Self::Price(_)
            | Self::Event(_)
            | Self::CoreEvent(_) => &[EXPAND],
        }
    }

    /// The parameters were checked against the schema.
    ///
    /// # Errors
    /// What Stripe refuses for reasons beyond the form of a parameter.
    pub fn perform(
        &self,
        account: &mut Account,
        params: &Params,
        now: u64,
    ) -> Result<Value, ApiError> {
        match self {
            Self::CreateSession => checkout::create(account, params, now),
            Self::ExpireSession(id) => checkout::expire(account, id, now),
            Self::UpdateSubscription(id) => subscriptions::update(account, id, params, now),
            Self::CancelSubscription(id) => subscriptions::cancel(account, id, params, now),
            Self::UpdateCustomer(id) => customers::update(account, id, params, now),
            Self::CreatePortal => portals::create(account, params, now),
            Self::ListSessions => lists::sessions(account, params),
            Self::ListSubscriptions => lists::subscriptions(account, params),
            Self::ListPrices => lists::prices(account, params),
            Self::ListEvents => lists::events(account, params),
            Self::Session(id) => lists::session(account, id),
            Self::Subscription(id) => lists::subscription(account, id),
            Self::Customer(id) => lists::customer(account, id),
            Self::Invoice(id) => lists::invoice(account, id),
            Self::ListInvoicePayments => lists::invoice_payments(account, params),
            Self::ListCharges => lists::charges(account, params),
            Self::CreateRefund => money_back::refund(account, params, now),
            Self::Charge(id) => money_back::charge(account, id),
            Self::Refund(id) => money_back::one_refund(account, id),
            Self::Dispute(id) => money_back::dispute(account, id),
            Self::FraudWarning(id) => money_back::warning(account, id),
            Self::Price(id) => lists::price(account, id),
            Self::Event(id) => lists::event(account, id),
            Self::CoreEvent(id) => lists::core_event(account, id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_named_by_method_and_path() {
        assert_eq!(find("POST", "/v1/checkout/sessions"), Some(Call::CreateSession));
        let cancel = Call::CancelSubscription("sub_1".to_owned());
        assert_eq!(find("DELETE", "/v1/subscriptions/sub_1"), Some(cancel));
        assert_eq!(find("PUT", "/v1/subscriptions/sub_1"), None);
        assert_eq!(find("GET", "/v1/payouts"), None);
    }
}
