use serde::Deserialize;

use super::*;

const BODY: &str = r#"{"id":"evt_1","object":"event"}"#;
const TIME: u64 = 1_760_000_000;
const SIGNATURE: &str = "710305f7feae110e97d01e071f9d466aadf50a718e23f9956b8252f8dc0acd23";

#[derive(Deserialize)]
struct Vector {
    name: String,
    secret: String,
    payload: String,
    timestamp: u64,
    header: String,
}

fn secrets(secrets: &[&str]) -> WebhookSecrets {
    let secrets: Vec<_> = secrets.iter().map(|secret| Secret::new((*secret).to_owned())).collect();
    WebhookSecrets::new(&secrets).unwrap()
}

fn vectors() -> Vec<Vector> {
    let text = include_str!("../../../tests/stripe-samples/vectors.json");
    serde_json::from_str(text).unwrap()
}

#[test]
fn what_the_vendors_library_signs_is_accepted() {
    let vectors = vectors();
    for vector in &vectors[..3] {
        let ours = secrets(&[&vector.secret]);
        let result = ours.verify(&vector.header, vector.payload.as_bytes(), vector.timestamp);
        assert_eq!(result, Ok(()), "{}", vector.name);
    }
}

#[test]
fn while_a_secret_is_replaced_either_is_accepted() {
    let vectors = vectors();
    let (body, rolled) = (vectors[2].payload.as_bytes(), &vectors[3]);
    let check = |ours: &[&str], expected| {
        assert_eq!(secrets(ours).verify(&rolled.header, body, rolled.timestamp), expected);
    };
    let old = vectors[2].secret.as_str();
    check(&[old], Ok(()));
    check(&["whsec_new_secret"], Ok(()));
    check(&["whsec_other", "whsec_new_secret"], Ok(()));
    check(&["whsec_other"], Err(SignatureError::Foreign));
}

#[test]
fn every_other_header_is_refused() {
    let check = |header: &str, expected| {
        let ours = secrets(&["whsec_test_secret"]);
        assert_eq!(ours.verify(header, BODY.as_bytes(), TIME), expected, "{header}");
    };
    let malformed = Err(SignatureError::Malformed);
    let foreign = Err(SignatureError::Foreign);
    check(&format!("t={TIME},v1={SIGNATURE}"), Ok(()));
    check(&format!("v1={SIGNATURE},t={TIME}"), Ok(()));
    check(&format!("t={TIME},v1={},v1={SIGNATURE}", "0".repeat(64)), Ok(()));
    check("", malformed);
    check(&format!("t={TIME}"), malformed);
    check(&format!("v1={SIGNATURE}"), malformed);
    check(&format!("t={TIME}, v1={SIGNATURE}"), malformed);
    check(&format!("t={TIME},v0={SIGNATURE}"), malformed);
    check(&format!("t={TIME},v1={}", SIGNATURE.to_uppercase()), malformed);
    check(&format!("t={TIME},v1={}", &SIGNATURE[..62]), malformed);
    check(&format!("t={TIME},t={TIME},v1={SIGNATURE}"), malformed);
    check(&format!("t=+{TIME},v1={SIGNATURE}"), malformed);
    check(&format!("t=,v1={SIGNATURE}"), malformed);
    check(&format!("t={TIME},v1={SIGNATURE},"), malformed);
    check(&format!("t={TIME},v1={SIGNATURE},v0={}", "0".repeat(2_048)), malformed);
    check(&format!("t={},v1={SIGNATURE}", TIME + 1), foreign);
    check(&format!("t=0{TIME},v1={SIGNATURE}"), foreign);
    check(&format!("t={TIME},v1={}", "0".repeat(64)), foreign);
}

#[test]
fn a_changed_body_or_one_too_large_is_refused() {
    let header = format!("t={TIME},v1={SIGNATURE}");
    let ours = secrets(&["whsec_test_secret"]);
    let changed = BODY.replace("evt_1", "evt_2");
    assert_eq!(ours.verify(&header, changed.as_bytes(), TIME), Err(SignatureError::Foreign));
    let large = vec![b' '; BODY_MAX_BYTES + 1];
    assert_eq!(ours.verify(&header, &large, TIME), Err(SignatureError::TooLarge));
}

#[test]
fn it_counts_for_five_minutes_either_way() {
    let header = format!("t={TIME},v1={SIGNATURE}");
    let check = |now, expected| {
        let ours = secrets(&["whsec_test_secret"]);
        assert_eq!(ours.verify(&header, BODY.as_bytes(), now), expected, "{now}");
    };
    check(TIME + 300, Ok(()));
    check(TIME + 301, Err(SignatureError::Old(301)));
    check(TIME - 300, Ok(()));
    check(TIME - 301, Err(SignatureError::Future(301)));
    check(0, Err(SignatureError::Future(TIME)));
    check(u64::MAX, Err(SignatureError::Old(u64::MAX - TIME)));
}

#[test]
fn a_line_end_after_a_secret_is_forgiven_and_an_empty_one_is_not() {
    let header = format!("t={TIME},v1={SIGNATURE}");
    assert_eq!(secrets(&["whsec_test_secret\n"]).verify(&header, BODY.as_bytes(), TIME), Ok(()));
    let check = |list: &[&str], expected| {
        let list: Vec<_> = list.iter().map(|secret| Secret::new((*secret).to_owned())).collect();
        assert_eq!(WebhookSecrets::new(&list).err(), Some(expected));
    };
    check(&[], SecretsError::None);
    check(&["whsec_1", " \n"], SecretsError::Empty(1));
    check(&["whsec_1"; 9], SecretsError::TooMany);
}
