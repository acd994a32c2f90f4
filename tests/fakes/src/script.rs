//! What the scripted assistant answers.
//!
//! `answer` is pure: the customer's message in, a list of steps with their
//! pauses out. The fake gateway plays the steps as chat events, the fake
//! model as chunks of a completion, so that a test written against one
//! works against the other.

use std::time::Duration;

/// One thing the assistant does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Waits for `pause`, then appends `text` to the reply.
    Say { text: String, pause: Duration },
    /// Runs a command with the `exec` tool and sees `output`.
    Tool { command: &'static str, output: &'static str },
    /// Asks the person something, and goes on with the answer.
    Ask { question: &'static str, options: &'static [&'static str] },
    /// Asks whether a command may run, and goes on with the decision.
    Approve { command: &'static str },
    /// Gives a file together with the reply.
    File { name: &'static str, mime: &'static str, content: &'static str },
    /// Ends the turn with an error; nothing follows.
    Fail { reason: &'static str },
}

/// How long an ordinary reply streams, whatever its length: long enough to
/// look alive in a demo, short enough for a test.
const REPLY_DURATION: Duration = Duration::from_secs(1);

/// A tool of every assistant's, which changes nothing.
pub const STATUS_TOOL: &str = "session_status";

/// Pause between the words of `SLOW` and `ENDLESS`.
const SLOW_PAUSE: Duration = Duration::from_millis(100);

/// About 10 s, for a person to watch.
const SLOW_WORDS: usize = 100;

/// Ten minutes, which no test waits for: however busy the machine is, the answer is
/// stopped, or its gateway killed, in the middle of it.
const ENDLESS_WORDS: usize = 6_000;

/// Size of the `BIG` reply: well over one TCP window and every buffer on
/// the way, far under the gateway's limit of 25 MiB a frame.
const BIG_BYTES: usize = 200 * 1024;

/// Size of one step of `BIG`. Each delta repeats the text so far, so small
/// steps would cost the square of the reply.
const BIG_STEP_BYTES: usize = 4 * 1024;

/// The words the script knows, as told to a person who asks.
const HELP: &str = "\
I am a scripted assistant. Begin a message with one of these words:\n\n\
| word | what happens |\n\
| --- | --- |\n\
| `SLOW` | a hundred words over ten seconds; stop me |\n\
| `ENDLESS` | the same for ten minutes |\n\
| `ERROR` | the turn fails |\n\
| `TOOLCALL` | I run a command, then answer |\n\
| `ASK` | I ask you something |\n\
| `APPROVE` | I ask whether I may run a command |\n\
| `FILES` | a picture, a table and a hostile page |\n\
| `REMIND 60` | something is planned for in a minute |\n\
| `XSS` | hostile Markdown and HTML |\n\
| `BIG` | a reply of 200 KB |\n\
| `FAST` | no pauses; goes before any other message |\n\
| `help` | this list |\n\n\
A message containing `markdown` gets a list, a table and some code, one \
containing `formula` some mathematics. \
Anything else is echoed.";

const MARKDOWN: &str = "\
Here is a bit of **everything**.\n\n\
1. A numbered list\n2. with *emphasis*\n3. and `inline code`\n\n\
- a plain list\n- with a [link](https://example.com/)\n\n\
```rust\nfn main() {\n    println!(\"hello from the assistant\");\n}\n```\n\n\
| planet | moons |\n| --- | ---: |\n| Earth | 1 |\n| Mars | 2 |\n\n\
> And a quotation to end with.\n";

/// As models write them, with one that is none, one without end, and one that asks for more than a
/// formula may.
const FORMULAS: &str = "\
The area is $\\pi r^2$, or \\(\\frac{a}{b}\\), for $5 or $10:\n\n\
$$\n\\int_0^\\infty e^{-x^2}\\,dx = \\frac{\\sqrt{\\pi}}{2}\n$$\n\n\
\\[\\begin{aligned}a &= b + c\\\\ d &= e\\end{aligned}\\]\n\n\
$\\href{javascript:window.__hacked='formula'}{x}$ $\\def\\a{\\a\\a}\\a$ $\\rule{9999em}{9999em}$ \
$\\text{<img src=x onerror=\"window.__hacked='text'\">}$\n";

/// Every line must reach the reader as harmless text.
const HOSTILE: &str = "\
<script>window.__hacked = 'script'</script>\n\n\
<img src=x onerror=\"window.__hacked = 'img'\">\n\n\
[a friendly link](javascript:window.__hacked='link')\n\n\
![picture](javascript:window.__hacked='picture')\n\n\
[data](data:text/html,<script>window.__hacked='data'</script>)\n\n\
<a href=\"JaVaScRiPt:window.__hacked='anchor'\">click</a>\n\n\
<svg onload=\"window.__hacked='svg'\"></svg>\n\n\
<iframe srcdoc=\"<script>parent.__hacked='frame'</script>\"></iframe>\n\n\
```html\n</code></pre><script>window.__hacked='fence'</script>\n```\n\n\
`<b onmouseover=window.__hacked='code'>`\n";

/// What the assistant does when the customer says `message`.
pub fn answer(message: &str) -> Vec<Step> {
    let message = message.trim();
    if let Some(rest) = after_word(message, "FAST") {
        let mut steps = answer(rest);
        for step in &mut steps {
            if let Step::Say { pause, .. } = step {
                *pause = Duration::ZERO;
            }
        }
        return steps;
    }
    if after_word(message, "SLOW").is_some() {
        return count_to(SLOW_WORDS);
    }
    if after_word(message, "ENDLESS").is_some() {
        return count_to(ENDLESS_WORDS);
    }
    if after_word(message, "ERROR").is_some() {
        return vec![Step::Fail {
            reason: "LLM request failed: the scripted model was told to fail.",
        }];
    }
    if after_word(message, "TOOLCALL").is_some() {
        let mut steps = vec![Step::Tool { command: "echo hi-from-tool", output: "hi-from-tool" }];
        steps.extend(say("The command printed `hi-from-tool`."));
        return steps;
    }
    // As an agent that tries a gateway asks for it.
    if message.contains(STATUS_TOOL) {
        let mut steps = vec![Step::Tool { command: STATUS_TOOL, output: "all is well" }];
        steps.extend(say("I am ready."));
        return steps;
    }
    if after_word(message, "ASK").is_some() {
        let mut steps = vec![Step::Ask { question: "Which colour?", options: &["Green", "Blue"] }];
        steps.extend(say("Thank you."));
        return steps;
    }
    if after_word(message, "APPROVE").is_some() {
        let mut steps = vec![Step::Approve { command: "rm -r notes" }];
        steps.extend(say("I have heard you."));
        return steps;
    }
    if after_word(message, "FILES").is_some() {
        return files();
    }
    if after_word(message, "XSS").is_some() {
        return say(HOSTILE);
    }
    if after_word(message, "BIG").is_some() {
        return big();
    }
    if message.eq_ignore_ascii_case("help") {
        return say(HELP);
    }
    if message.to_ascii_lowercase().contains("markdown") {
        return say(MARKDOWN);
    }
    if message.to_ascii_lowercase().contains("formula") {
        return say(FORMULAS);
    }
    say(&format!(
        "Hello! You said: **{message}**\n\nI am a scripted assistant; \
         send `help` to see what else I can do."
    ))
}

/// A picture of 64 × 64 pixels in one colour.
const SQUARE: &str = "\
iVBORw0KGgoAAAANSUhEUgAAAEAAAABACAIAAAAlC+aJAAAAUElEQVR42u3PQQkAAAgEsGtgQRvY\
/28E38JgBZaafi0CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIC\
ApcFSSZgxLOz5UYAAAAASUVORK5CYII=";

/// A picture, a table, and a page that must never run on the workspace's origin.
fn files() -> Vec<Step> {
    let mut steps = vec![
        Step::File { name: "square.png", mime: "image/png", content: SQUARE },
        Step::File { name: "moons.csv", mime: "text/csv", content: "RWFydGgsMQpNYXJzLDIK" },
        Step::File {
            name: "page.html",
            mime: "image/svg+xml",
            content: "PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciIG9ubG9hZD0id2luZG93Ll9faGFja2VkPSdmaWxlJyIvPg==",
        },
    ];
    steps.extend(say("Here are your files."));
    steps
}

/// The whole text of a reply, as it stands when the last step is done.
pub fn full_text(steps: &[Step]) -> String {
    steps
        .iter()
        .filter_map(|step| match step {
            Step::Say { text, .. } => Some(text.as_str()),
            Step::Tool { .. }
            | Step::Ask { .. }
            | Step::Approve { .. }
            | Step::File { .. }
            | Step::Fail { .. } => None,
        })
        .collect()
}

/// `REMIND SECONDS`: after how long the gateway is to remind of something.
pub fn reminder(message: &str) -> Option<Duration> {
    after_word(message, "REMIND")?.trim().parse().ok().map(Duration::from_secs)
}

/// What follows `word`, if the message begins with it as a whole word.
fn after_word<'a>(message: &'a str, word: &str) -> Option<&'a str> {
    let rest = message.strip_prefix(word)?;
    (rest.is_empty() || rest.starts_with(char::is_whitespace)).then_some(rest)
}

/// One step a word, spread over [`REPLY_DURATION`].
fn say(text: &str) -> Vec<Step> {
    let words: Vec<&str> = text.split_inclusive(char::is_whitespace).collect();
    let count = u32::try_from(words.len().max(1)).expect("our own texts are short");
    let pause = REPLY_DURATION / count;
    words.into_iter().map(|word| Step::Say { text: word.to_owned(), pause }).collect()
}

fn count_to(words: usize) -> Vec<Step> {
    (0..words)
        .map(|number| Step::Say { text: format!("tick{number} "), pause: SLOW_PAUSE })
        .collect()
}

fn big() -> Vec<Step> {
    let lines_a_step = BIG_STEP_BYTES / 64;
    let pause = REPLY_DURATION / u32::try_from(BIG_BYTES / BIG_STEP_BYTES).expect("it is 50");
    (0..BIG_BYTES / BIG_STEP_BYTES)
        .map(|step| {
            let lines = (0..lines_a_step)
                .map(|line| format!("{:<63}\n", format!("- line {}", step * lines_a_step + line)));
            Step::Say { text: lines.collect(), pause }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn duration(steps: &[Step]) -> Duration {
        steps
            .iter()
            .map(|step| match step {
                Step::Say { pause, .. } => *pause,
                _ => Duration::ZERO,
            })
            .sum()
    }

    #[test]
    fn an_ordinary_message_is_echoed_within_about_a_second() {
        let steps = answer("good morning");
        assert!(full_text(&steps).contains("good morning"));
        assert!(duration(&steps) <= REPLY_DURATION);
        assert!(steps.len() > 5, "the reply streams in words");
    }

    #[test]
    fn fast_takes_the_pauses_out_of_any_other_message() {
        let steps = answer("FAST SLOW please");
        assert_eq!(steps.len(), SLOW_WORDS);
        assert_eq!(duration(&steps), Duration::ZERO);
    }

    #[test]
    fn slow_streams_for_about_ten_seconds() {
        assert_eq!(duration(&answer("SLOW")), Duration::from_secs(10));
    }

    #[test]
    fn a_word_of_the_script_must_stand_alone() {
        assert!(full_text(&answer("ERRORS happen")).contains("ERRORS happen"));
        assert!(matches!(answer("ERROR now")[..], [Step::Fail { .. }]));
    }

    #[test]
    fn a_tool_call_comes_before_the_text() {
        let steps = answer("TOOLCALL");
        assert!(matches!(steps[0], Step::Tool { .. }));
        assert!(full_text(&steps).contains("hi-from-tool"));
    }

    #[test]
    fn the_big_reply_has_the_promised_size_in_few_steps() {
        let steps = answer("BIG");
        assert_eq!(full_text(&steps).len(), BIG_BYTES);
        assert!(steps.len() <= 64);
    }

    #[test]
    fn help_names_every_word_of_the_script() {
        let help = full_text(&answer("help"));
        for word in ["SLOW", "ENDLESS", "ERROR", "TOOLCALL", "XSS", "BIG", "FAST", "markdown"] {
            assert!(help.contains(word), "{word} is missing");
        }
    }
}
