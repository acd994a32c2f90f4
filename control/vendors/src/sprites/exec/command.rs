//! What to run, and how it is asked for.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use crate::sprites::call;

/// As in an Ubuntu login shell. Sent always: any variable replaces the whole environment.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Of the user `sprite`.
const HOME: &str = "/home/sprite";

/// Each of the two streams; more is counted and dropped.
const OUTPUT_MAX_BYTES: usize = 1 << 20;

const TIMEOUT: Duration = Duration::from_secs(60);

/// One run of a program. Its environment and input do not print: they carry secrets.
#[derive(Clone)]
pub struct Command {
    program: String,
    arguments: Vec<String>,
    environment: BTreeMap<String, String>,
    directory: Option<String>,
    pub(super) stdin: Option<Bytes>,
    pub(super) timeout: Duration,
    pub(super) output_max_bytes: usize,
}

impl Command {
    /// No shell is involved, unless `program` is one.
    pub fn new(program: &str) -> Self {
        let base = [("PATH", PATH), ("HOME", HOME)];
        Self {
            program: program.to_owned(),
            arguments: Vec::new(),
            environment: base.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
            directory: None,
            stdin: None,
            timeout: TIMEOUT,
            output_max_bytes: OUTPUT_MAX_BYTES,
        }
    }

    /// `sh -c script`.
    pub fn shell(script: &str) -> Self {
        Self::new("sh").arguments(["-c", script])
    }

    #[must_use]
    pub fn arguments<'a>(mut self, arguments: impl IntoIterator<Item = &'a str>) -> Self {
        self.arguments.extend(arguments.into_iter().map(str::to_owned));
        self
    }

    /// Travels in the URL, which servers like to log: secrets belong in [`Command::stdin`].
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    #[must_use]
    pub fn directory(mut self, directory: &str) -> Self {
        self.directory = Some(directory.to_owned());
        self
    }

    /// All of its input; the end is sent after it. Without this it has none.
    #[must_use]
    pub fn stdin(mut self, input: impl Into<Bytes>) -> Self {
        self.stdin = Some(input.into());
        self
    }

    /// From the handshake to the exit code. The provider ends the command
    /// within 10 s after we have gone.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    #[must_use]
    pub fn output_max_bytes(mut self, each_stream: usize) -> Self {
        self.output_max_bytes = each_stream;
        self
    }

    /// The handshake's query. `path` is the program, `cmd` its argument vector.
    pub(super) fn query(&self) -> String {
        let mut pairs = vec![("cmd", self.program.clone())];
        pairs.extend(self.arguments.iter().map(|argument| ("cmd", argument.clone())));
        pairs.push(("path", self.program.clone()));
        pairs.push(("stdin", self.stdin.is_some().to_string()));
        let variables = self.environment.iter();
        pairs.extend(variables.map(|(name, value)| ("env", format!("{name}={value}"))));
        pairs.extend(self.directory.iter().map(|directory| ("dir", directory.clone())));
        call::query(pairs)
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Command").field("program", &self.program).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(command: &Command, expected: &[(&str, &str)]) {
        let query = command.query();
        let pairs: Vec<_> =
            url::form_urlencoded::parse(query.trim_start_matches('?').as_bytes()).collect();
        let seen: Vec<_> = pairs.iter().map(|(key, value)| (&**key, &**value)).collect();
        assert_eq!(seen, expected, "{query}");
    }

    #[test]
    fn path_and_home_are_always_sent() {
        let home = format!("HOME={HOME}");
        let path = format!("PATH={PATH}");
        check(
            &Command::new("true"),
            &[
                ("cmd", "true"),
                ("path", "true"),
                ("stdin", "false"),
                ("env", &home),
                ("env", &path),
            ],
        );
    }

    #[test]
    fn everything_survives_the_query() {
        let command = Command::shell("echo \"a b\" & wait; printf +%s x=y")
            .variable("HOME", "/root")
            .variable("PATH", "/bin")
            .variable("A", "b=c d&e")
            .directory("/tmp/ä")
            .stdin("x");
        check(
            &command,
            &[
                ("cmd", "sh"),
                ("cmd", "-c"),
                ("cmd", "echo \"a b\" & wait; printf +%s x=y"),
                ("path", "sh"),
                ("stdin", "true"),
                ("env", "A=b=c d&e"),
                ("env", "HOME=/root"),
                ("env", "PATH=/bin"),
                ("dir", "/tmp/ä"),
            ],
        );
        assert!(command.query().contains("a+b"), "a blank is a plus");
    }

    #[test]
    fn a_command_prints_its_program_only() {
        let command = Command::shell("x").variable("KEY", "secret").stdin("secret");
        assert_eq!(format!("{command:?}"), "Command { program: \"sh\", .. }");
    }
}
