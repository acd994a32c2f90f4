//! Which parameters a call takes: the unknown, missing and malformed ones
//! are refused as Stripe refuses them.

use super::error::ApiError;
use super::params::Params;

/// Members of a `metadata` map.
const METADATA_KEYS_MAX: usize = 50;
const METADATA_KEY_MAX_CHARS: usize = 40;
const METADATA_VALUE_MAX_CHARS: usize = 500;

/// Longest text that has no limit of its own.
const TEXT_MAX_CHARS: usize = 5_000;

#[derive(Debug)]
pub struct Param {
    /// `#` stands for an index, `*` for any member: `line_items[#][price]`.
    name: &'static str,
    kind: Kind,
    required: bool,
}

#[derive(Debug, Clone, Copy)]
pub enum Kind {
    Text,
    /// As [`Kind::Text`], up to this many characters.
    TextUpTo(usize),
    Integer,
    Boolean,
    Url,
    OneOf(&'static [&'static str]),
    Metadata,
    /// Integer, or empty to unset.
    TimestampOrEmpty,
}

pub const fn required(name: &'static str, kind: Kind) -> Param {
    Param { name, kind, required: true }
}

pub const fn optional(name: &'static str, kind: Kind) -> Param {
    Param { name, kind, required: false }
}

/// # Errors
/// The first parameter that is not as it should be.
pub fn check(params: &Params, schema: &[Param]) -> Result<(), ApiError> {
    for (name, value) in params.iter() {
        let Some(param) = schema.iter().find(|param| fits(param.name, name)) else {
            let message = format!("Received unknown parameter: {name}");
            return Err(ApiError::invalid(message).code("parameter_unknown").param(name));
        };
        check_value(param.kind, name, value)?;
    }
    for param in schema {
        if param.required && !params.has(root(param.name)) {
            let name = root(param.name);
            let message = format!("Missing required param: {name}.");
            return Err(ApiError::invalid(message).code("parameter_missing").param(name));
        }
        if matches!(param.kind, Kind::Metadata) {
            let map = param.name.strip_suffix("[*]").unwrap_or(param.name);
            check_metadata_size(map, params)?;
        }
    }
    Ok(())
}

/// Required parameters are top-level ones, or lists and maps as a whole.
fn root(name: &str) -> &str {
    name.split('[').next().unwrap_or(name)
}

fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.split('['), name.split('['));
    let mut name = name;
    for wanted in pattern {
        let Some(given) = name.next() else { return false };
        let fits = match wanted {
            "#]" => given.strip_suffix(']').is_some_and(|index| index.parse::<u16>().is_ok()),
            "*]" => given.ends_with(']'),
            literal => literal == given,
        };
        if !fits {
            return false;
        }
    }
    name.next().is_none()
}

fn check_value(kind: Kind, name: &str, value: &str) -> Result<(), ApiError> {
    let invalid = |code, message: String| Err(ApiError::invalid(message).code(code).param(name));
    if value.is_empty() && !matches!(kind, Kind::TimestampOrEmpty | Kind::Metadata) {
        let message = format!(
            "You passed an empty string for '{name}'. We assume empty values are an attempt to \
             unset a parameter; however '{name}' cannot be unset. You should remove '{name}' from \
             your request or supply a non-empty value."
        );
        return invalid("parameter_invalid_empty", message);
    }
    match kind {
        Kind::Integer if value.parse::<u64>().is_err() => {
            invalid("parameter_invalid_integer", format!("Invalid integer: {value}"))
        }
        Kind::TimestampOrEmpty if !value.is_empty() && value.parse::<u64>().is_err() => {
            invalid("parameter_invalid_integer", format!("Invalid integer: {value}"))
        }
        Kind::Boolean if value.parse::<bool>().is_err() => {
            Err(ApiError::invalid(format!("Invalid boolean: {value}")).param(name))
        }
        Kind::OneOf(allowed) if !allowed.contains(&value) => {
            let message = format!("Invalid {name}: must be one of {}", allowed.join(", "));
            Err(ApiError::invalid(message).param(name))
        }
        Kind::Url if !is_web_address(value) => invalid("url_invalid", "Not a valid URL".to_owned()),
        Kind::Text => check_length(name, value, TEXT_MAX_CHARS),
        Kind::TextUpTo(max) => check_length(name, value, max),
        Kind::Metadata => check_length(name, value, METADATA_VALUE_MAX_CHARS),
        _ => Ok(()),
    }
}

