//! All subscriptions that are not over, page by page.

use serde::Deserialize;
use serde_json::Value;

use crate::stripe::form::Form;
use crate::stripe::id::SubscriptionId;
use crate::stripe::{Stripe, StripeError, Subscription};

/// Rows of a page: as many as Stripe gives at once.
const PAGE_ROWS: &str = "100";

/// A part of the list, the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionPage {
    pub subscriptions: Vec<Subscription>,
    /// Ids of rows that are not as Stripe documents them; empty where even the id is missing.
    pub unreadable: Vec<String>,
    /// What the next page begins after; `None` when this was the last one.
    pub next: Option<SubscriptionId>,
}

#[derive(Deserialize)]
struct Page {
    data: Vec<Value>,
    has_more: bool,
}

impl Stripe {
    /// The page after `after`, or the first one. Those that are canceled or have expired are
    /// not among them: Stripe keeps these for ever, and nobody is charged for one.
    ///
    /// # Errors
    /// When Stripe does not answer; also when it says that more rows follow and gives none to
    /// go on from: then nobody knows the rest.
    pub async fn subscriptions(
        &self,
        after: Option<&SubscriptionId>,
    ) -> Result<SubscriptionPage, StripeError> {
        let query = Form::default()
            .with("limit", PAGE_ROWS)
            .with_optional("starting_after", after.map(SubscriptionId::as_str));
        let page: Page = self.read("/v1/subscriptions", &query).await?;
        page.parse(after)
    }
}

impl Page {
    fn parse(self, after: Option<&SubscriptionId>) -> Result<SubscriptionPage, StripeError> {
        let last = self.data.last().and_then(|row| row["id"].as_str()).map(str::to_owned);
        let (mut subscriptions, mut unreadable) = (Vec::new(), Vec::new());
        for row in self.data {
            let id = row["id"].as_str().unwrap_or_default().to_owned();
            match serde_json::from_value(row) {
                Ok(subscription) => subscriptions.push(subscription),
                Err(_) => unreadable.push(id),
            }
        }
        let last = last.and_then(|id| SubscriptionId::parse(id).ok());
        let next = match last.filter(|last| Some(last) != after) {
            _ if !self.has_more => None,
            Some(last) => Some(last),
            None => {
                let why = "the list of subscriptions breaks off".to_owned();
                return Err(StripeError::Answer {
                    request: "GET /v1/subscriptions".to_owned(),
                    why,
                });
            }
        };
        Ok(SubscriptionPage { subscriptions, unreadable, next })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(id: &str) -> Value {
        let text = include_str!("../../../tests/stripe-samples/api_subscription_active.json");
        let mut row: Value = serde_json::from_str(text).unwrap();
        row["id"] = json!(id);
        row
    }

    fn page(data: &[Value], has_more: bool) -> Result<SubscriptionPage, StripeError> {
        let page = json!({ "object": "list", "data": data, "has_more": has_more, "url": "/v1" });
        let after = SubscriptionId::parse("sub_0").unwrap();
        serde_json::from_value::<Page>(page).unwrap().parse(Some(&after))
    }

    #[test]
    fn a_page_leads_to_the_next_one() {
        let whole = page(&[row("sub_1"), row("sub_2")], true).unwrap();
        assert_eq!(whole.subscriptions.len(), 2);
        assert_eq!(whole.next.unwrap().as_str(), "sub_2");
        assert_eq!(page(&[row("sub_1")], false).unwrap().next, None);
    }

    #[test]
    fn a_row_that_nobody_can_read_hides_no_other() {
        let odd = json!({ "id": "sub_odd", "status": 7 });
        let read = page(&[row("sub_1"), odd, json!([])], false).unwrap();
        assert_eq!(
            (read.subscriptions.len(), read.unreadable),
            (1, vec!["sub_odd".to_owned(), String::new()])
        );
    }

    #[test]
    fn a_list_that_breaks_off_is_no_list() {
        assert!(page(&[], true).is_err());
        assert!(page(&[row("sub_0")], true).is_err(), "it does not go on");
    }
}
