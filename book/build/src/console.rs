//! Lines of a console that are longer than the page go on below, further in: each is made an element of its own. Rows of a
//! table do not, for their columns would no longer stand below each other.

/// A page with such lines.
pub fn with_lines(html: &str) -> String {
    const BEGIN: &str = "<code class=\"language-console\">";
    // The highlighter would take the elements out again.
    const LINES: &str = "<code class=\"language-console nohighlight\">";
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some((before, after)) = rest.split_once(BEGIN) {
        let (inside, left) = after.split_once("</code>").unwrap_or((after, ""));
        out.push_str(before);
        out.push_str(LINES);
        for line in inside.split_inclusive('\n') {
            out.push_str(&format!("<span class=\"{}\">{line}</span>", class_of(line)));
        }
        out.push_str("</code>");
        rest = left;
    }
    out.push_str(rest);
    out
}

fn class_of(line: &str) -> &'static str {
    let mut words = line.split_whitespace();
    let first = words.next().unwrap_or_default();
    let time = first.strip_suffix('s').and_then(|it| it.split_once('.'));
    let is_time = time.is_some_and(|(seconds, millis)| {
        millis.len() == 3
            && (seconds.to_owned() + millis)
                .bytes()
                .all(|it| it.is_ascii_digit())
    });
    match first {
        "$" => "line typed",
        // What a node does stands in the third column of a transcript.
        _ if is_time => "line told",
        _ if is_row(line) => "line row",
        _ => "line",
    }
}

/// Columns are apart by tabs or by several blanks; a sentence has one such gap at most, behind its first word.
fn is_row(line: &str) -> bool {
    let gaps = line.trim().split("  ").filter(|it| !it.is_empty()).count();
    line.contains('\t') || gaps > 3
}

#[test]
fn each_line_is_an_element() {
    let html = "<p>a</p><pre><code class=\"language-console\">$ trial run x\n   30.000s  zookeeper-1   is\n\nend\n</code></pre>\
                <code class=\"language-yaml\">a: 1\n</code>";
    assert_eq!(
        with_lines(html),
        "<p>a</p><pre><code class=\"language-console nohighlight\"><span class=\"line typed\">$ trial run x\n</span>\
         <span class=\"line told\">   30.000s  zookeeper-1   is\n</span><span class=\"line\">\n</span>\
         <span class=\"line\">end\n</span></code></pre><code class=\"language-yaml\">a: 1\n</code>"
    );
    assert_eq!(with_lines("<p>none</p>"), "<p>none</p>");
}

#[test]
fn rows_of_tables_stay_in_one_piece() {
    for row in [
        "acks  made  acknowledged  lost\n",
        "\tTopic: t\tPartition: 0\n",
        "1      708   708  12\n",
    ] {
        assert_eq!(class_of(row), "line row");
    }
    for other in [
        "  leads         a partition has one leader\n",
        "held    parcels  20 of 20 seeds\n",
        "FAILED  a  b\n",
    ] {
        assert_eq!(class_of(other), "line");
    }
    assert_eq!(
        class_of("    2.079s  clients       learn  of  it  all\n"),
        "line told"
    );
}
