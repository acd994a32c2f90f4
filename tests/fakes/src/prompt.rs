//! Finds what the customer said inside what the real OpenClaw sends a model.
//!
//! The gateway wraps a message in a time, a description of the
//! conversation, and the state of its runtime, and follows it with messages
//! of its own; pictures that were sent with it are parts of the same message, and what
//! documents say is written behind it:
//!
//! ```text
//! Conversation info: ⟦openclaw:ctx⟧ ```json {…}``` [Sun 2026-11-22 08:38 UTC] hello
//!
//! Runtime: agent=main | session=agent:main:main | …
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

const INTERNAL_BEGIN: &str = "<<<BEGIN_OPENCLAW_INTERNAL_CONTEXT>>>";
const INTERNAL_END: &str = "<<<END_OPENCLAW_INTERNAL_CONTEXT>>>";
const CONVERSATION_INFO: &str = "Conversation info:";
const FENCE: &str = "```";
const RUNTIME: &str = "\n\nRuntime: agent=";
/// Before what a plan says, and behind it.
const SCHEDULED: (&str, &str) = ("[cron:", "\nCurrent time: ");
const MEDIA: &str = "[media attached";
const FILE_BEGIN: &str = "<file ";
const FILE_END: &str = "</file>";
/// Around what a file says.
const FILE_TEXT: (&str, &str) = ("\n---\n", "\n<<<END_EXTERNAL_UNTRUSTED_CONTENT");

/// A conversation as far as the script needs it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prompt {
    /// The latest words of the customer, unwrapped.
    pub message: String,
    /// The pictures that came with it, by their sizes in bytes.
    pub pictures: Vec<usize>,
    /// What the documents say that came with it.
    pub documents: Vec<String>,
    /// Whether a tool has answered since.
    pub tool_answered: bool,
}

/// Reads the `messages` of a chat completion. Without any words of a
/// customer the message is empty.
pub fn read(messages: &[Value]) -> Prompt {
    let said = messages.iter().enumerate().rev().find_map(|(index, message)| {
        let from_user = message["role"] == "user";
        let words = unwrap(&text(&message["content"]));
        (from_user && !words.is_empty()).then_some((index, words))
    });
    let Some((index, message)) = said else {
        return Prompt::default();
    };
    let tool_answered = messages[index..].iter().any(|message| message["role"] == "tool");
    let content = &messages[index]["content"];
    let documents = documents(&text(content));
    Prompt { message, pictures: pictures(content), documents, tool_answered }
}

/// Each once: the gateway sends some twice.
fn pictures(content: &Value) -> Vec<usize> {
    let parts = content.as_array().into_iter().flatten();
    let mut urls: Vec<_> = parts.filter_map(|part| part["image_url"]["url"].as_str()).collect();
    urls.dedup();
    let bytes = |url: &str| STANDARD.decode(url.split_once(',')?.1).ok().map(|bytes| bytes.len());
    urls.into_iter().filter_map(bytes).collect()
}

fn documents(text: &str) -> Vec<String> {
    let files = text.split(FILE_BEGIN).skip(1).filter_map(|rest| rest.split_once(FILE_END));
    let said = files.filter_map(|(file, _)| {
        let (_, said) = file.split_once(FILE_TEXT.0)?;
        Some(said.split(FILE_TEXT.1).next()?.trim().to_owned())
    });
    said.collect()
}

/// A message's content is a text or a list of parts.
fn text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts: Vec<_> = parts.iter().filter_map(|part| part["text"].as_str()).collect();
            texts.join("\n\n")
        }
        _ => String::new(),
    }
}

fn unwrap(text: &str) -> String {
    let text = without_internal_context(text);
    let text = text.split(RUNTIME).next().unwrap_or_default();
    let text = without_time(without_conversation_info(text.trim()));
    without_files(without_schedule(text)).trim().to_owned()
}

/// Takes off what tells of files, and what they say.
fn without_files(text: &str) -> String {
    let words = text.split(FILE_BEGIN).next().unwrap_or_default();
    let lines = words.lines().filter(|line| !line.starts_with(MEDIA));
    lines.collect::<Vec<_>>().join("\n")
}

fn without_internal_context(text: &str) -> String {
    let Some((before, rest)) = text.split_once(INTERNAL_BEGIN) else {
        return text.to_owned();
    };
    let after = rest.split_once(INTERNAL_END).map_or("", |(_, after)| after);
    format!("{before}{after}")
}

