//! What a plan cannot know of its predictions: whether a figure is drawn by that name, and whether a command
//! line is one of this program.

use crate::cli::{chart, is_command_line};
use crate::figure::Kind;
use crate::plan::{Plan, Prediction, Problem, Reveal};
use crate::protocol::config::nearest;

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
        is_command_line(line).map_err(|found| {
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

#[cfg(test)]
mod tests {
    use crate::cli::{command_words, inputs};
    use crate::scenario::SHIPPED;

    /// Each can be played with what the line changes, and each figure is one that can be drawn.
    #[test]
    fn what_shipped_scenarios_offer_to_try_can_be_tried() {
        for shipped in SHIPPED {
            let loaded = inputs::load(shipped.name(), shipped.text.into(), &[]);
            let loaded = loaded.unwrap_or_else(|error| panic!("{error}"));
            let lines = loaded.plan.predict.iter().flat_map(|it| &it.then_try);
            for line in lines {
                let words = command_words(line).unwrap_or_default();
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
