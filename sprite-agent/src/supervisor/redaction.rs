//! Takes secrets out of a stream of bytes, wherever the stream is cut.

const STARS: &[u8] = b"***";

/// Shorter texts are left alone: they would turn up in words.
const SECRET_MIN_BYTES: usize = 8;

/// Remembers at most one byte less than the longest secret between two pieces.
pub struct Redaction {
    /// Longest first, so that a secret inside another one does not cut that in two.
    secrets: Vec<Vec<u8>>,
    held: Vec<u8>,
}

impl Redaction {
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let mut secrets: Vec<_> = secrets
            .into_iter()
            .filter(|secret| secret.len() >= SECRET_MIN_BYTES)
            .map(|secret| secret.as_bytes().to_vec())
            .collect();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self { secrets, held: Vec::new() }
    }

    /// What of the stream is safe to write after `piece` has come.
    pub fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(piece);
        self.release(false)
    }

    /// What comes next does not follow: what is held may be the beginning of a secret whose
    /// end is lost.
    pub fn cut(&mut self) {
        self.held.clear();
    }

    /// A stream of one piece.
    pub fn whole(mut self, text: &[u8]) -> Vec<u8> {
        let mut safe = self.push(text);
        safe.extend(self.finish());
        safe
    }

    /// The rest, at the stream's end.
    pub fn finish(&mut self) -> Vec<u8> {
        self.release(true)
    }

    fn release(&mut self, is_end: bool) -> Vec<u8> {
        let mut safe = Vec::with_capacity(self.held.len());
        let mut at = 0;
        while at < self.held.len() {
            let rest = &self.held[at..];
            let may_grow_into =
                |secret: &Vec<u8>| secret.len() > rest.len() && secret.starts_with(rest);
            if !is_end && self.secrets.iter().any(may_grow_into) {
                break;
            }
            match self.secrets.iter().find(|secret| rest.starts_with(secret)) {
                Some(secret) => {
                    safe.extend_from_slice(STARS);
                    at += secret.len();
                }
                None => {
                    safe.push(rest[0]);
                    at += 1;
                }
            }
        }
        self.held.drain(..at);
        safe
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redacted(pieces: &[&[u8]]) -> String {
        let mut redaction = Redaction::new(["sesame-open", "sesame-open-wide", "short"]);
        let mut text: Vec<u8> = pieces.iter().flat_map(|piece| redaction.push(piece)).collect();
        text.extend(redaction.finish());
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn secrets_are_stars_however_the_stream_is_cut() {
        let text = b"a sesame-open-wide, sesame-open. sesame-sesame-open short sesam";
        let expected = "a ***, ***. sesame-*** short sesam";
        assert_eq!(redacted(&[text]), expected);
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(redacted(&bytes), expected);
        for cut in 0..text.len() {
            assert_eq!(redacted(&[&text[..cut], &text[cut..]]), expected, "cut at {cut}");
        }
    }

    #[test]
    fn ordinary_output_is_not_held_back() {
        let mut redaction = Redaction::new(["sesame-open"]);
        assert_eq!(redaction.push(b"ready\n"), b"ready\n");
        assert_eq!(redaction.push(b"see"), b"see");
        assert_eq!(redaction.push(b"x ses"), b"x ");
    }
}
