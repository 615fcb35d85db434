//! CRC-16/CCITT-FALSE, as EMV codes carry it in field 63.
//!
//! Polynomial 0x1021, first value 0xFFFF, nothing reflected, nothing inverted; the check value of
//! "123456789" is 0x29B1. Eight bytes a step, over tables made by the compiler.

const POLYNOMIAL: u16 = 0x1021;
const FIRST: u16 = 0xffff;
/// Bytes a step.
const STEP: usize = 8;

/// `TABLES[n][byte]`: what `byte` does to the checksum when `n` bytes follow it in its step.
static TABLES: [[u16; 256]; STEP] = tables();

/// The checksum of `bytes`.
pub(super) fn crc16(bytes: &[u8]) -> u16 {
    let [t0, t1, t2, t3, t4, t5, t6, t7] = &TABLES;
    let (steps, rest) = bytes.as_chunks::<STEP>();
    let crc = steps.iter().fold(FIRST, |crc, step| {
        let [high, low] = crc.to_be_bytes();
        let [b0, b1, b2, b3, b4, b5, b6, b7] = *step;
        at(t7, b0 ^ high)
            ^ at(t6, b1 ^ low)
            ^ at(t5, b2)
            ^ at(t4, b3)
            ^ at(t3, b4)
            ^ at(t2, b5)
            ^ at(t1, b6)
            ^ at(t0, b7)
    });
    rest.iter().fold(crc, |crc, byte| {
        let [high, low] = crc.to_be_bytes();
        at(t0, byte ^ high) ^ u16::from_be_bytes([low, 0])
    })
}

#[expect(
    clippy::indexing_slicing,
    reason = "a byte is always an index into 256 entries"
)]
fn at(table: &[u16; 256], byte: u8) -> u16 {
    table[usize::from(byte)]
}

#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "evaluated by the compiler, which would refuse it"
)]
const fn tables() -> [[u16; 256]; STEP] {
    let mut tables = [[0; 256]; STEP];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut following = 0;
        while following < STEP {
            let mut bit = 0;
            while bit < 8 {
                let carry = crc & 0x8000 != 0;
                crc <<= 1;
                if carry {
                    crc ^= POLYNOMIAL;
                }
                bit += 1;
            }
            tables[following][byte] = crc;
            following += 1;
        }
        byte += 1;
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bit by bit, as the definition says.
    fn slowly(bytes: &[u8]) -> u16 {
        bytes.iter().fold(FIRST, |crc, byte| {
            (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
                (crc << 1) ^ ((crc >> 15) * POLYNOMIAL)
            })
        })
    }

    #[test]
    fn the_check_value_and_every_length_agree_with_the_definition() {
        assert_eq!(crc16(b"123456789"), 0x29b1);
        assert_eq!(crc16(b""), FIRST);
        let bytes: Vec<u8> = (0..512_u32)
            .map(|n| (n * 37 % 251).to_le_bytes()[0])
            .collect();
        for length in 0..bytes.len() {
            assert_eq!(
                crc16(&bytes[..length]),
                slowly(&bytes[..length]),
                "{length}"
            );
        }
    }
}
