//! Checks what is asked: an answer must be one of its options, and be judged by something that is there.

use super::prose::writing;
use super::{Check, Checked, with_suggestion};
use crate::plan::{Expected, MISCONCEPTIONS, Prediction, Problem, Question, misconception};
use crate::protocol::config::nearest;
use std::collections::BTreeSet;

impl Check<'_> {
    pub(super) fn predictions(&self) -> Checked {
        let mut ids = BTreeSet::new();
        for (i, prediction) in self.plan.predict.iter().enumerate() {
            let below = |problem: Problem| problem.below(&i.to_string()).below("predict");
            self.prediction(prediction).map_err(below)?;
            if !ids.insert(&prediction.id) {
                let problem = Problem::new(["id"], format!("a second \"{}\"", prediction.id));
                let problem = problem.expected("an id that no other prediction has");
                return Err(below(problem));
            }
        }
        Ok(())
    }

    fn prediction(&self, prediction: &Prediction) -> Checked {
        word(&prediction.id, "id")?;
        self.within_run(prediction.at, vec!["at".into()])?;
        question(&prediction.question, &["answer", "is"])?;
        let when = |problem: Problem| problem.below("when").below("answer");
        self.judged_by(&prediction.when).map_err(when)?;
        if let Some(reason) = &prediction.reason {
            question(reason, &["is"]).map_err(|problem| problem.below("reason"))?;
        }
        if let Some(recall) = &prediction.recall {
            let below = |problem: Problem| problem.below("recall");
            question(&recall.question, &["answer", "is"]).map_err(below)?;
            let when = |problem: Problem| below(when(problem));
            self.judged_by(&recall.when).map_err(when)?;
        }
        if let Some(line) = &prediction.then_try {
            text(line, &["then_try"])?;
        }
        Ok(())
    }

    fn judged_by(&self, when: &Expected) -> Checked {
        if let Some(because) = &when.because {
            writing(vec!["because".into()], because)?;
        }
        self.expected(when)
    }
}

fn question(question: &Question, answer: &[&str]) -> Checked {
    text(&question.ask, &["ask"])?;
    if question.options.len() < 2 {
        let found = match question.options.len() {
            0 => "no option",
            _ => "one option",
        };
        return Err(Problem::new(["options"], found)
            .expected("at least two, such as {yes: {say: Yes}, no: {say: No}}"));
    }
    for option in &question.options {
        let path = |key: &str| vec!["options".to_string(), option.name.clone(), key.to_string()];
        word(&option.name, "options").map_err(|problem| Problem {
            path: vec!["options".to_string(), option.name.clone()],
            on_key: true,
            ..problem
        })?;
        text(&option.say, &path("say"))?;
        let Some(name) = &option.misconception else {
            continue;
        };
        if option.name == question.is {
            let found = format!("a misconception beside \"{}\", the answer", option.name);
            return Err(Problem::new(path("misconception"), found)
                .on_key()
                .expected("misconceptions of the other options only"));
        }
        if misconception(name).is_none() {
            let problem = Problem::new(path("misconception"), format!("\"{name}\""));
            let known = MISCONCEPTIONS.iter().map(|(name, _)| *name);
            return Err(with_suggestion(
                problem.expected(
                    "a name from the table of misconceptions in the book (predictions.md)",
                ),
                nearest(name, known),
            ));
        }
    }
    if question.option(&question.is).is_none() {
        let names: Vec<&str> = question.options.iter().map(|it| it.name.as_str()).collect();
        let found = format!("\"{}\" is none of the options", question.is);
        let problem = Problem::new(answer, found).expected(format!("one of {}", names.join(", ")));
        return Err(with_suggestion(problem, nearest(&question.is, names)));
    }
    Ok(())
}

/// Ids and names of options are typed, and stand in files of answers.
fn word(name: &str, key: &str) -> Checked {
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase());
    let goes_on = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    match begins && name.chars().all(goes_on) {
        true => Ok(()),
        false => Err(Problem::new([key], format!("\"{name}\"")).expected(
            "lower-case letters, digits and hyphens, with a letter first, such as acks-1",
        )),
    }
}

fn text<S: AsRef<str>>(said: &str, path: &[S]) -> Checked {
    match said.trim() {
        "" => Err(Problem::new(path, "an empty text").expected("something for the reader")),
        _ => writing(path.iter().map(|it| it.as_ref().to_owned()).collect(), said),
    }
}
