//! Framing: any stream, any limit; a frame lies within the stream, and its header is written back.
#![no_main]

use cpg_switch_fuzz::wire::frame::{Framing, MessageHeader, Split};
use libfuzzer_sys::fuzz_target;

const FRAMINGS: [Framing; 5] = [
    Framing::Sofh,
    Framing::LEN2,
    Framing::LEN2.with_tpdu(),
    Framing::LEN4,
    Framing::LEN4.with_tpdu(),
];

fn check(framing: Framing, stream: &[u8], frame_bytes_max: usize) {
    match framing.split(stream, frame_bytes_max) {
        Split::Partial { total } => assert!(total.is_none_or(|total| total > stream.len())),
        Split::KeepAlive { total } => assert!(total <= stream.len()),
        Split::Lost(_) => {}
        Split::Frame { body, tpdu, total } => {
            assert!(total <= stream.len() && total <= frame_bytes_max);
            assert_eq!((body.start, body.end), (framing.header_bytes(), total));
            let mut out = stream[..total].to_vec();
            out[..body.start].fill(0);
            let written = framing.write_header(&mut out, body.len(), tpdu);
            assert_eq!(written, Some(body.start));
            assert_eq!(out, stream[..total]);
        }
    }
}

/// With a message header: its bytes are not looked at, and written as they were configured.
fn check_message_header(stream: &[u8], frame_bytes_max: usize) {
    let header = MessageHeader::new(&[0x60, 0x31, 0, 0x31, 0x10, 0]).expect("six bytes");
    let framing = Framing::LEN2.with_tpdu().with_message_header(header);
    if let Split::Frame { body, tpdu, total } = framing.split(stream, frame_bytes_max) {
        assert_eq!((body.start, body.end), (framing.header_bytes(), total));
        let mut out = stream[..total].to_vec();
        assert_eq!(framing.write_header(&mut out, body.len(), tpdu), Some(body.start));
        assert_eq!(&out[..7], &stream[..7]);
        assert_eq!(&out[7..body.start], header.bytes());
    }
}

fuzz_target!(|input: &[u8]| {
    let Some(([high, low], stream)) = input.split_first_chunk() else {
        return;
    };
    check_message_header(stream, usize::from(u16::from_be_bytes([*high, *low])));
    for framing in FRAMINGS {
        check(
            framing,
            stream,
            usize::from(u16::from_be_bytes([*high, *low])),
        );
    }
});
