//! Corridors that are stopped.

use super::*;

#[test]
fn a_corridor_is_stopped_from_and_to_where_its_line_says_and_nowhere_else() {
    let (malaysia, china) = (MALAYSIA, CHINA);
    for (line, expected) in [
        ((malaysia, china), true),
        ((malaysia, 0), true),
        ((0, china), true),
        ((0, 0), true),
        ((china, malaysia), false),
        ((china, 0), false),
        ((0, malaysia), false),
    ] {
        let guard = Guard::new(Rules {
            stopped: vec![(line, 7)],
            ..Rules::default()
        })
        .unwrap();
        assert!(guard.has_rules());
        let refused = matches!(guard.check(&ask()), Verdict::Refused(_));
        assert_eq!(refused, expected, "{line:?}");
    }
}
