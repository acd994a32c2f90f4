//! `control money`

use super::client::ApiClient;
use super::output::{Output, list};
use crate::operator::money::{AwakeView, CountView, Money};

pub(super) async fn run(api: &ApiClient, output: Output) -> anyhow::Result<()> {
    output.print(&api.show::<Money>("/api/money").await?, |money| {
        let row = |it: &CountView| {
            vec![it.state.clone(), it.subscription_status.clone(), it.count.to_string()]
        };
        let rows: Vec<_> = money.workspaces.iter().map(row).collect();
        let longest = |it: &AwakeView| {
            let (cost, margin) = (it.cost.clone(), it.margin.clone());
            vec![it.username.clone(), it.hours.to_string(), cost, margin]
        };
        let longest: Vec<_> = money.longest_awake.iter().map(longest).collect();
        format!(
            "{} a month from {} at {}; {} more from {} whose payment failed\n\
             machines were awake for {} hours this month, and will have cost {} in all of it: {} is left\n\
             {} of those who pay cost more than they pay\n\n{}\n{}",
            money.monthly,
            money.paying,
            money.price,
            money.monthly_overdue,
            money.overdue,
            money.awake_hours,
            money.machine_cost,
            money.margin,
            money.costing_more_than_paid,
            list("no workspace was sold yet", &["WORKSPACE", "SUBSCRIPTION", "COUNT"], &rows),
            list(
                "no agent has said yet for how long",
                &["LONGEST AWAKE", "HOURS", "COST A MONTH", "LEFT"],
                &longest
            )
        )
    })
}
