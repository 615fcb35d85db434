//! Framing: any stream, any limit; a frame lies within the stream, and its header is written back.
#![no_main]

use cpg_switch_fuzz::wire::frame::{Framing, Split};
use libfuzzer_sys::fuzz_target;

const FRAMINGS: [Framing; 5] = [
    Framing::Sofh,
    Framing::Len2 { tpdu: false },
    Framing::Len2 { tpdu: true },
    Framing::Len4 { tpdu: false },
    Framing::Len4 { tpdu: true },
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

fuzz_target!(|input: &[u8]| {
    let Some(([high, low], stream)) = input.split_first_chunk() else {
        return;
    };
    for framing in FRAMINGS {
        check(
            framing,
            stream,
            usize::from(u16::from_be_bytes([*high, *low])),
        );
    }
});
