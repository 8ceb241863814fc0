//! What an author writes for a type that the runtime has not.

use sqlmill_runtime::{Buffer, DecodeError, EncodeError, Wire};

/// A `vector`.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding(pub Vec<f32>);

/// On the wire: how many numbers, two bytes of nothing, then the numbers (`vector_send`).
impl Wire for Embedding {
    const TYPE: &'static str = "vector";

    fn read(raw: &[u8]) -> Result<Self, DecodeError> {
        const WRONG: DecodeError = DecodeError::new("is no vector");
        let (length, rest) = raw.split_first_chunk().ok_or(WRONG)?;
        let (_, rest) = rest.split_first_chunk::<2>().ok_or(WRONG)?;
        let (numbers, left) = rest.as_chunks();
        if numbers.len() != usize::from(u16::from_be_bytes(*length)) || !left.is_empty() {
            return Err(WRONG);
        }
        Ok(Self(numbers.iter().map(|number| f32::from_be_bytes(*number)).collect()))
    }

    fn write(&self, out: &mut Buffer<'_>) -> Result<(), EncodeError> {
        let length = u16::try_from(self.0.len()).map_err(|_| EncodeError::new("is too long"))?;
        out.put(&length.to_be_bytes());
        out.put(&[0; 2]);
        for number in &self.0 {
            out.put(&number.to_be_bytes());
        }
        Ok(())
    }
}

sqlmill_runtime::wire! { Embedding }
