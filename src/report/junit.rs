//! Several runs as one JUnit document, for continuous integration. No times: a run takes none.

use super::Ending;
use super::summary::is_broken;
use crate::check::Judgement;

/// One run, or why it could not be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Suite {
    pub name: String,
    cases: Vec<Case>,
    warnings: Vec<String>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Case {
    name: String,
    wrong: Option<Wrong>,
}

/// Why a case is not simply in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wrong {
    Failure(String),
    /// Not judged, and so not wrong either.
    Skipped(String),
    Error(String),
}

impl Suite {
    /// A case for each expectation and each property.
    pub fn of(ending: &Ending<'_>) -> Suite {
        let mut cases = Vec::new();
        for outcome in ending.outcomes {
            let failure = format!("{}; repeat it with {}", outcome.figures, ending.repeat);
            cases.push(Case {
                name: outcome.sentence.clone(),
                wrong: match outcome.judgement {
                    Judgement::Held => None,
                    Judgement::Failed => Some(Wrong::Failure(failure)),
                    Judgement::NotJudged => Some(Wrong::Skipped(outcome.figures.clone())),
                },
            });
        }
        for (name, _) in ending.figures {
            let sentences = ending.violations.iter().filter(|v| v.property == *name);
            let sentences: Vec<&str> = sentences.map(|v| v.sentence.as_str()).collect();
            let failure = format!("{}; repeat it with {}", sentences.join("; "), ending.repeat);
            cases.push(Case {
                name: format!("always, {name}"),
                wrong: is_broken(ending, name).then_some(Wrong::Failure(failure)),
            });
        }
        cases.push(Case {
            name: "runs to its end".to_owned(),
            wrong: ending.stopped.map(|why| Wrong::Error(why.to_owned())),
        });
        Suite {
            name: ending.plan.name.clone(),
            cases,
            warnings: ending.plan.warnings(),
        }
    }

    /// A scenario that could not be run.
    pub fn error(name: impl Into<String>, why: impl Into<String>) -> Suite {
        Suite::of_one(name, "can be run", Some(Wrong::Error(why.into())))
    }

    /// Of one case.
    pub fn of_one(name: impl Into<String>, case: &str, wrong: Option<Wrong>) -> Suite {
        Suite {
            name: name.into(),
            cases: vec![Case {
                name: case.to_owned(),
                wrong,
            }],
            warnings: Vec::new(),
        }
    }

    fn failures(&self) -> usize {
        self.count(|wrong| matches!(wrong, Wrong::Failure(_)))
    }

    fn errors(&self) -> usize {
        self.count(|wrong| matches!(wrong, Wrong::Error(_)))
    }

    fn count(&self, which: impl Fn(&Wrong) -> bool) -> usize {
        self.cases
            .iter()
            .filter(|case| case.wrong.as_ref().is_some_and(&which))
            .count()
    }
}

/// The document.
pub fn junit(suites: &[Suite]) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let sum = |of: fn(&Suite) -> usize| suites.iter().map(of).sum::<usize>();
    text.push_str(&format!(
        "<testsuites tests=\"{}\" failures=\"{}\" errors=\"{}\">\n",
        sum(|suite| suite.cases.len()),
        sum(Suite::failures),
        sum(Suite::errors)
    ));
    for suite in suites {
        let name = escape(&suite.name);
        text.push_str(&format!(
            "  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{}\" errors=\"{}\">\n",
            suite.cases.len(),
            suite.failures(),
            suite.errors()
        ));
        for case in &suite.cases {
            let head = format!(
                "    <testcase classname=\"{name}\" name=\"{}\"",
                escape(&case.name)
            );
            text.push_str(&match &case.wrong {
                None => format!("{head}/>\n"),
                Some(Wrong::Failure(why)) => {
                    format!("{head}><failure message=\"{}\"/></testcase>\n", escape(why))
                }
                Some(Wrong::Skipped(why)) => {
                    format!("{head}><skipped message=\"{}\"/></testcase>\n", escape(why))
                }
                Some(Wrong::Error(why)) => {
                    format!("{head}><error message=\"{}\"/></testcase>\n", escape(why))
                }
            });
        }
        if !suite.warnings.is_empty() {
            let warnings = escape(&suite.warnings.join("\n"));
            text.push_str(&format!("    <system-err>{warnings}</system-err>\n"));
        }
        text.push_str("  </testsuite>\n");
    }
    text.push_str("</testsuites>\n");
    text
}

/// XML 1.0 knows no other control characters than these three, not even escaped.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            '\t' => escaped.push_str("&#9;"),
            '\r' => escaped.push_str("&#13;"),
            c if c < ' ' || c == '\u{fffe}' || c == '\u{ffff}' => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_that_cannot_be_run_is_an_error_and_text_is_escaped() {
        let document = junit(&[Suite::error("a<b", "no \"x\" & no\u{1} y\n")]);
        assert_eq!(
            document,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <testsuites tests=\"1\" failures=\"0\" errors=\"1\">\n  \
             <testsuite name=\"a&lt;b\" tests=\"1\" failures=\"0\" errors=\"1\">\n    \
             <testcase classname=\"a&lt;b\" name=\"can be run\"><error message=\"no &quot;x&quot; &amp; no\u{fffd} y&#10;\"/></testcase>\n  \
             </testsuite>\n</testsuites>\n"
        );
    }
}
