//! What a plan cannot know of its predictions: whether a figure is drawn by that name, and whether a command
//! line is one of this program.

use crate::cli::{self, chart};
use crate::figure::Kind;
use crate::plan::{Plan, Prediction, Problem, Reveal};
use crate::protocol::config::nearest;
use clap::Parser;

pub(in crate::cli) fn check(plan: &Plan) -> Result<(), Problem> {
    for (i, prediction) in plan.predict.iter().enumerate() {
        let below = |problem: Problem| problem.below(&i.to_string()).below("predict");
        one(prediction).map_err(below)?;
    }
    Ok(())
}

fn one(prediction: &Prediction) -> Result<(), Problem> {
    if let Some(reveal) = &prediction.reveal {
        figure(reveal).map_err(|problem| problem.below("reveal"))?;
    }
    if let Some(line) = &prediction.then_try {
        command_line(line).map_err(|found| {
            Problem::new(["then_try"], found)
                .expected("a command line of trial, such as trial run leader-crash --seed 2")
        })?;
    }
    Ok(())
}

fn figure(reveal: &Reveal) -> Result<(), Problem> {
    if Kind::named(&reveal.kind).is_none() {
        let names = || Kind::ALL.iter().map(|kind| kind.name());
        let found = format!("\"{}\" is no kind of figure", reveal.kind);
        let problem = Problem::new(["kind"], found);
        let problem = problem.expected(names().collect::<Vec<_>>().join(", "));
        return Err(match nearest(&reveal.kind, names()) {
            Some(name) => problem.suggest(format!("\"{name}\"")),
            None => problem,
        });
    }
    let refused = |key: &str, found: &str, expected: &str| {
        Problem::new([key], format!("\"{found}\"")).expected(expected)
    };
    if let Some(around) = &reveal.around
        && let Err(error) = chart::around(around)
    {
        let expected = error.expected.unwrap_or_default();
        return Err(refused("around", around, &expected));
    }
    if let Some(partition) = &reveal.partition
        && let Err(expected) = chart::partition(partition)
    {
        let expected = expected.trim_start_matches("expected ");
        return Err(refused("partition", partition, expected));
    }
    Ok(())
}

/// What is wrong with a command line.
fn command_line(line: &str) -> Result<(), String> {
    let words = words(line).ok_or("a quote that nothing ends")?;
    if words.first().is_none_or(|word| word != "trial") {
        return Err(format!("\"{line}\" does not begin with trial"));
    }
    match cli::Arguments::try_parse_from(&words) {
        Ok(_) => Ok(()),
        Err(error) => {
            let text = error.to_string();
            let first = text.lines().next().unwrap_or_default();
            Err(first.trim_start_matches("error: ").to_owned())
        }
    }
}

/// The words of a command line, as a shell takes them: blanks part them, but not within quotes.
fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in line.chars() {
        match (quote, c) {
            (Some(mark), c) if c == mark => quote = None,
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::inputs;
    use crate::scenario::SHIPPED;

    #[test]
    fn words_are_those_of_a_shell() {
        let words = words("trial run 'a b'  --set \"x=y z\" it's '");
        let expected = ["trial", "run", "a b", "--set", "x=y z", "its "];
        assert_eq!(words.as_deref(), Some(&expected.map(String::from)[..]));
        assert_eq!(super::words("trial 'run"), None);
    }

    #[test]
    fn a_command_line_is_one_of_this_program() {
        assert_eq!(command_line("trial run leader-crash --seed 2"), Ok(()));
        for line in ["trail run x", "trial walk x", "trial run --sed 2 x", ""] {
            assert!(command_line(line).is_err(), "{line}");
        }
    }

    /// Each can be played with what the line changes, and each figure is one that can be drawn.
    #[test]
    fn what_shipped_scenarios_offer_to_try_can_be_tried() {
        for shipped in SHIPPED {
            let loaded = inputs::load(shipped.name(), shipped.text.into(), &[]);
            let loaded = loaded.unwrap_or_else(|error| panic!("{error}"));
            let lines = loaded.plan.predict.iter().flat_map(|it| &it.then_try);
            for line in lines {
                let words = words(line).unwrap_or_default();
                let mut sets = Vec::new();
                let mut names = Vec::new();
                for (i, word) in words.iter().enumerate() {
                    match word.as_str() {
                        // A comparison has lists of values; its own tests look at these.
                        "--set" if words[1] != "compare" => sets.push(words[i + 1].clone()),
                        name if inputs::one(name).is_ok() => names.push(name.to_owned()),
                        _ => {}
                    }
                }
                assert!(!names.is_empty(), "{line} names no scenario");
                for name in names {
                    let input = inputs::one(&name).expect("it is there");
                    let loaded = inputs::load(&name, input.bytes, &sets);
                    assert!(loaded.is_ok(), "{line}: {loaded:?}");
                }
            }
        }
    }
}
