//! What the SBE codec costs for one payment request, in and out, with a code and a name of ordinary
//! length. `validate` checks and indexes every length; `decode` does that, checks every value too,
//! and makes the common message. Caches are warm: it does not tell what a first message costs, nor
//! anything of the network.

use std::hint::black_box;

use cpg_switch::model::chars::{Chars, Sensitive};
use cpg_switch::model::ids::{Institution, MatchKey, Reference};
use cpg_switch::model::keys::Key;
use cpg_switch::model::message::{Amounts, Header, Message, PaymentRequest};
use cpg_switch::model::money::{Currency, Money, Rate};
use cpg_switch::model::outcome::{KycLevel, Presentation, Scenario};
use cpg_switch::model::time::{Date, LocalTime, Wall};
use cpg_switch::wire::sbe;
use criterion::{Criterion, criterion_group, criterion_main};

fn money(minor: i64, currency: u16) -> Money {
    let currency = Currency::new(currency).expect("three digits");
    Money::new(minor, currency).expect("twelve digits")
}

fn payment_request(merchant_name: &'static str) -> Message<'static> {
    Message::PaymentRequest(PaymentRequest {
        header: Header {
            match_key: MatchKey(7),
            transmit_time: Wall(1_795_298_705_000_000_123),
        },
        key: Key {
            originator: Institution::new(48_000_702).expect("eleven digits"),
            local_date: Date::from_yyyymmdd(20_261_121).expect("a date"),
            reference: Reference::new(*b"A00000000001").expect("letters and digits"),
        },
        local_time: LocalTime::from_hhmmss(220_505),
        destination: Institution::new(1_560_001),
        forwarder: None,
        presentation: Presentation::Cpm,
        scenario: Some(Scenario::InboundCpm),
        amounts: Amounts {
            amount: money(12_800, 156),
            billing: Some(money(2_458, 344)),
            settlement: None,
            billing_rate: Some(Rate {
                mantissa: 1_085_123,
                exponent: -6,
            }),
            settlement_rate: None,
        },
        mcc: Some(5_812),
        country: Some(156),
        terminal: Chars::padded(b"T0000001"),
        merchant_id: Chars::padded(b"104110058120001"),
        payer_token: Chars::padded(b"tok_9f8e7d6c5b4a39281706"),
        kyc_level: Some(KycLevel::Verified),
        code: Sensitive(
            b"00020101021229300012D156000000000510A93FO3230Q31280012D15600000001030812345678\
              520441115802CN5914BEST TRANSPORT6007BEIJING6304A13A",
        ),
        merchant_name: merchant_name.as_bytes(),
        quote: b"AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA",
        mac: &[0x5a; 16],
    })
}

fn payment(criterion: &mut Criterion) {
    let mut out = vec![0; 1_024];
    for (words, name) in [("ascii", "BEST TRANSPORT"), ("utf-8", "最佳运输有限公司")] {
        let message = payment_request(name);
        let written = sbe::encode(&message, &mut out).expect("room for all of it");
        let body = out[..written.bytes].to_vec();
        criterion.bench_function(
            &format!("sbe/validate/payment-request/{words}"),
            |bencher| {
                bencher.iter(|| sbe::validate(black_box(&body)));
            },
        );
        criterion.bench_function(&format!("sbe/decode/payment-request/{words}"), |bencher| {
            bencher.iter(|| sbe::decode(black_box(&body)));
        });
        criterion.bench_function(&format!("sbe/encode/payment-request/{words}"), |bencher| {
            bencher.iter(|| sbe::encode(black_box(&message), black_box(&mut out)));
        });
        criterion.bench_function(&format!("sbe/relay/payment-request/{words}"), |bencher| {
            bencher.iter(|| {
                let message = sbe::decode(black_box(&body)).expect("what we wrote");
                sbe::encode(&message, black_box(&mut out))
            });
        });
    }
}

criterion_group!(benches, payment);
criterion_main!(benches);
