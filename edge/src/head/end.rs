//! Finds where a head ends, and looks at each byte once however it drips in.

use memchr::memchr_iter;

use super::error::HeadError;

#[derive(Debug, Default)]
pub(crate) struct HeadEnd {
    /// How far was searched.
    searched: usize,
}

impl HeadEnd {
    /// The length of the head at the front of `bytes`, which has grown since the
    /// last call and not otherwise changed; `None` while it is not whole.
    ///
    /// # Errors
    /// `LineEnding` at the first bare line feed: such a head might never end here.
    /// `TooLarge`.
    pub(crate) fn find(
        &mut self,
        bytes: &[u8],
        max_bytes: usize,
    ) -> Result<Option<usize>, HeadError> {
        for at in memchr_iter(b'\n', &bytes[self.searched..]) {
            let at = self.searched + at;
            let before = &bytes[..at];
            if before.last() != Some(&b'\r') {
                return Err(HeadError::LineEnding);
            }
            if before.ends_with(b"\r\n\r") {
                let length = at + 1;
                return if length <= max_bytes {
                    Ok(Some(length))
                } else {
                    Err(HeadError::TooLarge)
                };
            }
        }
        self.searched = bytes.len();
        if self.searched < max_bytes { Ok(None) } else { Err(HeadError::TooLarge) }
    }
}
