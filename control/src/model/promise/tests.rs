use super::*;

const NOW: Moment = Moment::from_seconds(1_800_000_000);

fn before(seconds: u64) -> Moment {
    NOW.before(Duration::from_secs(seconds))
}

fn well() -> Facts {
    Facts {
        takes_writes: true,
        disk: Some(Disk { free_bytes: 5 << 30, total_bytes: 10 << 30 }),
        machines: Some(MachineFacts {
            counts: Counts { available: 3, ..Counts::default() },
            target: 3,
            answered: Some(before(12)),
            ..MachineFacts::default()
        }),
        waiting: WaitingFacts { patience: Duration::from_secs(600), ..WaitingFacts::default() },
        edges: vec![EdgeFacts {
            name: "edge-1".to_owned(),
            is_reachable: true,
            is_in_step: true,
            lag: Some(0),
        }],
        sends_mail: true,
        opens_tickets: true,
        stripe: Some(StripeFacts {
            last_event: Some(before(90)),
            list: Compared { whole: Some(before(600)), ..Compared::default() },
        }),
        ..Facts::default()
    }
}

fn load(kind: Kind, waiting: u64, age: u64, dead: u64) -> TaskLoad {
    let oldest_due = (waiting > 0).then(|| before(age));
    TaskLoad { kind, waiting, oldest_due, dead }
}

/// The one promise that is not kept after `change`, and how it stands.
fn check(change: impl FnOnce(&mut Facts), name: &str, standing: Standing, says: &str) {
    let mut facts = well();
    change(&mut facts);
    let promises = judge(&facts, NOW);
    let promise = promises.iter().find(|promise| promise.name == name).unwrap();
    assert_eq!((promise.standing, promise.says.as_str()), (standing, says));
    assert_eq!(promise.todo.is_some(), standing != Standing::Kept, "{promise:?}");
    for other in promises.iter().filter(|other| other.name != name) {
        assert_eq!(other.standing, Standing::Kept, "{other:?}");
    }
    assert_eq!(is_well(&promises), standing != Standing::Broken);
}

fn machines(facts: &mut Facts) -> &mut MachineFacts {
    facts.machines.as_mut().unwrap()
}

#[test]
fn what_is_well_says_so() {
    check(|_| {}, "pool", Standing::Kept, "3 of 3 stand ready, 0 in work");
    check(|_| {}, "disk", Standing::Kept, "50 % free, 5.0 GiB");
    check(|_| {}, "edges", Standing::Kept, "1 edge in step");
    check(|_| {}, "stripe", Standing::Kept, "last heard of 90s ago");
}

#[test]
fn each_promise_that_is_broken_says_what_to_do() {
    use Standing::{AtRisk, Broken, Kept};
    check(|it| it.takes_writes = false, "database", Broken, "it takes no writes");
    check(
        |it| it.unreadable_rows = 1,
        "database",
        Broken,
        "it takes writes, and 1 row cannot be read",
    );
    let full = Disk { free_bytes: 200 << 20, total_bytes: 10 << 30 };
    check(|it| it.disk = Some(full), "disk", Broken, "1 % free, 200 MiB");
    let low = Disk { free_bytes: 600 << 20, total_bytes: 10 << 30 };
    check(|it| it.disk = Some(low), "disk", AtRisk, "5 % free, 600 MiB");
    check(
        |it| machines(it).error = Some("503".to_owned()),
        "provider",
        Broken,
        "it does not answer (last 12s ago): 503",
    );
    check(|it| machines(it).counts.available = 0, "pool", Broken, "0 of 3 stand ready, 0 in work");
    check(
        |it| machines(it).counts = Counts { preparing: 3, ..Counts::default() },
        "pool",
        AtRisk,
        "0 of 3 stand ready, 3 in work",
    );
    check(
        |it| machines(it).paused = Some((before(300), "3 in a row failed".to_owned())),
        "pool",
        AtRisk,
        "3 of 3 stand ready, 0 in work; paused 5m ago: 3 in a row failed",
    );
    let wait = |seconds| {
        move |it: &mut Facts| {
            it.waiting.count = 1;
            it.waiting.oldest = Some(before(seconds));
        }
    };
    check(wait(60), "paid", Kept, "1 customer waits for a workspace, the longest for 60s");
    check(wait(660), "paid", Broken, "1 customer waits for a workspace, the longest for 11m");
    check(
        |it| it.loads = vec![load(Kind::Provision, 1, 10, 2)],
        "tasks",
        Broken,
        "given up: 2 PROV",
    );
    check(
        |it| it.loads = vec![load(Kind::Recycle, 1, 7_200, 0)],
        "tasks",
        Broken,
        "stuck: a RECYCLE for 2h",
    );
    check(|it| it.loads = vec![load(Kind::Prepare, 1, 7_200, 4)], "tasks", Kept, "none waits");
    check(|it| it.edges[0].is_reachable = false, "edges", Broken, "not reached: edge-1");
    check(
        |it| {
            it.edges[0].is_in_step = false;
            it.edges[0].lag = Some(4);
        },
        "edges",
        Broken,
        "behind: edge-1 by 4",
    );
    check(|it| it.edges.clear(), "edges", AtRisk, "there is none");
    check(
        |it| it.routes = RouteFacts { count: 2, unrouted: 1 },
        "routes",
        Broken,
        "2 routes; live and without a route: 1",
    );
    check(|it| it.loads = vec![load(Kind::Mail, 3, 60, 0)], "mail", Kept, "3 on their way");
    check(
        |it| it.loads = vec![load(Kind::Mail, 3, 1_200, 0)],
        "mail",
        Broken,
        "3 wait, the oldest for 20m",
    );
    check(|it| it.loads = vec![load(Kind::Mail, 0, 0, 1)], "mail", Broken, "1 letter given up");
    check(|it| it.sends_mail = false, "mail", AtRisk, "there is no [resend]");
    let nobody_yet = "as of 10m ago: all 0 of Stripe's list are served";
    check(|_| {}, "subscriptions", Kept, nobody_yet);
    check(
        |it| it.stripe.as_mut().unwrap().list.whole = None,
        "subscriptions",
        Kept,
        "Stripe's list was not read yet",
    );
    check(
        |it| it.stripe.as_mut().unwrap().list.strangers = 2,
        "subscriptions",
        Broken,
        "as of 10m ago: Stripe lists 0, 0 are served; paid and served by nobody: 2, open and \
         not listed: 0",
    );
    check(
        |it| it.stripe.as_mut().unwrap().list.whole = Some(before(20_000)),
        "subscriptions",
        AtRisk,
        "Stripe's list was last read 5h ago",
    );
    check(|it| it.stripe = None, "stripe", AtRisk, "there is no [stripe]");
    check(
        |it| it.loads = vec![load(Kind::Ticket, 0, 0, 2)],
        "tickets",
        Broken,
        "2 tickets given up",
    );
}
