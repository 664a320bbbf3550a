//! gzip of bodies, in steps: each takes and gives a bounded number of bytes, so that a few bytes which
//! unfold into very many cost no more memory than any others.

use std::io::{self, Write};

use bytes::{Buf, Bytes};
use flate2::Compression;
use flate2::write::{GzEncoder, MultiGzDecoder};

/// Unfolds a body, of one gzip member or of several.
pub(crate) struct Inflater {
    decoder: MultiGzDecoder<Vec<u8>>,
}

impl Inflater {
    pub(crate) fn new() -> Self {
        Self { decoder: MultiGzDecoder::new(Vec::new()) }
    }

    /// Takes some of `input`, and gives what that unfolds into: some 32 KiB at most. Nothing when all
    /// of it has been taken.
    pub(crate) fn step(&mut self, input: &mut Bytes) -> io::Result<Vec<u8>> {
        while !input.is_empty() {
            let taken = self.decoder.write(input)?;
            input.advance(taken);
            let out = self.decoder.get_mut();
            if !out.is_empty() {
                return Ok(std::mem::take(out));
            }
        }
        Ok(Vec::new())
    }

    /// The last bytes; an error when the body was cut off.
    pub(crate) fn finish(&mut self) -> io::Result<Vec<u8>> {
        self.decoder.try_finish()?;
        Ok(std::mem::take(self.decoder.get_mut()))
    }
}

/// Folds an answer.
pub(crate) struct Deflater {
    encoder: GzEncoder<Vec<u8>>,
}

impl Deflater {
    pub(crate) fn new() -> Self {
        Self { encoder: GzEncoder::new(Vec::new(), Compression::fast()) }
    }

    /// Everything that these bytes fold into, so that their reader need not wait for the next.
    pub(crate) fn fold(&mut self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        self.encoder.write_all(bytes)?;
        self.encoder.flush()?;
        Ok(std::mem::take(self.encoder.get_mut()))
    }

    /// The end of the member.
    pub(crate) fn finish(self) -> io::Result<Vec<u8>> {
        self.encoder.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// More than one step may ever give.
    const STEP_BYTES_MAX: usize = 128 * 1024;

    fn folded(bytes: &[u8]) -> Vec<u8> {
        let mut deflater = Deflater::new();
        let mut out = deflater.fold(bytes).unwrap();
        out.extend(deflater.finish().unwrap());
        out
    }

    fn unfolded(bytes: &[u8], cut: usize) -> io::Result<Vec<u8>> {
        let mut inflater = Inflater::new();
        let mut out = Vec::new();
        for piece in [&bytes[..cut], &bytes[cut..]] {
            let mut input = Bytes::copy_from_slice(piece);
            loop {
                let step = inflater.step(&mut input)?;
                if step.is_empty() {
                    break;
                }
                assert!(step.len() <= STEP_BYTES_MAX);
                out.extend(step);
            }
        }
        out.extend(inflater.finish()?);
        Ok(out)
    }

    #[test]
    fn bodies_of_one_or_several_members_unfold_wherever_they_are_cut() {
        let two = [folded(b"certificate"), folded(b" and claim")].concat();
        for cut in 0..=two.len() {
            assert_eq!(unfolded(&two, cut).unwrap(), b"certificate and claim", "cut at {cut}");
        }
    }

    #[test]
    fn damage_and_missing_ends_are_errors() {
        let good = folded(b"certificate certificate certificate");
        for end in 1..good.len() {
            assert!(unfolded(&good[..end], 0).is_err(), "ends at {end}");
        }
        let mut bad = good.clone();
        let last = bad.len() - 6; // in the checksum
        bad[last] ^= 1;
        assert!(unfolded(&bad, 0).is_err());
        assert!(unfolded(b"ref,name\r\n", 0).is_err());
    }

    #[test]
    fn a_bomb_unfolds_in_small_steps() {
        let bomb = folded(&vec![b' '; 8 << 20]);
        assert!(bomb.len() < 1 << 20);
        assert_eq!(unfolded(&bomb, bomb.len()).unwrap().len(), 8 << 20);
    }
}
