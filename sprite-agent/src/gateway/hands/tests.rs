use super::*;

fn asked(name: &str, params: &Value) -> Result<Value, Refused> {
    let params = serde_json::value::to_raw_value(params).unwrap();
    Hand::find(name).unwrap().arguments(Some(&params), &workspace(&["github".to_owned()]))
}

fn workspace(skills: &[String]) -> Workspace<'_> {
    let (telegram_url, telegram_secret) = ("https://ada.test/hooks/telegram", "k1_s");
    Workspace { skills, telegram_url, telegram_secret, telegram_port: 8787 }
}

#[test]
fn a_bot_is_connected_with_our_own_address_and_secret_alone() {
    let token = format!("123456:{}", "A".repeat(35));
    let params = asked("arca.telegram.connect", &json!({"token": token})).unwrap();
    let raw: Value = serde_json::from_str(params["raw"].as_str().unwrap()).unwrap();
    let expected = json!({"channels": {"telegram": {
        "enabled": true, "botToken": token, "webhookUrl": "https://ada.test/hooks/telegram",
        "webhookSecret": "k1_s", "webhookPort": 8787, "dmPolicy": "pairing"}}});
    assert_eq!(raw, expected);
    let off = asked("arca.telegram.disconnect", &json!({})).unwrap();
    let raw: Value = serde_json::from_str(off["raw"].as_str().unwrap()).unwrap();
    assert_eq!(raw["channels"]["telegram"]["botToken"], Value::Null);
    assert_eq!(raw["channels"]["telegram"]["enabled"], false);
    for token in ["", "123456", "123456:short", "x23456:AAAAAAAAAAAAAAAAAAAAAAAA"] {
        assert!(asked("arca.telegram.connect", &json!({"token": token})).is_err(), "{token}");
    }
    let more = json!({"token": token, "dmPolicy": "open"});
    assert!(asked("arca.telegram.connect", &more).is_err());
    assert!(asked("arca.telegram.allow", &json!({"requestId": ""})).is_err());
    for hand in HANDS {
        assert_eq!(hand.needs_hash(), hand.gateway.starts_with("config."), "{hand:?}");
    }
}

#[test]
fn the_table_is_sorted_and_knows_nothing_else() {
    assert!(HANDS.is_sorted_by_key(|hand| hand.name));
    assert_eq!(HAND_SCOPES.join(","), HAND_SCOPES_HEADER);
    for name in ["", "arca", "arca.skill", "skills.update", "config.set", "arca.config.set"] {
        assert!(Hand::find(name).is_none(), "{name}");
    }
}

#[test]
fn arguments_become_the_gateways() {
    let check = |name: &str, params: Value, expected: Value| {
        assert_eq!(asked(name, &params), Ok(expected), "{name}");
    };
    let entry = json!({"sessionKey": "agent:main:x", "entryId": "e1"});
    check("arca.conversation.rewind", entry.clone(), entry.clone());
    check("arca.conversation.fork", entry.clone(), entry);
    check(
        "arca.skill.switch",
        json!({"skill": "github", "on": false}),
        json!({"skillKey": "github", "enabled": false}),
    );
    check(
        "arca.skill.key",
        json!({"skill": "github", "key": "k"}),
        json!({"skillKey": "github", "apiKey": "k"}),
    );
    check(
        "arca.schedule.pause",
        json!({"id": "j", "paused": true}),
        json!({"id": "j", "patch": {"enabled": false}}),
    );
    check("arca.schedule.delete", json!({"id": "j"}), json!({"id": "j"}));
    check(
        "arca.file.set",
        json!({"name": "USER.md", "content": "I am Ada."}),
        json!({"agentId": "main", "name": "USER.md", "content": "I am Ada."}),
    );
}

#[test]
fn what_is_not_named_does_not_pass() {
    let check = |name: &str, params: Value| assert!(asked(name, &params).is_err(), "{params}");
    for key in ["main", "agent:main:", "agent:other:x", "agent:main:cron:1", "agent:main:a b"] {
        check("arca.conversation.fork", json!({"sessionKey": key, "entryId": "e"}));
    }
    check("arca.conversation.fork", json!({"sessionKey": "agent:main:x", "entryId": ""}));
    check("arca.skill.switch", json!({"skill": "weather", "on": true}));
    check("arca.skill.switch", json!({"skill": "github", "on": "yes"}));
    check("arca.skill.switch", json!({"skill": "github", "on": true, "env": {}}));
    check("arca.skill.key", json!({"skill": "github", "key": "a\nb"}));
    check("arca.skill.key", json!({"skill": "github", "key": "x".repeat(KEY_MAX_BYTES + 1)}));
    check("arca.schedule.pause", json!({"id": "j", "paused": true, "patch": {}}));
    check("arca.schedule.delete", json!({}));
    check("arca.schedule.delete", json!(["j"]));
    check("arca.file.set", json!({"name": "../x", "content": ""}));
    check("arca.file.set", json!({"name": "BOOTSTRAP.md", "content": ""}));
    check("arca.file.set", json!({"name": "USER.md", "content": "x".repeat(FILE_MAX_BYTES + 1)}));
    let hash = json!({"name": "USER.md", "content": "", "expectedHash": "no"});
    check("arca.file.set", hash);
    let twice = r#"{"id":"a","id":"b"}"#;
    let twice: Box<RawValue> = serde_json::from_str(twice).unwrap();
    assert!(
        Hand::find("arca.schedule.delete")
            .unwrap()
            .arguments(Some(&twice), &workspace(&[]))
            .is_err()
    );
}

#[test]
fn of_the_answer_only_what_is_picked_comes_back() {
    let answer = |name: &str, frame: &Value| -> Value {
        serde_json::from_str(&Hand::find(name).unwrap().answer("7", &frame.to_string())).unwrap()
    };
    let set = json!({"type": "res", "id": "x", "ok": true, "payload": {
        "workspace": "SECRET", "file": {"name": "USER.md", "path": "SECRET", "size": 9}}});
    let expected = json!({"type": "res", "id": "7", "ok": true,
        "payload": {"file": {"name": "USER.md", "size": 9}}});
    assert_eq!(answer("arca.file.set", &set), expected);
    let key =
        json!({"ok": true, "payload": {"skillKey": "github", "config": {"apiKey": "SECRET"}}});
    assert_eq!(answer("arca.skill.key", &key)["payload"], json!({"skillKey": "github"}));
    let error = json!({"ok": false, "error": {"code": "X", "message": "m", "details": "SECRET"}});
    assert_eq!(answer("arca.skill.key", &error)["error"], json!({"code": "X", "message": "m"}));
    let closed = json!({"ok": false, "error": {"code": "X", "message": "m",
        "details": {"reason": "gateway-suspending", "method": "skills.update"}}});
    let details = &answer("arca.skill.key", &closed)["error"]["details"];
    assert_eq!(details, &json!({"reason": "gateway-suspending"}));
}
