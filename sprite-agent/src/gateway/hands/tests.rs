use super::*;

fn asked(name: &str, params: &Value) -> Result<Value, Refused> {
    let params = serde_json::value::to_raw_value(params).unwrap();
    Hand::find(name).unwrap().arguments(Some(&params), &workspace(&["github".to_owned()]))
}

const NOW: u64 = 1_795_842_000_000;

fn workspace(skills: &[String]) -> Workspace<'_> {
    let (url, secret) = ("https://ada.test/hooks/telegram", "k1_s");
    Workspace { skills, telegram: Hook { url, secret, port: 8787 }, now_ms: NOW }
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
        let is_preceded = ["config.patch", "cron.add"].contains(&hand.gateway);
        assert_eq!(hand.asks_before().is_some(), is_preceded, "{hand:?}");
    }
}

#[test]
fn a_plan_is_a_turn_whose_answer_comes_into_the_conversation() {
    let when = |when: Value| {
        let mut params = json!({"sessionKey": "agent:main:x", "text": "Tea\nand milk"});
        params.as_object_mut().unwrap().extend(when.as_object().unwrap().clone());
        asked("arca.schedule.add", &params)
    };
    let often = when(json!({"rule": "30 9 * * 1-5", "zone": "Europe/Berlin"})).unwrap();
    let schedule =
        json!({"kind": "cron", "expr": "30 9 * * 1-5", "tz": "Europe/Berlin", "staggerMs": 0});
    let expected = json!({"name": "Tea", "schedule": schedule, "sessionTarget": "current",
        "sessionKey": "agent:main:x", "wakeMode": "now", "deleteAfterRun": false,
        "payload": {"kind": "agentTurn", "message": "Tea\nand milk"},
        "delivery": {"mode": "announce"}});
    assert_eq!(often, expected);
    let once = when(json!({"at": NOW + 60_000})).unwrap();
    assert_eq!(once["schedule"], json!({"kind": "at", "at": "1795842060000"}));
    assert_eq!(once["deleteAfterRun"], true);
    for bad in [
        json!({}),
        json!({"at": NOW}),
        json!({"at": NOW + plan::AHEAD_MAX_MS + 1}),
        json!({"at": NOW + 1, "rule": "0 9 * * *", "zone": "UTC"}),
        json!({"rule": "0 9 * * *"}),
        json!({"rule": "*/5 * * * *", "zone": "UTC"}),
        json!({"rule": "* * * * *", "zone": "UTC"}),
        json!({"rule": "0,30 9 * * *", "zone": "UTC"}),
        json!({"rule": "0 0 9 * * *", "zone": "UTC"}),
        json!({"rule": "0 9 * *", "zone": "UTC"}),
        json!({"rule": "0 9 * * *", "zone": "U TC"}),
        json!({"at": NOW + 1, "command": "sh"}),
    ] {
        assert!(when(bad.clone()).is_err(), "{bad}");
    }
    let long = "x".repeat(plan::TEXT_MAX_BYTES + 1);
    for (key, text) in [("agent:main:x", " "), ("agent:main:x", &*long), ("main", "Tea")] {
        let params = json!({"sessionKey": key, "text": text, "at": NOW + 1});
        assert!(asked("arca.schedule.add", &params).is_err(), "{key}");
    }
}

#[test]
fn there_are_only_so_many_plans() {
    let hand = Hand::find("arca.schedule.add").unwrap();
    let told = |answer: Value| hand.complete(json!({"name": "Tea"}), &answer.to_string());
    let params = Completed::Params(json!({"name": "Tea"}));
    assert_eq!(told(json!({"ok": true, "payload": {"total": PLANS_MAX - 1}})), params);
    assert_eq!(told(json!({"ok": true, "payload": {"total": PLANS_MAX}})), Completed::Full);
    assert_eq!(told(json!({"ok": false, "error": {}})), Completed::Unknown);
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
        "arca.skill.key",
        json!({"skill": "github", "key": "k", "name": "GH_TOKEN"}),
        json!({"skillKey": "github", "env": {"GH_TOKEN": "k"}}),
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
    for name in
        ["PATH", "_KEY", "lower_KEY", "A-B_KEY", "NODE_OPTIONS", &format!("{}_KEY", "X".repeat(64))]
    {
        check("arca.skill.key", json!({"skill": "github", "key": "k", "name": name}));
    }
    check(
        "arca.skill.key",
        json!({"skill": "github", "key": "x".repeat(skill_key::KEY_MAX_BYTES + 1)}),
    );
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

#[test]
fn which_skills_have_a_key_is_told_and_no_key() {
    let config = json!({"channels": {"telegram": {"botToken": "SECRET"}}, "skills": {"entries": {
        "weather": {"enabled": true}, "notion": {"apiKey": "SECRET"}, "github": {"apiKey": ""},
        "trello": {"env": {"TRELLO_TOKEN": "SECRET"}}, "xurl": {"env": {}}}}});
    let hand = Hand::find("arca.skill.keys").unwrap();
    let answer = |payload: &Value| -> Value {
        let frame = json!({"ok": true, "payload": payload});
        serde_json::from_str(&hand.answer("7", &frame.to_string())).unwrap()
    };
    let told = answer(&json!({"config": config, "hash": "SECRET", "path": "SECRET"}));
    assert_eq!(told["payload"], json!({"skills": ["notion", "trello"]}));
    assert_eq!(answer(&json!({"config": {}}))["payload"], json!({"skills": []}));
}
