//! A fault is made, Debian's Prometheus sees its alert fire, and the alert ends with the fault.
//! Where Prometheus is not installed there is nothing to tell; `make test` installs it.

use std::collections::BTreeSet;

use anyhow::anyhow;
use e2e::prometheus::{Patience, Prometheus};
use e2e::wait::ensure;
use e2e::{Plan, World, wait_until};

#[tokio::test]
async fn an_alert_fires_while_its_fault_lasts() {
    let world = World::start(Plan::with_tenants(&["ada"]).with_edges(2)).await.unwrap();
    let Some(prometheus) = Prometheus::prepare(&world, Patience::Short).unwrap() else { return };
    prometheus.program.start().unwrap();
    let all = async || ensure(prometheus.targets_up().await? == 3, anyhow!("not all are up"));
    wait_until("everybody is scraped", all).await.unwrap();
    fires(&prometheus, &[]).await;

    let (first, second) = (&world.edges[0], &world.edges[1]);
    second.program.kill();
    fires(&prometheus, &["EdgeDown", "EdgeUnreachable"]).await;
    second.program.start().unwrap();
    fires(&prometheus, &[]).await;

    // It stands still, and misses a change.
    second.program.freeze();
    let change = world.control.put_route("bob", first.address(), "sprite-bob");
    change.await.unwrap();
    fires(&prometheus, &["EdgeBehind", "EdgeDown", "EdgeUnreachable"]).await;
    second.program.thaw();
    fires(&prometheus, &[]).await;

    // An edge that has nothing on its disk, and nobody to tell it.
    world.control.program.kill();
    fires(&prometheus, &["ControlDown"]).await;
    second.program.kill();
    std::fs::remove_file(second.store()).unwrap();
    second.program.start().unwrap();
    fires(&prometheus, &["ControlDown", "EdgeNotReady"]).await;
    world.control.program.start().unwrap();
    fires(&prometheus, &[]).await;
    prometheus.program.stop();
}

/// These alerts and no others.
async fn fires(prometheus: &Prometheus, expected: &[&str]) {
    let expected: BTreeSet<String> = expected.iter().map(ToString::to_string).collect();
    let looks = async || {
        let firing = prometheus.firing().await?;
        ensure(firing == expected, anyhow!("{firing:?} fire"))
    };
    wait_until(&format!("{expected:?} fire"), looks).await.unwrap();
}
