//! Inputs that property tests begin with: `edge/corpus` has a folder of them for each reader.
//!
//! Random bytes hardly ever get beyond the first line. These do, and what they become when
//! a few bytes of them are changed is what attacks are made of. An input that a test has
//! failed with joins them.

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use proptest::sample::Index;

/// What separates, ends and frames.
const WORDS: [&[u8]; 20] = [
    b"\r\n",
    b"\n",
    b"\r",
    b"\r\n\r\n",
    b" ",
    b"\t",
    b":",
    b",",
    b";",
    b"=",
    b"\0",
    b"\xff",
    b"-",
    b"_",
    b"0",
    b"Content-Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Connection: close\r\n",
    b"Host: b.test\r\n",
    b"0\r\n\r\n",
];

#[derive(Debug, Clone)]
enum Change {
    Byte(Index, u8),
    Word(Index, &'static [u8]),
    Cut(Index, Index),
    Repeat(Index, Index),
}

/// One of `folder`, with a few changes or with none.
pub(crate) fn near(folder: &str) -> impl Strategy<Value = Vec<u8>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus").join(folder);
    let mut files: Vec<_> =
        fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let inputs: Vec<_> = files.into_iter().map(|path| fs::read(path).unwrap()).collect();
    let change = prop_oneof![
        any::<(Index, u8)>().prop_map(|(at, byte)| Change::Byte(at, byte)),
        (any::<Index>(), prop::sample::select(WORDS.to_vec()))
            .prop_map(|(at, word)| Change::Word(at, word)),
        any::<(Index, Index)>().prop_map(|(from, to)| Change::Cut(from, to)),
        any::<(Index, Index)>().prop_map(|(from, to)| Change::Repeat(from, to)),
    ];
    let changes = prop::collection::vec(change, 0..4);
    (prop::sample::select(inputs), changes).prop_map(|(input, changes)| {
        changes.into_iter().fold(input, |input, change| change.make(input))
    })
}

impl Change {
    fn make(self, mut input: Vec<u8>) -> Vec<u8> {
        let place = |at: Index| at.index(input.len() + 1);
        let range = |from, to| {
            let (from, to) = (place(from), place(to));
            from.min(to)..from.max(to)
        };
        match self {
            Self::Byte(at, byte) => {
                if let Some(changed) = input.len().checked_sub(1).map(|last| at.index(last + 1)) {
                    input[changed] = byte;
                }
            }
            Self::Word(at, word) => {
                let at = place(at);
                input.splice(at..at, word.iter().copied());
            }
            Self::Cut(from, to) => {
                let range = range(from, to);
                input.drain(range);
            }
            Self::Repeat(from, to) => {
                let range = range(from, to);
                let (part, end) = (input[range.clone()].to_vec(), range.end);
                input.splice(end..end, part);
            }
        }
        input
    }
}
