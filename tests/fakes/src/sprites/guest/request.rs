//! What the query of an exec call asks for.

use std::path::PathBuf;
use std::time::Duration;

use url::form_urlencoded;

use super::process::{self, Environment, HOME, Spec};
use crate::sprites::duration;

/// How long a command runs on after its client has gone, unless told otherwise.
const AFTER_DISCONNECT: Duration = Duration::from_secs(10);

#[derive(Debug, PartialEq, Eq)]
pub struct ExecRequest {
    pub spec: Spec,
    pub stdin: bool,
    /// How long the command may run without a client; `None` is for ever.
    pub after_disconnect: Option<Duration>,
    /// Older clients attach to a session by its id in the query.
    pub session: Option<String>,
}

/// # Errors
/// Says which key has a value that means nothing.
pub fn parse(query: &str, base: &Environment) -> Result<ExecRequest, String> {
    let mut arguments = Vec::new();
    let mut program = None;
    let mut replaced: Option<Environment> = None;
    let mut directory = None;
    let mut stdin = false;
    let mut after_disconnect = Some(AFTER_DISCONNECT);
    let mut session = None;
    for (key, value) in form_urlencoded::parse(query.as_bytes()) {
        match key.as_ref() {
            "cmd" => arguments.push(value.into_owned()),
            "path" => program = Some(value.into_owned()),
            "env" => {
                let (name, value) =
                    value.split_once('=').ok_or_else(|| format!("env has no '=': {value}"))?;
                replaced.get_or_insert_default().insert(name.to_owned(), value.to_owned());
            }
            "dir" => directory = Some(PathBuf::from(value.as_ref())),
            "stdin" => stdin = value == "true",
            "id" => session = Some(value.into_owned()),
            "detachable" if value == "true" => after_disconnect = None,
            "max_run_after_disconnect" => {
                let limit = duration::parse(&value)
                    .ok_or_else(|| format!("invalid max_run_after_disconnect: {value}"))?;
                after_disconnect = (!limit.is_zero()).then_some(limit);
            }
            "tty" if value == "true" => {
                return Err("this fake of the Sprites API has no terminals".to_owned());
            }
            _ => {}
        }
    }
    if arguments.is_empty() {
        arguments.push("bash".to_owned());
    }
    let environment = replaced.unwrap_or_else(|| base.clone());
    let program = program.unwrap_or_else(|| arguments[0].clone());
    let program = process::resolve(&program, &environment);
    let directory = directory.unwrap_or_else(|| HOME.into());
    let spec = Spec { program, arguments, environment, directory };
    Ok(ExecRequest { spec, stdin, after_disconnect, session })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(query: &str) -> ExecRequest {
        parse(query, &process::base_environment()).unwrap()
    }

    #[test]
    fn a_captured_request_is_read_with_its_plus_signs() {
        let request = parsed(
            "cmd=sh&cmd=-c&cmd=echo+out%3B+exit+7&path=sh&stdin=true&env=A%3Db%3Dc+d%26e&dir=%2Ftmp",
        );
        assert_eq!(request.spec.arguments, ["sh", "-c", "echo out; exit 7"]);
        assert_eq!(request.spec.directory, PathBuf::from("/tmp"));
        assert!(request.stdin);
        assert_eq!(request.spec.environment["A"], "b=c d&e");
    }

    #[test]
    fn env_replaces_the_environment() {
        assert!(parsed("cmd=true").spec.environment.contains_key("PATH"));
        let replaced = parsed("cmd=true&env=A%3D1").spec.environment;
        assert_eq!(replaced.keys().collect::<Vec<_>>(), ["A"]);
    }

    #[test]
    fn a_command_without_client_has_ten_seconds_unless_told_otherwise() {
        let limit = |query| parsed(query).after_disconnect;
        assert_eq!(limit("cmd=true"), Some(Duration::from_secs(10)));
        assert_eq!(limit("cmd=true&max_run_after_disconnect=0"), None);
        assert_eq!(limit("cmd=true&max_run_after_disconnect=2s"), Some(Duration::from_secs(2)));
        assert!(parse("max_run_after_disconnect=soon", &process::base_environment()).is_err());
    }
}
