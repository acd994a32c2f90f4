//! One mail, however often it is sent.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use vendors::resend::email::Tag;
use vendors::resend::{Email, EmailId, RenderedEmail, Resend, ResendError};
use vendors::{Again, IdempotencyKey};

use super::sink::{Answer, Sink, secret};

const KEY: &str = "re_never_printed";
const ID: &str = "49a3999c-0ce1-4ea6-ab68-afcd6dc2e794";

fn resend(sink: &Sink) -> Resend {
    Resend::new(&sink.url, &secret(KEY), 1_000).unwrap()
}

fn accepted() -> Answer {
    Answer::json(200, &json!({ "id": ID }))
}

fn refused(status: u16, name: &str) -> Answer {
    Answer::json(status, &json!({ "statusCode": status, "name": name, "message": "no" }))
}

fn welcome() -> Email {
    Email {
        from: "Acme <hi@acme.test>".to_owned(),
        to: vec!["ada@example.com".to_owned()],
        reply_to: Some("support@acme.test".to_owned()),
        subject: "Welcome".to_owned(),
        html: "<p>hi</p>".to_owned(),
        text: "hi".to_owned(),
        headers: BTreeMap::from([("X-Entity-Ref-ID".to_owned(), "su_1".to_owned())]),
        tags: vec![Tag { name: "category".to_owned(), value: "welcome".to_owned() }],
    }
}

async fn send(resend: &Resend, email: &RenderedEmail) -> Result<EmailId, ResendError> {
    resend.send(email, &IdempotencyKey::parse("welcome-user/su_01JXYZ").unwrap()).await
}

#[tokio::test]
async fn a_mail_is_sent_as_the_vendors_client_sends_it() {
    let sink = Sink::start([accepted()]).await;
    let id = send(&resend(&sink), &welcome().render()).await.unwrap();
    assert_eq!(id.as_str(), ID);
    let seen = &sink.seen()[0];
    assert_eq!(sink.calls(), ["POST /emails"]);
    let expected = json!({
        "from": "Acme <hi@acme.test>", "headers": { "X-Entity-Ref-ID": "su_1" },
        "html": "<p>hi</p>", "reply_to": "support@acme.test", "subject": "Welcome",
        "tags": [{ "name": "category", "value": "welcome" }], "text": "hi",
        "to": ["ada@example.com"],
    });
    assert_eq!(seen.json(), expected);
    assert_eq!(seen.header("authorization"), Some("Bearer re_never_printed"));
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert_eq!(seen.header("idempotency-key"), Some("welcome-user/su_01JXYZ"));
    assert!(seen.header("user-agent").is_some_and(|agent| !agent.is_empty()));
}

#[tokio::test]
async fn a_mail_out_of_the_store_is_the_same_to_the_byte() {
    let sink = Sink::start([Answer::HangUp, accepted(), accepted()]).await;
    let resend = resend(&sink);
    let rendered = welcome().render();
    let lost = send(&resend, &rendered).await.unwrap_err();
    assert_eq!(lost.again(), Again::Soon);
    let stored = RenderedEmail::from_stored(rendered.as_str().to_owned());
    let first = send(&resend, &stored).await.unwrap();
    assert_eq!(send(&resend, &stored).await.unwrap(), first);
    let seen = sink.seen();
    assert_eq!(seen.len(), 3);
    for again in &seen {
        assert_eq!(again.body, rendered.as_str().as_bytes());
        assert_eq!(again.header("idempotency-key"), seen[0].header("idempotency-key"));
    }
}

#[tokio::test]
async fn both_kinds_of_409_are_told_apart() {
    let check = async |name, again| {
        let sink = Sink::start([refused(409, name)]).await;
        let error = send(&resend(&sink), &welcome().render()).await.unwrap_err();
        assert_eq!(error.again(), again, "{error}");
    };
    check("invalid_idempotent_request", Again::Never).await;
    check("concurrent_idempotent_requests", Again::Soon).await;
}

#[tokio::test]
async fn nothing_is_sent_while_resend_asks_to_hold_back() {
    let limited = refused(429, "rate_limit_exceeded").header("retry-after", "30");
    let spent = accepted().header("ratelimit-remaining", "0").header("ratelimit-reset", "30");
    for answer in [limited, spent] {
        let sink = Sink::start([answer, accepted()]).await;
        let resend = resend(&sink);
        let _first = send(&resend, &welcome().render()).await;
        let error = send(&resend, &welcome().render()).await.unwrap_err();
        let Again::After(wait) = error.again() else { panic!("{error}") };
        assert!(matches!(error, ResendError::TooBusy(_)), "{error:?}");
        assert!(wait <= Duration::from_secs(30) && wait > Duration::from_secs(3), "{wait:?}");
        assert_eq!(sink.seen().len(), 1);
    }
}

#[tokio::test]
async fn a_quota_is_told_from_a_rate() {
    let check = async |name, is_quota| {
        let sink = Sink::start([refused(429, name)]).await;
        let error = send(&resend(&sink), &welcome().render()).await.unwrap_err();
        assert_eq!(error.is_quota(), is_quota, "{error}");
    };
    check("daily_quota_exceeded", true).await;
    check("monthly_quota_exceeded", true).await;
    check("rate_limit_exceeded", false).await;
}

#[tokio::test]
async fn a_proxys_error_page_is_quoted_without_our_key() {
    let page = format!("<h1>Bad gateway</h1>\n{KEY}{}", " ".repeat(1 << 20));
    let sink = Sink::start([Answer::text(502, page)]).await;
    let error = send(&resend(&sink), &welcome().render()).await.unwrap_err();
    assert_eq!(error.again(), Again::Soon);
    let text = format!("{error} {error:?}");
    assert!(text.contains("Bad gateway") && !text.contains(KEY), "{text}");
}
