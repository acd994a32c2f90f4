use super::*;

enum Frame {
    Text(&'static str),
    Binary(&'static [u8]),
}

use Frame::{Binary, Text};

const INFO: Frame = Text(r#"{"type":"session_info","session_id":"20","command":"sh","tty":false}"#);

/// Plays the frames as a listener would, and the end of the socket after them.
fn play(frames: &[Frame]) -> Result<Finished, ExecError> {
    let mut transcript = Transcript::new(8);
    for frame in frames {
        let heard = match frame {
            Text(text) => transcript.text(text),
            Binary(bytes) => transcript.binary(bytes)?,
        };
        if let Heard::Ended(code) = heard {
            return Ok(transcript.finish(code));
        }
    }
    transcript.close("closed")
}

fn check(frames: &[Frame], expected: &str) {
    let seen = match play(frames) {
        Ok(finished) => format!(
            "{} {:?}+{} {:?}+{}",
            finished.code,
            finished.stdout.text(),
            finished.stdout.dropped_bytes,
            finished.stderr.text(),
            finished.stderr.dropped_bytes,
        ),
        Err(error) => error.to_string(),
    };
    assert_eq!(seen, expected);
}

#[test]
fn the_code_is_found_in_either_order() {
    let told = || Text(r#"{"type":"exit","exit_code":7}"#);
    check(&[INFO, Binary(b"\x01out"), told(), Binary(b"\x03\x07")], "7 \"out\"+0 \"\"+0");
    check(&[INFO, Binary(b"\x01out"), Binary(b"\x03\x07"), told()], "7 \"out\"+0 \"\"+0");
    check(&[Binary(b"\x03\x07")], "7 \"\"+0 \"\"+0");
    check(&[told()], "7 \"\"+0 \"\"+0");
}

#[test]
fn the_code_is_one_raw_byte() {
    check(&[Binary(b"\x03\x00")], "0 \"\"+0 \"\"+0");
    check(&[Binary(b"\x031")], "49 \"\"+0 \"\"+0");
    check(&[Binary(b"\x03\x7f")], "127 \"\"+0 \"\"+0");
    check(&[Binary(b"\x03\x8f")], "143 \"\"+0 \"\"+0");
    check(&[Binary(b"\x03")], "a frame of 0 bytes for stream 3 makes no sense");
    check(&[Binary(b"\x03\x01\x02")], "a frame of 2 bytes for stream 3 makes no sense");
}

#[test]
fn output_after_the_told_code_still_counts() {
    check(
        &[
            Text(r#"{"type":"exit","exit_code":0}"#),
            Binary(b"\x01late"),
            Binary(b"\x02err"),
            Binary(b"\x03\x00"),
        ],
        "0 \"late\"+0 \"err\"+0",
    );
}

#[test]
fn a_socket_that_ends_without_a_code_is_an_error() {
    let cut = "the connection ended before the command: closed";
    check(&[], cut);
    check(&[INFO, Binary(b"\x01out")], cut);
    check(&[Text(r#"{"type":"exit"}"#)], cut);
    check(&[Text(r#"{"type":"exit","exit_code":-1}"#)], cut);
    check(&[Text(r#"{"type":"exit","exit_code":300}"#)], cut);
    check(
        &[Text(r#"{"type":"error","error":"no such program"}"#)],
        "the connection ended before the command: closed: no such program",
    );
}

#[test]
fn output_is_kept_up_to_its_limit_and_counted_beyond() {
    check(
        &[Binary(b"\x01123456"), Binary(b"\x017890"), Binary(b"\x01x"), Binary(b"\x03\x01")],
        "1 \"12345678\"+3 \"\"+0",
    );
}

#[test]
fn frames_of_another_version_change_nothing() {
    check(
        &[
            Text("not json"),
            Text(r#"{"no":"type"}"#),
            Text(r#"{"type":"debug","msg":"session_created cmd=sh","pid":332}"#),
            Text(r#"{"type":"port_opened","port":8124}"#),
            Binary(b""),
            Binary(b"\x09x"),
            Binary(b"\x01"),
            Binary(b"\x03\x05"),
        ],
        "5 \"\"+0 \"\"+0",
    );
}

#[test]
fn a_program_that_is_missing_is_named() {
    let complaint = Text(r#"{"type":"error","error":"no such program"}"#);
    let finished = play(&[INFO, complaint, Binary(b"\x03\x7f")]).unwrap();
    assert_eq!((finished.code, finished.complaint.as_deref()), (127, Some("no such program")));
}

#[test]
fn the_told_code_is_known_at_once() {
    let mut transcript = Transcript::new(8);
    assert_eq!(transcript.text(r#"{"type":"session_info"}"#), Heard::Something);
    assert_eq!(transcript.text(r#"{"type":"exit","exit_code":2}"#), Heard::CodeTold);
    assert_eq!(transcript.text(r#"{"type":"debug"}"#), Heard::CodeTold);
}
