use super::*;
use crate::base::token::Token;
use crate::model::skills::Skills;

fn at(seconds: u64) -> Moment {
    Moment::from_seconds(1_000 + seconds)
}

fn site() -> PublicSite {
    PublicSite::new("arca.test", "https://arca.test".parse().unwrap()).unwrap()
}

fn order(payment: Payment) -> Order {
    Order {
        signup: "s1".to_owned(),
        username: "ada".parse().unwrap(),
        email: "ada@mail.test".to_owned(),
        skills: Skills::default(),
        browser: Token::random().hash(),
        payment,
        checkout_url: None,
        checkout_expires: Some(at(3_600)),
        looked: at(0),
        began: at(0),
        workspace: None,
        task: None,
        ticket: None,
        has_password: false,
        letter: None,
    }
}

/// Paid ten seconds in; `done` steps of the task are done, a second each.
fn paid(done: &[&str], status: WorkspaceStatus) -> Order {
    let steps = done.iter().zip(10..).map(|(name, second)| OrderedStep {
        name: (*name).to_owned(),
        is_done: true,
        attempts: 1,
        started: Some(at(second)),
        finished: Some(at(second + 1)),
    });
    let steps = steps.collect();
    Order {
        workspace: Some(OrderedWorkspace { status, since: at(10) }),
        task: Some(OrderedTask { is_dead: false, is_over: false, steps }),
        ..order(Payment::Paid)
    }
}

fn dead(order: Order) -> Order {
    let task = order.task.clone().unwrap();
    Order { task: Some(OrderedTask { is_dead: true, is_over: true, ..task }), ..order }
}

fn seen(order: &Order, second: u64) -> Progress {
    Progress::of(order, &site(), true, Language::English, at(second))
}

fn check(order: &Order, second: u64, stage: Stage, states: &str) {
    let progress = seen(order, second);
    let initials = progress.steps.iter().map(|step| &step.state.as_str()[..1]);
    assert_eq!((progress.stage, initials.collect::<String>()), (stage, states.to_owned()));
}

#[test]
fn every_payment_has_its_page() {
    check(&order(Payment::Open), 1, Stage::Unpaid, "rwwwww");
    check(&order(Payment::Open), 3_600, Stage::Expired, "rwwwww");
    check(&order(Payment::Pending), 1, Stage::Pending, "rwwwww");
    check(&order(Payment::Expired), 1, Stage::Expired, "rwwwww");
    check(&order(Payment::Failed), 1, Stage::Declined, "rwwwww");
    check(&order(Payment::Paid), 1, Stage::Ended, "drwwww");
}

#[test]
fn steps_follow_the_task_and_one_of_them_goes_on() {
    let preparing = |done: &[&str]| paid(done, WorkspaceStatus::Preparing);
    check(&preparing(&[]), 11, Stage::Preparing, "drwwww");
    check(&preparing(&["assign"]), 12, Stage::Preparing, "ddrwww");
    check(&preparing(&["assign", "wake", "configure"]), 14, Stage::Preparing, "dddrww");
    let live = paid(
        &["assign", "wake", "configure", "start", "ready", "route", "mail"],
        WorkspaceStatus::Live,
    );
    check(&live, 20, Stage::Live, "dddddd");
    assert!(!seen(&live, 20).is_final, "the task is not over");
    let over =
        Order { task: live.task.clone().map(|t| OrderedTask { is_over: true, ..t }), ..live };
    assert!(seen(&over, 20).is_final);
    check(&paid(&[], WorkspaceStatus::Suspended), 20, Stage::Suspended, "drwwww");
    check(&paid(&[], WorkspaceStatus::Ended), 20, Stage::Ended, "drwwww");
}

#[test]
fn a_dead_task_says_where_and_under_which_ticket() {
    let stuck = dead(paid(&["assign"], WorkspaceStatus::Preparing));
    check(&stuck, 20, Stage::Stuck, "ddfwww");
    assert!(!seen(&stuck, 20).is_final, "somebody has it go on");
    let told = Order { ticket: Some("ENG-12".to_owned()), ..stuck };
    let text = seen(&told, 20).text;
    assert!(text.contains("(ticket ENG-12)") && text.contains("a•••@mail.test"), "{text}");
    // The workspace is there although its mail is not.
    let live = dead(paid(
        &["assign", "wake", "configure", "start", "ready", "route"],
        WorkspaceStatus::Live,
    ));
    check(&live, 20, Stage::Live, "dddddf");
}

#[test]
fn what_takes_long_is_said_to() {
    let order = paid(&["assign"], WorkspaceStatus::Preparing);
    let word = |second| seen(&order, second).steps[2].word;
    assert_eq!(word(12), "Usually a few seconds");
    assert_eq!(word(80), "This takes longer than usual");
    assert!(seen(&order, 131).text.contains("longer than usual"));
    let retried = OrderedStep {
        name: "wake".to_owned(),
        is_done: false,
        attempts: 2,
        started: Some(at(12)),
        finished: None,
    };
    let mut order = order;
    order.task.as_mut().unwrap().steps.push(retried);
    assert_eq!(seen(&order, 13).steps[2].word, "This takes longer than usual");
}

#[test]
fn elapsed_time_is_counted_from_the_beginning_of_a_step() {
    let progress = seen(&paid(&["assign"], WorkspaceStatus::Preparing), 76);
    let elapsed: Vec<_> = progress.steps.iter().map(|step| step.elapsed(&progress.now)).collect();
    assert_eq!(elapsed, ["", "1 s", "1 min 5 s", "", "", ""]);
}

#[test]
fn an_event_is_named_by_what_it_says_and_not_by_when() {
    let order = paid(&["assign"], WorkspaceStatus::Preparing);
    assert_eq!(seen(&order, 12).fingerprint(), seen(&order, 13).fingerprint());
    let further = paid(&["assign", "wake"], WorkspaceStatus::Preparing);
    assert_ne!(seen(&order, 13).fingerprint(), seen(&further, 13).fingerprint());
}

#[test]
fn nobody_but_its_owner_is_told_an_address_or_asked_for_a_password() {
    let live = paid(&[], WorkspaceStatus::Live);
    let stranger = Progress::of(&live, &site(), false, Language::English, at(20));
    let json = serde_json::to_string(&stranger).unwrap();
    assert!(stranger.text.contains("mail to a•••@mail.test"), "{json}");
    assert!(!json.contains("ada@mail.test"), "{json}");
}

#[test]
fn the_letter_is_done_when_it_is_sent_and_not_before() {
    let names = ["assign", "wake", "configure", "start", "ready", "route", "mail"];
    let check = |letter, state, word: &str, is_final| {
        let live = paid(&names, WorkspaceStatus::Live);
        let task = OrderedTask { is_over: true, ..live.task.clone().unwrap() };
        let progress = seen(&Order { letter, task: Some(task), ..live }, 60);
        let mail = progress.steps.last().unwrap();
        assert_eq!((mail.state, mail.word, progress.is_final), (state, word, is_final));
    };
    check(None, StepState::Done, "", true);
    check(Some(MailState::Waiting), StepState::Running, "It is on its way", false);
    check(Some(MailState::Sent), StepState::Done, "", true);
    check(Some(MailState::Failed), StepState::Failed, "It could not be sent", true);
}
