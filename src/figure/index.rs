//! The page that shows a run's figures below each other: plain HTML without script or network.

use super::svg::escaped;
use super::{Export, Kind, Recording, Several};

/// Each with the name of its file, and what it says for who cannot see it.
pub fn index_page(recording: &Recording, figures: &[(Kind, String, String)]) -> String {
    let title = escaped(&recording.name);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <style>\n:root {{ color-scheme: light dark }}\n\
         body {{ font: 16px/1.5 Verdana, sans-serif; margin: 2rem auto; max-width: 80rem; padding: 0 1rem }}\n\
         figure {{ margin: 2rem 0 }}\nimg {{ max-width: 100%; height: auto }}\nfigcaption {{ max-width: 45rem }}\n\
         </style>\n</head>\n<body>\n<h1>{title}</h1>\n<p>{} Seed {}.</p>\n",
        escaped(&recording.about),
        recording.seed
    );
    for (kind, file, about) in figures {
        page += &format!(
            "<figure id=\"{}\">\n<img src=\"{}\" alt=\"{}\">\n<figcaption>{}.</figcaption>\n</figure>\n",
            kind.name(),
            escaped(file),
            escaped(about),
            escaped(kind.about())
        );
    }
    let shown = |kind: &Kind| figures.iter().any(|(it, ..)| it == kind);
    let kinds = Kind::ALL.iter().filter(|it| !shown(it)).map(|it| it.name());
    let several = Several::ALL.iter().map(|it| it.name());
    let others: Vec<String> = kinds.chain(several).map(code).collect();
    let exports: Vec<String> = Export::ALL.iter().map(|it| code(it.name())).collect();
    page += &format!(
        "<p>Of the same run <code>--kind</code> draws these, too: {}. Files for other viewers: {}. With \
         <code>--png</code> each picture is written as PNG beside the SVG.</p>\n</body>\n</html>\n",
        others.join(", "),
        exports.join(", ")
    );
    page
}

fn code(text: &str) -> String {
    format!("<code>{text}</code>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_figure_has_its_words() {
        let recording = Recording {
            name: "a<b".into(),
            about: "One & two.".into(),
            seed: 7,
            ..Recording::default()
        };
        let figures = [(
            Kind::Leadership,
            "leadership.svg".into(),
            "who \"leads\"".into(),
        )];
        let page = index_page(&recording, &figures);
        assert!(page.contains("<h1>a&lt;b</h1>\n<p>One &amp; two. Seed 7.</p>"));
        assert!(page.contains("<img src=\"leadership.svg\" alt=\"who &quot;leads&quot;\">"));
        assert!(page.contains("<code>logs</code>") && !page.contains("<code>leadership</code>"));
        assert!(
            page.contains("Files for other viewers: <code>perfetto</code>, <code>shiviz</code>.")
        );
        assert!(!page.contains("<script") && !page.contains("http"));
    }
}
