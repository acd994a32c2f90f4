//! gzip that does not compress: its bytes follow from those that are written, whatever the pieces
//! they come in, and its length from theirs.
//!
//! So an archive that broke off can be taken up where it was, and whoever takes it up knows how
//! much is left. Most of what is large in a workspace is compressed already.

use std::io::{self, Write};

use flate2::Crc;

/// As much as one block can hold.
const BLOCK_BYTES: usize = 65_535;

/// The flag for a comment, no time, and no system.
const BEGINNING: [u8; 10] = [0x1f, 0x8b, 8, 0x10, 0, 0, 0, 0, 0, 0xff];

pub(super) struct Stored<W> {
    output: W,
    crc: Crc,
    block: Vec<u8>,
}

impl<W: Write> Stored<W> {
    /// `comment` is plain text without a zero, and stands at the beginning.
    ///
    /// # Errors
    /// The output does not take it.
    pub(super) fn begin(mut output: W, comment: &str) -> io::Result<Self> {
        output.write_all(&BEGINNING)?;
        output.write_all(comment.as_bytes())?;
        output.write_all(&[0])?;
        Ok(Self { output, crc: Crc::new(), block: Vec::with_capacity(BLOCK_BYTES) })
    }

    fn end_block(&mut self, is_last: bool) -> io::Result<()> {
        let length = u16::try_from(self.block.len()).expect("a block is never larger");
        let [low, high] = length.to_le_bytes();
        self.output.write_all(&[u8::from(is_last), low, high, !low, !high])?;
        self.output.write_all(&self.block)?;
        self.block.clear();
        Ok(())
    }

    /// # Errors
    /// The output does not take its end.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.end_block(true)?;
        self.output.write_all(&self.crc.sum().to_le_bytes())?;
        self.output.write_all(&self.crc.amount().to_le_bytes())?;
        self.output.flush()?;
        Ok(self.output)
    }
}

impl<W: Write> Write for Stored<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.block.len() == BLOCK_BYTES {
            self.end_block(false)?;
        }
        let count = bytes.len().min(BLOCK_BYTES - self.block.len());
        self.crc.update(&bytes[..count]);
        self.block.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    /// Ends a block: whoever writes the same again does so at the same place.
    fn flush(&mut self) -> io::Result<()> {
        self.end_block(false)?;
        self.output.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::GzDecoder;

    use super::*;

    fn stored(bytes: &[u8], pieces: usize) -> Vec<u8> {
        let mut stored = Stored::begin(Vec::new(), "a comment").unwrap();
        for piece in bytes.chunks(pieces) {
            stored.write_all(piece).unwrap();
        }
        stored.finish().unwrap()
    }

    #[test]
    fn it_is_read_as_gzip_and_is_the_same_in_whatever_pieces_it_came() {
        for length in [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 3 * BLOCK_BYTES] {
            let bytes: Vec<u8> = (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect();
            let made = stored(&bytes, 1_000);
            assert_eq!(made, stored(&bytes, 70_000), "{length}");
            let (mut decoder, mut read) = (GzDecoder::new(made.as_slice()), Vec::new());
            decoder.read_to_end(&mut read).unwrap();
            assert_eq!(read, bytes, "{length}");
            assert_eq!(decoder.header().unwrap().comment(), Some(&b"a comment"[..]));
        }
    }
}