fn without_conversation_info(text: &str) -> &str {
    let Some(info) = text.strip_prefix(CONVERSATION_INFO) else {
        return text;
    };
    let fenced = info.split_once(FENCE).map(|(_, rest)| rest);
    match fenced.and_then(|fenced| fenced.split_once(FENCE)) {
        Some((_, after)) => after.trim_start(),
        None => text,
    }
}

/// Of what is planned, its own words.
fn without_schedule(text: &str) -> &str {
    let planned = text.strip_prefix(SCHEDULED.0).and_then(|rest| rest.split_once("] "));
    planned.map_or(text, |(_, rest)| rest.split(SCHEDULED.1).next().unwrap_or_default())
}

/// Takes off `[Sun 2026-11-22 08:38 UTC] `, and no other bracket.
fn without_time(text: &str) -> &str {
    let stamped = text
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("] "))
        .filter(|(stamp, _)| stamp.len() <= 40 && stamp.contains(':') && stamp.contains('-'));
    stamped.map_or(text, |(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// As recorded, shortened.
    fn recorded(message: &str) -> Vec<Value> {
        vec![
            json!({"role": "system", "content": "You are a personal assistant."}),
            json!({"role": "user", "content": format!(
                "[Sun 2026-11-22 08:38 UTC] {message}\n\nRuntime: agent=main | host=vm"
            )}),
            json!({"role": "user", "content": [{"type": "text", "text":
                "<<<BEGIN_OPENCLAW_INTERNAL_CONTEXT>>>\nnone\n<<<END_OPENCLAW_INTERNAL_CONTEXT>>>"
            }]}),
        ]
    }

    fn check(messages: &[Value], expected: &str) {
        assert_eq!(read(messages).message, expected);
    }

    #[test]
    fn the_customers_words_come_out_of_the_wrapping() {
        check(&recorded("SLOW please"), "SLOW please");
        check(&recorded("two\n\nparagraphs"), "two\n\nparagraphs");
        check(&recorded("[1] is not a time"), "[1] is not a time");
    }

    #[test]
    fn what_is_planned_says_its_own_words() {
        let planned = "[cron:23c7eea0 Tea] FAST tea\nCurrent time: Saturday\n\nUnattended.";
        check(&[json!({"role": "user", "content": planned})], "FAST tea");
    }

    #[test]
    fn a_description_of_the_conversation_is_taken_off() {
        let wrapped = "Conversation info: ⟦openclaw:ctx⟧ ```json\n{\"a\":1}\n``` \
                       [Sun 2026-11-22 08:38 UTC] hello";
        check(&[json!({"role": "user", "content": wrapped})], "hello");
    }

    #[test]
    fn files_that_came_with_it_are_seen_and_are_none_of_its_words() {
        let wrapped = "[Sun 2026-11-22 08:38 UTC] [media attached: 2 files]\n\
            [media attached 1/2: /x/a.pdf (application/pdf)]\nlook\n\
            [media attached: media://inbound/a.pdf]\n\n<file name=\"a.pdf\">\n\n\
            <<<EXTERNAL_UNTRUSTED_CONTENT id=\"1\">>>\nSource: External\n---\n42 apples\n\
            <<<END_EXTERNAL_UNTRUSTED_CONTENT id=\"1\">>>\n</file>";
        let picture =
            json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,AAEC"}});
        let content = json!([{"type": "text", "text": wrapped}, picture, picture,
            {"type": "text", "text": "Runtime: agent=main | host=vm"}]);
        let prompt = read(&[json!({"role": "user", "content": content})]);
        let (pictures, documents) = (vec![3], vec!["42 apples".to_owned()]);
        let message = "look".to_owned();
        assert_eq!(prompt, Prompt { message, pictures, documents, tool_answered: false });
    }

    #[test]
    fn plain_messages_stay_as_they_are() {
        check(&[json!({"role": "user", "content": "hello"})], "hello");
        check(&[], "");
    }

    #[test]
    fn a_tool_counts_only_after_the_latest_words() {
        let mut messages = recorded("TOOLCALL");
        assert!(!read(&messages).tool_answered);
        messages.push(json!({"role": "tool", "content": "hi"}));
        assert!(read(&messages).tool_answered);
        messages.extend(recorded("TOOLCALL again"));
        assert!(!read(&messages).tool_answered);
    }
}
