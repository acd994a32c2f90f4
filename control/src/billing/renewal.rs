//! Paying again for a workspace whose subscription Stripe has given up: such a one never
//! comes back, so another one is begun, for the workspace that is there.

use super::BillingService;
use super::offer::{RENEWS, SIGN_UP};
use crate::model::workspace::Workspace;
use vendors::IdempotencyKey;
use vendors::stripe::checkout::Payer;
use vendors::stripe::metadata::Metadata;
use vendors::stripe::{NewCheckout, StripeError};

/// Who asks again within it gets the same page, so that nobody pays at two of them.
const SAME_PAGE_SECONDS: u64 = 60 * 60;

/// The page at which `workspace` is paid for again; `None` while its subscription can
/// still be paid itself.
///
/// # Errors
/// When Stripe does not answer, or makes no page.
pub async fn checkout_again(
    billing: &BillingService,
    workspace: &Workspace,
) -> Result<Option<String>, StripeError> {
    let former = &workspace.subscription;
    let subscription = billing.stripe.client.subscription(former).await?;
    if !subscription.status.is_terminal() {
        return Ok(None);
    }
    let hour = billing.now().seconds() / SAME_PAGE_SECONDS;
    let site = billing.site.site_url();
    let metadata = Metadata::from([
        (SIGN_UP.to_owned(), workspace.signup.to_string()),
        (RENEWS.to_owned(), former.to_string()),
    ]);
    let page = NewCheckout {
        price: billing.stripe.price.clone(),
        success_url: format!("{site}/account?session_id={{CHECKOUT_SESSION_ID}}"),
        cancel_url: format!("{site}/account"),
        payer: Payer::Known(workspace.payer.clone()),
        client_reference_id: workspace.signup.to_string(),
        subscription_metadata: metadata.clone(),
        metadata,
        allow_promotion_codes: false,
        // One to two hours: the same for everybody who gets the same page.
        expires_at: (hour + 2) * SAME_PAGE_SECONDS,
    };
    let key = IdempotencyKey::parse(format!("renew/{former}/{hour}"));
    let key = key.expect("ids are short and plain");
    let session = billing.stripe.client.create_checkout(&page, &key).await?;
    Ok(session.url)
}
