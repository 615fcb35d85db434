//! ISO 8583 decoding and encoding of one payment.
//!
//! Measures a 0200 of twenty fields, one of them DE 48 with three tags, in memory that is warm:
//! `scan` is bitmap, index and every check of form; `decode` is that and the whole common message;
//! `encode` is the way back into a buffer that exists. Measures no framing, no MAC, no socket.

use std::hint::black_box;

use cpg_switch::model::time::Date;
use cpg_switch::wire::iso8583::{Dialect, count_fields, decode, encode};
use criterion::{Criterion, criterion_group, criterion_main};

/// As pyiso8583 4.0.1 writes it.
const PAYMENT: &[u8] = b"02003678640108E1A004000000\
    000000012550000000001788112114050971424700004711220509112158141560300848000702WX2026112101\
    T0000042CAFE-42        NOODLE HOUSE SHANGHAI                   \
    01801001M02001103001215684001400020101021126";

fn codec(criterion: &mut Criterion) {
    let today = Date::from_yyyymmdd(20_261_121).expect("a date");
    let ascii = Dialect::ascii();
    let message = decode(&ascii, PAYMENT, today).expect("a payment");
    let mut group = criterion.benchmark_group("iso8583 payment of 20 fields");
    for (name, dialect) in [("ascii", ascii.clone()), ("binary", Dialect::binary())] {
        let mut buffer = [0; 1_024];
        let bytes = encode(&dialect, &message, &mut buffer).expect("room").bytes;
        let body = buffer.get(..bytes).expect("inside").to_vec();
        assert_eq!(count_fields(&dialect, &body), Ok(20));
        group.bench_function(format!("scan {name}"), |bencher| {
            bencher.iter(|| count_fields(&dialect, black_box(&body)));
        });
        group.bench_function(format!("decode {name}"), |bencher| {
            bencher.iter(|| decode(&dialect, black_box(&body), today).is_ok());
        });
        group.bench_function(format!("encode {name}"), |bencher| {
            bencher.iter(|| encode(&dialect, black_box(&message), black_box(&mut buffer)));
        });
    }
    group.finish();
}

criterion_group!(benches, codec);
criterion_main!(benches);