/// The template `{CHECKOUT_SESSION_ID}` is allowed in it.
fn is_web_address(value: &str) -> bool {
    url::Url::parse(value).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

fn check_length(name: &str, value: &str, max_chars: usize) -> Result<(), ApiError> {
    let chars = value.chars().count();
    if chars <= max_chars {
        return Ok(());
    }
    let message = format!(
        "Invalid string: {}...; must be at most {max_chars} characters",
        value.chars().take(20).collect::<String>()
    );
    Err(ApiError::invalid(message).code("parameter_invalid_string_too_long").param(name))
}

fn check_metadata_size(map: &str, params: &Params) -> Result<(), ApiError> {
    let members = params.map(map);
    if members.len() > METADATA_KEYS_MAX {
        let message = format!("Metadata can have up to {METADATA_KEYS_MAX} keys");
        return Err(ApiError::invalid(message).param(map));
    }
    match members.keys().find(|key| key.chars().count() > METADATA_KEY_MAX_CHARS) {
        None => Ok(()),
        Some(key) => {
            let message = format!(
                "Metadata keys can be up to {METADATA_KEY_MAX_CHARS} characters; '{key}' is longer"
            );
            Err(ApiError::invalid(message).param(format!("{map}[{key}]")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &[Param] = &[
        required("mode", Kind::OneOf(&["payment", "subscription"])),
        required("line_items[#][price]", Kind::Text),
        optional("line_items[#][quantity]", Kind::Integer),
        optional("metadata[*]", Kind::Metadata),
        optional("return_url", Kind::Url),
        optional("client_reference_id", Kind::TextUpTo(3)),
        optional("flag", Kind::Boolean),
    ];
    const GOOD: &str = "mode=payment&line_items[0][price]=p";

    /// `expected`: the message begins with it; empty for no complaint.
    fn check_form(form: &str, expected: &str) {
        let params = Params::parse(form).unwrap();
        let complaint = check(&params, SCHEMA).err().map(|error| error.body("req_1"));
        let message = complaint.as_ref().and_then(|body| body["error"]["message"].as_str());
        match message {
            None => assert_eq!(expected, "", "{form} was taken"),
            Some(message) => {
                assert!(!expected.is_empty() && message.starts_with(expected), "{form}: {message}");
            }
        }
    }

    #[test]
    fn good_parameters_pass() {
        check_form(GOOD, "");
        check_form(&format!("{GOOD}&line_items[0][quantity]=2&metadata[a]=b&flag=true"), "");
        check_form(&format!("{GOOD}&return_url=https://e.com/{{CHECKOUT_SESSION_ID}}"), "");
    }

    #[test]
    fn each_bad_parameter_is_named() {
        check_form("mode=payment", "Missing required param: line_items.");
        check_form(&format!("{GOOD}&foo=1"), "Received unknown parameter: foo");
        check_form(
            &format!("{GOOD}&line_items[0][x]=1"),
            "Received unknown parameter: line_items[0]",
        );
        check_form(
            &format!("{GOOD}&metadata[a][b]=1"),
            "Received unknown parameter: metadata[a][b]",
        );
        check_form("mode=other&line_items[0][price]=p", "Invalid mode: must be one of");
        check_form(&format!("{GOOD}&line_items[0][quantity]=x"), "Invalid integer: x");
        check_form(&format!("{GOOD}&flag=1"), "Invalid boolean: 1");
        check_form(&format!("{GOOD}&return_url=/here"), "Not a valid URL");
        check_form(&format!("{GOOD}&client_reference_id=long"), "Invalid string: long");
        check_form("mode=&line_items[0][price]=p", "You passed an empty string for 'mode'");
    }
}
