//! Links with which a password is set.

use std::net::IpAddr;
use std::time::Duration;

use control::accounts::passwords::Weakness;
use control::accounts::sign_in::{Attempt, SignInError};
use control::accounts::{LinkRequested, SetPasswordError};
use control::base::token::Token;
use control::model::password_link::Purpose;
use control::model::user_agent::UserAgent;
use control::store::AccountSession;
use futures_util::future::join_all;

use super::vendor::{self, Office};
use crate::common::{PASSWORD, World, wait_until};

const HOUR: Duration = Duration::from_secs(3_600);

const OTHER_PASSWORD: &str = "amber-lantern-river-31";

fn place(last: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, last])
}

async fn ask(world: &World, typed: &str) {
    let asked = world.app().accounts.request_link(typed, place(1)).await.unwrap();
    assert_eq!(asked, LinkRequested::Taken);
}

/// The token of the newest letter that has one.
async fn token(office: &Office) -> String {
    let mails = office.resend.mails().await;
    let text = mails.last().unwrap()["text"].as_str().unwrap().to_owned();
    let (_, rest) = text.split_once("/set-password?token=").unwrap();
    rest.split_whitespace().next().unwrap().to_owned()
}

/// Asks for a link and reads it in the letter, which is the `number`th.
async fn link(office: &Office, number: usize) -> String {
    ask(&office.world, "ada").await;
    wait_until("the letter is there", number, async || office.resend.mails().await.len()).await;
    token(office).await
}

async fn redeem(world: &World, token: &str, password: &str) -> Result<Purpose, SetPasswordError> {
    let redeemed = world.app().accounts.redeem_link(token, password.to_owned(), place(1)).await;
    redeemed.map(|redeemed| redeemed.purpose)
}

#[tokio::test]
async fn looking_at_a_link_takes_nothing_and_it_sets_one_password() {
    let office = Office::open().await;
    let (world, token) = (&office.world, link(&office, 1).await);
    for _ in 0..3 {
        let open = world.app().accounts.open_link(&token).await.unwrap().unwrap();
        assert_eq!(open.purpose, Purpose::FirstTime);
    }
    let weak = redeem(world, &token, "short").await;
    assert!(matches!(weak, Err(SetPasswordError::Weak(_))), "{weak:?}");
    let long = redeem(world, &token, &"x".repeat(1_025)).await;
    assert!(matches!(long, Err(SetPasswordError::Weak(Weakness::Long))), "{long:?}");
    assert_eq!(redeem(world, &token, PASSWORD).await.unwrap(), Purpose::FirstTime);
    assert_eq!(world.app().accounts.open_link(&token).await.unwrap(), None);
    let again = redeem(world, &token, OTHER_PASSWORD).await;
    assert!(matches!(again, Err(SetPasswordError::Over)), "{again:?}");
    let letters = vendor::letters(world).await;
    assert_eq!(letters.len(), 1, "of a first password nobody is warned: {letters:?}");
}

