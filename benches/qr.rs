//! Reading codes: whose a code is, and whether it is good.
//!
//! Measures `Code::read` alone, in memory that is warm: grammar, schemes, every field's rule and
//! the checksum of merchants' codes of 200 characters; base64, tags and owners of a consumer's;
//! prefixes of a number. That no reading allocates is asserted before anything is measured. Does
//! not measure a table of routes.

use std::alloc::System;
use std::hint::black_box;

use cpg_switch::qr::Code;
use cpg_switch::sys::counting::CountingAllocator;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

#[global_allocator]
static ALLOCATOR: CountingAllocator<System> = CountingAllocator::new(System);

/// A dynamic code of QRIS with an acquirer's account: 200 characters, all ASCII.
const ASCII: &str = "00020101021226670015ID.CO.BANKX.WWW01189360009900000000010215000000000000001\
    0303UMI51440014ID.CO.QRIS.WWW0215ID10990000000010303UMI5204581253033605406125000\
    5802ID5915WARUNG CONTOH 26007JAKARTA6304";
/// The EMVCo specification's example: names in Chinese, so that a character is not a byte.
const CHINESE: &str = "00020101021229300012D156000000000510A93FO3230Q31280012D1560000000103081234\
    5678520441115802CN5914BEST TRANSPORT6007BEIJING64200002ZH0104最佳运输0202北京540523.7253031\
    565502016233030412340603***0708A60086670902ME91320016A0112233449988770708123456786304A13A";
/// The EMVCo specification's example of a consumer's code.
const CONSUMER: &str = "hQVDUFYwMWEaTwegAAAAVVVVVw8SNFZ4kBI0WNGRIgESNF8=";
const NUMBER: &str = "281045123456789012345678";
const ADDRESS: &str = "https://qr.95516.com/00010000/62218665561638921293902872223251";

/// [`ASCII`] with a checksum of its own, by the definition: bit by bit.
fn with_checksum(body: &str) -> String {
    let crc = body.bytes().fold(0xffff_u16, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(byte) << 8), |crc, _| {
            (crc << 1) ^ ((crc >> 15) * 0x1021)
        })
    });
    format!("{body}{crc:04X}")
}

fn codes(criterion: &mut Criterion) {
    let ascii = with_checksum(ASCII);
    assert_eq!(ascii.len(), 200);
    let mut group = criterion.benchmark_group("qr read");
    for (name, payload) in [
        ("merchant ascii 200", ascii.as_str()),
        ("merchant chinese", CHINESE),
        ("consumer", CONSUMER),
        ("number", NUMBER),
        ("url", ADDRESS),
    ] {
        let code = Code::read(payload.as_bytes());
        assert!(code.is_good(), "{name}: {:?}", code.faults());
        let before = ALLOCATOR.allocations();
        for _ in 0..1_000 {
            assert!(Code::read(black_box(payload).as_bytes()).is_good());
        }
        assert_eq!(ALLOCATOR.allocations() - before, 0, "allocations of {name}");
        let characters = u64::try_from(payload.chars().count()).expect("a short code");
        group.throughput(Throughput::Elements(characters));
        group.bench_function(name, |bencher| {
            bencher.iter(|| Code::read(black_box(payload.as_bytes())).is_good());
        });
    }
    group.finish();
}

criterion_group!(benches, codes);
criterion_main!(benches);
