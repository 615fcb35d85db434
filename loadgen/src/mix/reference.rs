//! References that carry a payment's number: four characters name the run, eight the number.
//!
//! A ledger finds a payment by its number, so nothing is hashed and nothing is looked up. Runs have
//! different names, so that two runs against one journal do not meet.

use cpg_switch::model::ids::Reference;

/// Writes and reads the references of one run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct References {
    run: [u8; RUN_CHARACTERS],
}

impl References {
    /// The references of the run that is named by the low twenty bits of `run`.
    pub(crate) fn new(run: u64) -> Self {
        let mut name = [0; RUN_CHARACTERS];
        write(run, &mut name);
        Self { run: name }
    }

    /// The run's name.
    pub(crate) const fn run(&self) -> &[u8; RUN_CHARACTERS] {
        &self.run
    }

    /// The reference of payment `number`.
    pub(crate) fn reference(&self, number: u64) -> Reference {
        assert!(number < NUMBERS_MAX, "a run has fewer than 2^40 payments");
        let mut bytes = [0; 12];
        bytes[..RUN_CHARACTERS].copy_from_slice(&self.run);
        write(number, &mut bytes[RUN_CHARACTERS..]);
        Reference::new(bytes).expect("the alphabet is letters and digits")
    }

    /// The number of a payment of this run; `None` for anybody else's.
    pub(crate) fn number(&self, reference: &Reference) -> Option<u64> {
        let (run, number) = reference.bytes().split_at(RUN_CHARACTERS);
        if run != self.run {
            return None;
        }
        number.iter().try_fold(0_u64, |number, character| {
            let digit = DIGITS[usize::from(*character)];
            (digit < 32).then_some((number << DIGIT_BITS) | u64::from(digit))
        })
    }
}

fn write(mut value: u64, out: &mut [u8]) {
    for place in out.iter_mut().rev() {
        *place = ALPHABET[usize::try_from(value & 31).expect("five bits")];
        value >>= DIGIT_BITS;
    }
}

const RUN_CHARACTERS: usize = 4;
const DIGIT_BITS: u32 = 5;
const NUMBERS_MAX: u64 = 1 << 40;
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHIJKLMNOPQRSTUV";
const DIGITS: [u8; 256] = digits();

const fn digits() -> [u8; 256] {
    let mut digits = [u8::MAX; 256];
    let mut at = 0;
    while at < 32 {
        digits[ALPHABET[at as usize] as usize] = at;
        at += 1;
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_carries_its_number_and_its_run() {
        let (ours, theirs) = (References::new(0xABCDE), References::new(0xABCDF));
        for number in [0, 1, 31, 32, 1 << 20, NUMBERS_MAX - 1] {
            let reference = ours.reference(number);
            assert_eq!(ours.number(&reference), Some(number));
            assert_eq!(theirs.number(&reference), None);
        }
        assert_eq!(ours.reference(33).to_string(), "LF6U00000011");
        let foreign = Reference::new(*b"LF6U0000001z").unwrap();
        assert_eq!(ours.number(&foreign), None);
    }
}
