//! A mail as it is handed in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::ApiError;

/// Receivers of one mail, in each of `to`, `cc` and `bcc`.
const RECEIVERS_MAX: usize = 50;

/// Of a tag's name and its value.
const TAG_MAX_CHARS: usize = 256;

/// A mail that is fit to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    pub from: String,
    #[serde(deserialize_with = "one_or_many")]
    pub to: Vec<String>,
    pub subject: String,
    #[serde(default)]
    pub html: Option<String>,
    #[serde(default)]
    pub text: Option<String>,
    #[serde(default, deserialize_with = "one_or_many")]
    pub cc: Vec<String>,
    #[serde(default, deserialize_with = "one_or_many")]
    pub bcc: Vec<String>,
    #[serde(default, deserialize_with = "one_or_many")]
    pub reply_to: Vec<String>,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    #[serde(default)]
    pub tags: Vec<Tag>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tag {
    pub name: String,
    #[serde(default)]
    pub value: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

fn one_or_many<'de, D: serde::Deserializer<'de>>(source: D) -> Result<Vec<String>, D::Error> {
    Ok(match OneOrMany::deserialize(source)? {
        OneOrMany::One(one) => vec![one],
        OneOrMany::Many(many) => many,
    })
}

impl Mail {
    /// # Errors
    /// The first thing that Resend would not take.
    pub fn read(body: &[u8]) -> Result<Self, ApiError> {
        let value: Value = serde_json::from_slice(body).map_err(|error| {
            ApiError::new(400, "validation_error", format!("The body is not JSON: {error}"))
        })?;
        for field in ["from", "to", "subject"] {
            if value.get(field).is_none_or(Value::is_null) {
                return Err(ApiError::missing(field));
            }
        }
        if ["html", "text"].iter().all(|field| value.get(field).is_none_or(Value::is_null)) {
            let message = "Missing `html` or `text` field.";
            return Err(ApiError::new(422, "missing_required_field", message));
        }
        let mail: Self = serde_json::from_value(value)
            .map_err(|error| ApiError::new(422, "invalid_parameter", error.to_string()))?;
        mail.check()?;
        Ok(mail)
    }

    fn check(&self) -> Result<(), ApiError> {
        let lists = [("to", &self.to), ("cc", &self.cc), ("bcc", &self.bcc)];
        for (field, addresses) in lists {
            if addresses.len() > RECEIVERS_MAX {
                let message = format!(
                    "The `{field}` field must contain at most {RECEIVERS_MAX} email addresses."
                );
                return Err(ApiError::invalid(message));
            }
        }
        if self.to.is_empty() {
            return Err(ApiError::missing("to"));
        }
        if self.subject.trim().is_empty() {
            return Err(ApiError::missing("subject"));
        }
        let from = [self.from.clone()];
        let addresses = [
            ("from", &from[..]),
            ("to", &self.to),
            ("cc", &self.cc),
            ("bcc", &self.bcc),
            ("reply_to", &self.reply_to),
        ];
        for (field, addresses) in addresses {
            if addresses.iter().any(|text| domain(text).is_none()) {
                return Err(ApiError::invalid(format!(
                    "Invalid `{field}` field. The email address needs to follow the \
                     `email@example.com` or `Name <email@example.com>` format."
                )));
            }
        }
        self.tags.iter().try_for_each(Tag::check)
    }

    /// The domain that must be verified.
    pub fn sender_domain(&self) -> &str {
        domain(&self.from).expect("checked when it was read")
    }

    /// Whether `address` is among the receivers, with or without a name.
    pub fn is_for(&self, address: &str) -> bool {
        self.to.iter().any(|receiver| bare(receiver).eq_ignore_ascii_case(address))
    }
}

impl Tag {
    fn check(&self) -> Result<(), ApiError> {
        for text in [&self.name, &self.value] {
            let allowed = |letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter);
            if text.chars().count() > TAG_MAX_CHARS || !text.chars().all(allowed) {
                return Err(ApiError::invalid(
                    "Tags should only contain ASCII letters, numbers, underscores, or dashes.",
                ));
            }
        }
        if self.name.is_empty() {
            return Err(ApiError::invalid("Tags need a name."));
        }
        Ok(())
    }
}

/// The address without a name: of `Acme <hi@acme.test>`, `hi@acme.test`.
fn bare(text: &str) -> &str {
    match text.trim().strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
        Some((_, address)) => address.trim(),
        None => text.trim(),
    }
}

/// `None` when it is no address.
fn domain(text: &str) -> Option<&str> {
    let (name, host) = bare(text).split_once('@')?;
    let plain = |part: &str| {
        !part.is_empty()
            && !part.contains(|letter: char| letter.is_whitespace() || "<>@,;".contains(letter))
    };
    (plain(name) && plain(host) && host.contains('.') && !host.starts_with('.')).then_some(host)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// `expected`: the name of the error; empty for none.
    fn check(change: &Value, expected: &str) {
        let mut body = json!({
            "from": "Acme <hi@acme.test>",
            "to": ["ada@example.com"],
            "subject": "Welcome",
            "text": "hi",
        });
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let complaint = Mail::read(body.to_string().as_bytes()).err();
        assert_eq!(complaint.map_or("", |error| error.name), expected, "{change}");
    }

    #[test]
    fn a_mail_needs_a_sender_a_receiver_a_subject_and_words() {
        check(&json!({}), "");
        check(&json!({"to": "ada@example.com"}), "");
        check(&json!({"from": null}), "missing_required_field");
        check(&json!({"to": []}), "missing_required_field");
        check(&json!({"subject": " "}), "missing_required_field");
        check(&json!({"text": null}), "missing_required_field");
        check(&json!({"text": null, "html": "<p>hi</p>"}), "");
    }

    #[test]
    fn addresses_tags_and_fields_are_checked() {
        check(&json!({"from": "Acme"}), "validation_error");
        check(&json!({"to": ["ada@example"]}), "validation_error");
        check(&json!({"to": vec!["a@b.cd"; 51]}), "validation_error");
        check(&json!({"reply_to": "a@b@c.de"}), "validation_error");
        check(&json!({"tags": [{"name": "category", "value": "wel come"}]}), "validation_error");
        check(&json!({"replyTo": "a@b.cd"}), "invalid_parameter");
        check(&json!({"headers": {"X-Entity-Ref-ID": 1}}), "invalid_parameter");
    }

    #[test]
    fn what_is_not_json_is_a_bad_request() {
        assert_eq!(Mail::read(b"from=a").unwrap_err().status.as_u16(), 400);
    }
}
