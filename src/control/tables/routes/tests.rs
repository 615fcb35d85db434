//! Rows as operators write them: what each cell says, and every way to be wrong, by line.

use super::*;
use crate::control::configuration::Configuration;

const HEAD: &str = "priority\tscenario\tby\tmark\twallet\tcurrency\tamount_from\t\
    amount_to\ttime\tdestination\tinstitution\tweight\n";

fn told(rows: &str) -> Result<Vec<Rule>, Vec<String>> {
    let sandbox = Configuration::sandbox();
    let text = format!("{HEAD}{rows}");
    let read = read("routes.tsv", &text, &sandbox.participants);
    read.map(|(rules, _)| rules).map_err(|wrong| {
        let said = wrong.errors().iter();
        said.map(|it| format!("{}:{} {} | {}", it.line, it.column, it.problem, it.remedy))
            .collect()
    })
}

#[test]
fn a_row_says_which_codes_on_what_terms_to_whom() {
    let rules = told(
        "5\toutbound-mpm\tguid\tSG.PayNow\tany\tSGD\t1.50\t2\t22:00-06:00\tsgqr\t70200021\t7\n\
         -\t-\tany\t-\t-\t-\t-\t-\t-\trefuse\t-\t-\n\
         -\tcpm\taid\tA000000333\talipayhk\tKRW\t-\t900\t-\talipayhk\t-\t-\n",
    )
    .unwrap();
    let told: Vec<_> = rules.iter().map(|rule| rule.mark.to_string()).collect();
    assert_eq!(told, ["guid sg.paynow", "any", "aid A000000333"]);
    let first = rules[0].terms;
    assert_eq!(first.flow, Flow::Scenario(Scenario::OutboundMpm));
    let band = first.band.unwrap();
    assert_eq!(
        (band.from, band.to, band.currency.numeric()),
        (150, 200, 702)
    );
    assert_eq!(first.window.unwrap().to_string(), "22:00-06:00");
    assert_eq!((first.priority, first.weight, first.row), (5, 7, 2));
    let (second, third) = (rules[1].terms, rules[2].terms);
    assert_eq!(
        (second.destination, second.priority, second.weight),
        (None, 1_000, 1)
    );
    assert_eq!(third.band.unwrap().to, 900);
    assert_eq!(third.wallet, third.destination);
}

#[test]
fn every_bad_cell_is_named_and_one_is_enough_to_refuse_all() {
    let good = "-\t-\tscheme\tpaynow\t-\t-\t-\t-\t-\tsgqr\t-\t-\n";
    let row = |column: usize, cell: &str| {
        let mut cells = [
            "-", "-", "scheme", "paynow", "-", "-", "-", "-", "-", "sgqr", "-", "-",
        ];
        cells[column] = cell;
        format!("{good}{}\n", cells.join("\t"))
    };
    #[rustfmt::skip]
    let cases = [
        (0, "65536", "`priority`: \"65536\" is not such a number | use a whole number from 0"),
        (1, "outbond-mpm", "is no scenario | did you mean `outbound-mpm`?"),
        (2, "guide", "is no kind of mark | did you mean `guid`?"),
        (2, "prefix", "a prefix is 1 to 12 digits | correct it, or `by`"),
        (2, "any", "a rule by `any` names no mark"),
        (3, "paynou", "is no scheme | did you mean `paynow`?"),
        (4, "alipayhkk", "is no participant | did you mean `alipayhk`?"),
        (5, "SGT", "`currency`: \"SGT\" is no currency | did you mean"),
        (6, "1", "`amount_from`: an amount of no currency | name the `currency`"),
        (7, "1", "`amount_to`: an amount of no currency | name the `currency`"),
        (8, "22:00", "is no part of a day | write two different times"),
        (8, "24:00-01:00", "is no part of a day"),
        (8, "01:00-01:00", "is no part of a day"),
        (9, "sgrq", "is no participant | did you mean `sgqr`?"),
        (10, "x", "is no institution code"),
        (10, "15600021", "`sgqr` does not speak for 15600021 | name one that it `fronts`"),
        (11, "0", "`weight`: \"0\" is not such a number | use a whole number from 1"),
        (11, "1001", "use a whole number from 1 to 1000"),
    ];
    for (column, cell, expected) in cases {
        let wrong = told(&row(column, cell)).unwrap_err();
        assert_eq!(wrong.len(), 1, "{wrong:?}");
        assert!(wrong[0].starts_with("3:"), "{}", wrong[0]);
        assert!(
            wrong[0].contains(expected),
            "{expected:?} not in {}",
            wrong[0]
        );
    }
    assert_eq!(told(good).unwrap().len(), 1);
}

#[test]
fn what_does_not_go_together_is_named() {
    for (rows, expected) in [
        (
            "-\tcpm\tany\t-\t-\t-\t-\t-\t-\tsgqr\t-\t-\n",
            "`sgqr` is an acquirer: it is asked for no payment in which the merchant scans",
        ),
        (
            "-\toutbound-mpm\tany\t-\t-\t-\t-\t-\t-\talipayhk\t-\t-\n",
            "`alipayhk` is a wallet: it is asked for no payment in which the payer scans",
        ),
        (
            "-\t-\tany\t-\t-\t-\t-\t-\t-\trefuse\t70200021\t-\n",
            "`institution`: nobody is asked, so nobody is told",
        ),
        (
            "-\t-\tany\t-\t-\tSGD\t2\t1\t-\tsgqr\t-\t-\n",
            "`amount_to`: it is less than `amount_from`",
        ),
        (
            "-\t-\tany\t-\t-\tSGD\t1.234\t-\t-\tsgqr\t-\t-\n",
            "is no amount of its currency | write digits, and 2 decimals at most",
        ),
        (
            "-\t-\tany\t-\t-\tKRW\t1.5\t-\t-\tsgqr\t-\t-\n",
            "and 0 decimals at most",
        ),
        (
            "-\t-\tguid\tx\t-\t-\t-\t-\t-\tsgqr\t-\t-\n\
             1000\tany\tguid\tX\t-\t-\t-\t-\t-\tsgqr\t-\t9\n",
            "line 2 says the same",
        ),
        (
            "-\t-\tprefix\t281034\t-\t-\t-\t-\t-\talipayhk\t-\t2\n",
            "the participant's `code_prefixes` say the same",
        ),
    ] {
        let wrong = told(rows).unwrap_err().join("\n");
        assert!(wrong.contains(expected), "{expected:?} not in {wrong}");
    }
    let many: String = (0..65)
        .map(|priority| format!("{priority}\t-\tany\t-\t-\t-\t-\t-\t-\tsgqr\t-\t-\n"))
        .collect();
    let wrong = told(&many).unwrap_err();
    assert!(
        wrong[0].starts_with("66:1 more than 64 rules for any"),
        "{wrong:?}"
    );
}
