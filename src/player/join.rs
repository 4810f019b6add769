//! The page's parts as one file. Its modules are real ones, which editors and tests can load; here their `import` lines
//! go and `export` stands before nothing, so that they are one module without a network or a server.

use serde_json::Value;

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/style.css");

/// In the order in which they use each other.
const MODULES: &[(&str, &str)] = &[
    ("run.js", include_str!("page/run.js")),
    ("cursor.js", include_str!("page/cursor.js")),
    ("html.js", include_str!("page/html.js")),
    ("filter.js", include_str!("page/filter.js")),
    ("cluster.js", include_str!("page/cluster.js")),
    ("logs.js", include_str!("page/logs.js")),
    ("leadership.js", include_str!("page/leadership.js")),
    ("groups.js", include_str!("page/groups.js")),
    ("znodes.js", include_str!("page/znodes.js")),
    ("events.js", include_str!("page/events.js")),
    ("scrubber.js", include_str!("page/scrubber.js")),
    ("keys.js", include_str!("page/keys.js")),
    ("main.js", include_str!("page/main.js")),
    ("self_test.js", include_str!("page/self_test.js")),
];

pub(super) fn joined(name: &str, data: &Value) -> String {
    let mut script = String::new();
    for (file, text) in MODULES {
        script += &format!("// ---- {file}\n");
        for line in text.lines().filter(|line| !line.starts_with("import ")) {
            script += line.strip_prefix("export ").unwrap_or(line);
            script.push('\n');
        }
    }
    let mut page = String::new();
    // Marks are looked for in the page alone: what a run says may look like one.
    for piece in PAGE.split("%%") {
        match piece {
            "TITLE" => page += &escaped(name),
            "STYLE" => page += STYLE,
            "DATA" => page += &for_script(data),
            "SCRIPT" => page += &script,
            text => page += text,
        }
    }
    page
}

/// JSON in which nothing ends the element around it.
fn for_script(data: &Value) -> String {
    let text = data.to_string();
    text.replace('<', "\\u003c")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nothing_in_a_run_ends_its_element() {
        let data = json!({"words": ["</script><!--", "%%SCRIPT%%"]});
        let page = joined("a<b", &data);
        assert!(page.contains("<title>a&lt;b"));
        let (_, rest) = page.split_once("id=\"run\">").unwrap();
        let (text, _) = rest.split_once("</script>").unwrap();
        assert_eq!(serde_json::from_str::<Value>(text).unwrap(), data);
    }
}
