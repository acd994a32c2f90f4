//! What is wrong with a body or a parameter, in words for whoever wrote it. Serde says it in
//! words for programmers, and quotes what was given, which may be a secret.

use axum::http::StatusCode;

use super::Problem;

/// What axum says before each.
const BEGINNINGS: [&str; 2] = [
    "Failed to deserialize the JSON body into the target type: ",
    "Failed to deserialize query string: ",
];

/// `said` is of [`axum::Json`]'s or [`axum::extract::Query`]'s rejection: perhaps a field with a
/// colon, then serde's words, then where in the text.
pub(super) fn problem(status: StatusCode, code: &'static str, said: &str) -> Problem {
    let said = BEGINNINGS.iter().find_map(|begin| said.strip_prefix(begin)).unwrap_or(said);
    let said = said.rsplit_once(" at line ").map_or(said, |(said, _)| said);
    let (path, said) =
        said.split_once(": ").filter(|(path, _)| is_path(path)).unwrap_or(("", said));
    let (field, rule) = explained(said);
    let field = match (path, field) {
        ("" | ".", field) => field.to_owned(),
        // Of one that is there, the path says it, too.
        (path, field) if field.is_empty() || path.split('.').next_back() == Some(field) => {
            path.to_owned()
        }
        (path, field) => format!("{path}.{field}"),
    };
    if field.is_empty() {
        return Problem::new(status, code, format!("The body {rule}."));
    }
    Problem::new(status, code, format!("{field} {rule}.")).at_field(field)
}

/// As serde_path_to_error writes them: `changes[0].put.username`.
fn is_path(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"_.[]-".contains(&byte);
    !text.is_empty() && text.bytes().all(is_part)
}

/// The field that it is about, where serde names one, and the rule.
fn explained(said: &str) -> (&str, String) {
    let named = |begin: &str| said.strip_prefix(begin)?.split('`').next();
    if let Some(field) = named("missing field `") {
        return (field, "is missing".to_owned());
    }
    if let Some(field) = named("duplicate field `") {
        return (field, "is there twice".to_owned());
    }
    if let Some(field) = named("unknown field `") {
        let known =
            said.rsplit_once(", expected ").map_or("none", |(_, known)| without_one_of(known));
        return (field, format!("is not known here; known are {known}"));
    }
    // What the standard library says of a number in a parameter.
    match said {
        "invalid digit found in string" | "cannot parse integer from empty string" => {
            return ("", "must be a whole number of 0 or more".to_owned());
        }
        "number too large to fit in target type" => return ("", "is too large".to_owned()),
        _ => {}
    }
    // What is given stands between; it may itself say ", expected ".
    let Some((given, expected)) = said.rsplit_once(", expected ") else {
        return ("", format!("cannot be read: {}", said.trim_end_matches('.')));
    };
    let expected = expectation(expected);
    let kind = given.strip_prefix("invalid type: ").and_then(|given| kind(given));
    (
        "",
        kind.map_or(format!("must be {expected}"), |kind| {
            format!("must be {expected}, not {kind}")
        }),
    )
}

fn without_one_of(known: &str) -> &str {
    known.strip_prefix("one of ").unwrap_or(known)
}

/// What a type of Rust is in JSON.
fn expectation(expected: &str) -> String {
    let first = expected.split(' ').next().unwrap_or_default();
    match first {
        "struct" | "map" => "an object".to_owned(),
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number of 0 or more".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        _ if expected == "a string" || expected == "a borrowed string" => "a text".to_owned(),
        _ if expected == "a boolean" => "true or false".to_owned(),
        _ if expected == "a sequence" => "a list".to_owned(),
        _ if expected == "a map" => "an object".to_owned(),
        _ if expected.starts_with("string or ") || first == "enum" || first == "variant" => {
            "one of the words that are known here".to_owned()
        }
        "one" => format!("one of {}", without_one_of(expected)),
        _ => expected.to_owned(),
    }
}

/// Of what was given, without what it was.
fn kind(given: &str) -> Option<&'static str> {
    let kinds = [
        ("string", "a text"),
        ("integer", "a number"),
        ("floating point", "a number with a fraction"),
        ("number", "a number"),
        ("boolean", "true or false"),
        ("null", "null"),
        ("unit", "null"),
        ("sequence", "a list"),
        ("map", "an object"),
    ];
    kinds.into_iter().find_map(|(begin, kind)| given.starts_with(begin).then_some(kind))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only what cannot be read is looked at")]
    struct Body {
        url: String,
        count: Option<u32>,
        is_loud: Option<bool>,
        #[serde(default)]
        parts: Vec<Part>,
        kind: Option<Kind>,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only what cannot be read is looked at")]
    struct Part {
        name: String,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        One,
        Two,
    }

    async fn check(body: &'static str, field: &str, message: &str) {
        use axum::extract::FromRequest as _;
        let request = axum::extract::Request::post("/").header("content-type", "application/json");
        let request = request.body(axum::body::Body::from(body)).unwrap();
        let rejection = axum::Json::<Body>::from_request(request, &()).await.unwrap_err();
        let problem = problem(rejection.status(), "invalid", &rejection.body_text());
        assert_eq!(problem.message, message, "{body}");
        assert_eq!(problem.field.as_deref().unwrap_or_default(), field, "{body}");
        assert!(!problem.message.contains("hunter2"), "{body}");
    }

    #[test]
    fn a_parameter_that_is_no_number_is_told_so() {
        let check = |query: &str, message: &str| {
            let uri = format!("/?{query}").parse().unwrap();
            let rejection = axum::extract::Query::<Body>::try_from_uri(&uri).unwrap_err();
            let problem = problem(rejection.status(), "malformed", &rejection.body_text());
            assert_eq!(problem.message, message, "{query}");
        };
        check("url=&count=hunter2", "count must be a whole number of 0 or more.");
        check("url=&count=", "count must be a whole number of 0 or more.");
        check("url=&count=99999999999999", "count is too large.");
        check("count=1", "url is missing.");
    }

    #[tokio::test]
    async fn what_is_wrong_is_said_without_words_of_rust_and_without_what_was_given() {
        check("{}", "url", "url is missing.").await;
        check("[]", "", "The body must be an object.").await;
        check("[1, 2, 3]", "[0]", "[0] must be a text, not a number.").await;
        check("\"hunter2\"", "", "The body must be an object, not a text.").await;
        check(r#"{"url":5}"#, "url", "url must be a text, not a number.").await;
        check(r#"{"url":null}"#, "url", "url must be a text, not null.").await;
        check(r#"{"url":"a","url":"b"}"#, "url", "url is there twice.").await;
        let known = "uri is not known here; known are `url`, `count`, `is_loud`, `parts`, `kind`.";
        check(r#"{"uri":"hunter2"}"#, "uri", known).await;
        let whole = "count must be a whole number of 0 or more";
        check(r#"{"url":"","count":-1}"#, "count", &format!("{whole}.")).await;
        check(r#"{"url":"","count":"hunter2"}"#, "count", &format!("{whole}, not a text.")).await;
        let tricky = r#"{"url":"","is_loud":"hunter2, expected: a"}"#;
        check(tricky, "is_loud", "is_loud must be true or false, not a text.").await;
        check(r#"{"url":"","parts":[{}]}"#, "parts[0].name", "parts[0].name is missing.").await;
        check(r#"{"url":"","parts":7}"#, "parts", "parts must be a list, not a number.").await;
        check(r#"{"url":"","kind":"hunter2"}"#, "kind", "kind must be `one` or `two`.").await;
    }
}
