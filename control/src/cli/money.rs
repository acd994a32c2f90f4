//! `control money`

use super::client::ApiClient;
use super::output::{Output, list};
use crate::operator::money::{CountView, Money};

pub(super) async fn run(api: &ApiClient, output: Output) -> anyhow::Result<()> {
    output.print(&api.show::<Money>("/api/money").await?, |money| {
        let row = |it: &CountView| {
            vec![it.state.clone(), it.subscription_status.clone(), it.count.to_string()]
        };
        let rows: Vec<_> = money.workspaces.iter().map(row).collect();
        format!(
            "{} a month from {} at {}; {} more from {} whose payment failed\n\n{}",
            money.monthly,
            money.paying,
            money.price,
            money.monthly_overdue,
            money.overdue,
            list("no workspace was sold yet", &["WORKSPACE", "SUBSCRIPTION", "COUNT"], &rows)
        )
    })
}
