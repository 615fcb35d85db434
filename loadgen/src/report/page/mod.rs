//! `report.html`: one file that needs nothing else. The report is embedded as JSON; a script of our
//! own draws it. Nothing is loaded from anywhere, and the page's own policy forbids it.

use serde::Serialize;

/// The page of a report; `text` is what is shown where scripts do not run.
pub(crate) fn html(report: &impl Serialize, text: &str) -> Result<String, serde_json::Error> {
    let data = for_script(&serde_json::to_string(report)?);
    let script = [PLOT, RUN, SEARCH, BEGIN].concat();
    let parts = [
        ("style", STYLE),
        ("text", &for_text(text)),
        ("data", &data),
        ("script", &script),
    ];
    let mut page = String::with_capacity(data.len() + (64 << 10));
    let mut rest = TEMPLATE;
    // In the order of the template, so that nothing is looked for inside of what was put in.
    for (name, part) in parts {
        let (before, after) = rest
            .split_once(&format!("{{{{{name}}}}}"))
            .expect("the template has each part once, in this order");
        page.push_str(before);
        page.push_str(part);
        rest = after;
    }
    page.push_str(rest);
    Ok(page)
}

/// JSON that cannot end the element it stands in: these characters occur within strings alone.
fn for_script(json: &str) -> String {
    json.replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}

/// Text within an element (HTML, section 13.1.2).
fn for_text(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

const TEMPLATE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const PLOT: &str = include_str!("plot.js");
const RUN: &str = include_str!("run.js");
const SEARCH: &str = include_str!("search.js");
const BEGIN: &str = include_str!("begin.js");

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn the_embedded_report_is_the_report_whatever_it_says() {
        let nasty = "</script><script>alert(1)</script><!-- & \u{2028} {{script}} {{data}}";
        let report = serde_json::json!({ "detail": nasty, "number": 1.5 });
        let page = html(&report, nasty).unwrap();
        let (_, after) = page.split_once("id=\"report\">").unwrap();
        let (data, _) = after.split_once("</script>").unwrap();
        assert_eq!(serde_json::from_str::<Value>(data).unwrap(), report);
        assert!(!page.contains("alert(1)</script>"));
        assert_eq!(page.matches("</script>").count(), 2);
        assert_eq!(page.matches("</pre>").count(), 1);
    }

    #[test]
    fn the_page_loads_nothing() {
        let page = html(&Value::Null, "").unwrap().to_lowercase();
        for word in [
            "http:", "https:", "//cdn", "src=", "@import", "url(", "import(", "fetch(",
        ] {
            assert!(!page.contains(word), "{word}");
        }
        assert!(page.contains("default-src 'none'"));
    }
}