#[tokio::test]
async fn of_many_who_use_a_link_at_once_one_sets_the_password() {
    let office = Office::open().await;
    let token = link(&office, 1).await;
    let redeemed = join_all((0..4).map(|_| redeem(&office.world, &token, PASSWORD))).await;
    assert_eq!(redeemed.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{redeemed:?}");
}

#[tokio::test]
async fn a_reset_ends_every_session_and_warns_its_owner() {
    let office = Office::open().await;
    let world = &office.world;
    let app = world.app();
    let username = "ada".parse().unwrap();
    let first = app.accounts.set_first_password(&username, PASSWORD.to_owned());
    let proven = first.await.unwrap().proven;
    let session = AccountSession { id: Token::random().hash(), username: proven.username };
    let now = world.now();
    assert!(
        app.store
            .open_account_session(&session.id, &proven, UserAgent::default(), now, HOUR)
            .await
            .unwrap()
    );
    let token = link(&office, 1).await;
    world.let_pass(Duration::from_secs(1)).await;
    assert_eq!(redeem(world, &token, OTHER_PASSWORD).await.unwrap(), Purpose::Reset);
    assert_eq!(app.store.account_session(&session.id, None, now, HOUR).await.unwrap(), None);
    assert!(
        !app.store
            .open_account_session(&session.id, &proven, UserAgent::default(), now, HOUR)
            .await
            .unwrap()
    );
    office.wait_for_letter("password_changed", "sent").await;
}

#[tokio::test]
async fn a_newer_link_voids_the_older_and_time_voids_both() {
    let office = Office::open().await;
    let (older, newer) = (link(&office, 1).await, link(&office, 2).await);
    assert_ne!(older, newer);
    assert_eq!(office.world.app().accounts.open_link(&older).await.unwrap(), None);
    assert!(office.world.app().accounts.open_link(&newer).await.unwrap().is_some());
    office.world.let_pass(Purpose::FirstTime.lifetime()).await;
    assert_eq!(office.world.app().accounts.open_link(&newer).await.unwrap(), None);
    let late = redeem(&office.world, &newer, PASSWORD).await;
    assert!(matches!(late, Err(SetPasswordError::Over)), "{late:?}");
    for wrong in ["", "x", &"a".repeat(43)] {
        assert_eq!(office.world.app().accounts.open_link(wrong).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_first_password_is_set_once_and_closes_the_links() {
    let office = Office::open().await;
    let token = link(&office, 1).await;
    let username = "ada".parse().unwrap();
    let set = async |password: &str| {
        office.world.app().accounts.set_first_password(&username, password.to_owned()).await
    };
    assert!(matches!(set("passwordpassword").await, Err(SetPasswordError::Weak(_))));
    assert_eq!(set(PASSWORD).await.unwrap().purpose, Purpose::FirstTime);
    assert!(matches!(set(OTHER_PASSWORD).await, Err(SetPasswordError::Over)));
    assert_eq!(office.world.app().accounts.open_link(&token).await.unwrap(), None);
    let stranger = "nobody".parse().unwrap();
    let set = office.world.app().accounts.set_first_password(&stranger, PASSWORD.to_owned());
    assert!(matches!(set.await, Err(SetPasswordError::Over)));
}

#[tokio::test]
async fn an_account_gets_three_links_an_hour() {
    let office = Office::open().await;
    for number in 1..=3 {
        link(&office, number).await;
    }
    for typed in ["ada", "ADA ", "ada@mail.test", "Ada@Mail.Test"] {
        ask(&office.world, typed).await;
    }
    let in_flight = async || office.world.app().accounts.link_requests_in_flight();
    wait_until("all are answered", 0, in_flight).await;
    assert_eq!(vendor::letters(&office.world).await.len(), 3);
    office.world.let_pass(HOUR).await;
    ask(&office.world, "Ada@Mail.Test").await;
    wait_until("the fourth is there", 4, async || office.resend.mails().await.len()).await;
}

#[tokio::test]
async fn who_does_not_exist_is_answered_alike_and_a_place_may_ask_so_often() {
    let office = Office::open().await;
    for typed in ["nobody", "nobody@mail.test", "", "☃", "a@b.test\0", &"x".repeat(10_000)] {
        ask(&office.world, typed).await;
    }
    for _ in 6..20 {
        ask(&office.world, "nobody").await;
    }
    let refused = office.world.app().accounts.request_link("ada", place(1)).await.unwrap();
    assert!(matches!(refused, LinkRequested::TooMany { .. }), "{refused:?}");
    let elsewhere = office.world.app().accounts.request_link("ada", place(2)).await.unwrap();
    assert_eq!(elsewhere, LinkRequested::Taken);
    wait_until("ada has hers", 1, async || office.resend.mails().await.len()).await;
}

#[tokio::test]
async fn a_password_reset_by_mail_lifts_the_lock_out_it_was_asked_for_in() {
    let office = Office::open().await;
    let world = &office.world;
    let check = async |password: &str| {
        let attempt = Attempt {
            username: "ada".to_owned(),
            password: password.to_owned(),
            address: place(1),
        };
        world.app().sign_in.check(attempt, world.now(), &world.app().metrics).await
    };
    for _ in 0..5 {
        assert!(matches!(check("not her password").await, Err(SignInError::Wrong)));
    }
    assert!(matches!(check(PASSWORD).await, Err(SignInError::TooMany { .. })));
    let token = link(&office, 1).await;
    redeem(world, &token, OTHER_PASSWORD).await.unwrap();
    assert!(check(OTHER_PASSWORD).await.is_ok());
}
