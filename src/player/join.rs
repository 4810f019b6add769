//! The page's parts as one file. Its modules are real ones, which editors and tests can load; a page that is opened from a
//! file may load none, so here each becomes a function that gives what it exports, and an `import` takes from there.

use serde_json::Value;

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/style.css");

/// In the order in which they use each other.
const MODULES: &[(&str, &str)] = &[
    ("run.js", include_str!("page/run.js")),
    ("cursor.js", include_str!("page/cursor.js")),
    ("html.js", include_str!("page/html.js")),
    ("journey.js", include_str!("page/journey.js")),
    ("filter.js", include_str!("page/filter.js")),
    ("cluster.js", include_str!("page/cluster.js")),
    ("logs.js", include_str!("page/logs.js")),
    ("leadership.js", include_str!("page/leadership.js")),
    ("groups.js", include_str!("page/groups.js")),
    ("znodes.js", include_str!("page/znodes.js")),
    ("tables.js", include_str!("page/tables.js")),
    ("bytes.js", include_str!("page/bytes.js")),
    ("events.js", include_str!("page/events.js")),
    ("scrubber.js", include_str!("page/scrubber.js")),
    ("questions.js", include_str!("page/questions.js")),
    ("keys.js", include_str!("page/keys.js")),
    ("main.js", include_str!("page/main.js")),
    ("self_test.js", include_str!("page/self_test.js")),
];

pub(super) fn joined(name: &str, data: &Value) -> String {
    let modules = MODULES.iter().map(|(file, text)| module(file, text));
    let script: String = modules.collect();
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

/// A module in a scope of its own: `import`, `export const` and `export function` stand at the beginning of a line.
fn module(file: &str, text: &str) -> String {
    // Of its own, so that a module may export what it is called itself.
    let name = |file: &str| file.replace(".js", "_js");
    let mut body = String::new();
    let mut exports = Vec::new();
    for line in text.lines() {
        let import = line
            .strip_prefix("import ")
            .and_then(|rest| rest.split_once(" from \"./"));
        if let Some((names, from)) = import {
            let from = name(from.trim_end_matches("\";"));
            body += &format!("const {names} = {from};\n");
            continue;
        }
        let exported = line.strip_prefix("export ");
        if let Some(declared) = exported {
            let mut words = declared.split(|c: char| !c.is_ascii_alphanumeric());
            exports.extend(words.nth(1));
        }
        body += exported.unwrap_or(line);
        body.push('\n');
    }
    let exports = exports.join(", ");
    format!(
        "const {} = (() => {{\n{body}return {{ {exports} }};\n}})();\n",
        name(file)
    )
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
    fn a_module_keeps_what_it_does_not_export_to_itself() {
        let text = "import { a } from \"./other.js\";\nconst b = a;\nexport function c() {\n}\nexport const d = b;\n";
        let expected = "const it_js = (() => {\nconst { a } = other_js;\nconst b = a;\nfunction c() {\n}\nconst d = b;\nreturn { c, d };\n})();\n";
        assert_eq!(module("it.js", text), expected);
    }

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
