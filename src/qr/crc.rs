//! CRC-16/CCITT-FALSE, as EMV codes carry it in field 63.
//!
//! Polynomial 0x1021, first value 0xFFFF, nothing reflected, nothing inverted; the check value of
//! "123456789" is 0x29B1. Catalogues of checksums call it CRC-16/IBM-3740.

use crc_fast::{CrcAlgorithm, checksum};

/// The checksum of `bytes`.
pub(super) fn crc16(bytes: &[u8]) -> u16 {
    let crc = checksum(CrcAlgorithm::Crc16Ibm3740, bytes);
    u16::try_from(crc).expect("a checksum of sixteen bits")
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLYNOMIAL: u16 = 0x1021;
    const FIRST: u16 = 0xffff;

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
