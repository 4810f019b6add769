//! Files of answers: a JSON line each, so that they can be appended, put together and counted.

use super::Answered;
use crate::cli::inputs;
use crate::cli::terminal::in_a_line;
use crate::plan::Question;
use crate::report::Verdict;
use crate::report::{Answer, Part};
use crate::scenario::{Diagnostic, Excerpt};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// What all answers of a sitting have in common.
pub(super) struct Sitting<'a> {
    pub(super) scenario: &'a str,
    pub(super) seed: u64,
    pub(super) who: Option<&'a str>,
}

impl Sitting<'_> {
    /// The lines of one prediction. Where the run does not give the answer of the text, nothing is right or
    /// wrong, and nothing is said.
    pub(super) fn lines(&self, answered: &Answered<'_>, verdict: &Verdict) -> Vec<Answer> {
        let prediction = answered.prediction;
        let recall = prediction.recall.as_ref().map(|recall| &recall.question);
        let reason = prediction
            .reason
            .as_ref()
            .filter(|_| !verdict.of_predict.failed());
        let of_recall = verdict.of_recall.as_ref();
        let recall = recall.filter(|_| !of_recall.is_some_and(|it| it.failed()));
        let question = Some(&prediction.question).filter(|_| !verdict.of_predict.failed());
        let parts = [
            (Part::Predict, question, Some(answered.predict)),
            (Part::Reason, reason, answered.reason),
            (Part::Recall, recall, answered.recall),
        ];
        let answer = |(part, question, place): (Part, Option<&Question>, Option<usize>)| {
            let question = question?;
            let option = &question.options[place?];
            Some(Answer {
                scenario: self.scenario.to_owned(),
                id: prediction.id.clone(),
                part,
                option: option.name.clone(),
                right: option.name == question.is,
                misconception: option.misconception.clone(),
                seed: self.seed,
                version: env!("CARGO_PKG_VERSION").to_owned(),
                who: self.who.map(str::to_owned),
            })
        };
        parts.into_iter().filter_map(answer).collect()
    }
}

/// A name that stands in one line.
pub(super) fn person(text: &str) -> Result<String, String> {
    match text.trim().is_empty() || text.contains(char::is_control) {
        true => Err("expected a name without line breaks and other control characters".to_owned()),
        false => Ok(text.to_owned()),
    }
}

/// A file to which answers are appended.
pub(super) struct AnswerFile {
    path: PathBuf,
    file: File,
}

impl AnswerFile {
    /// Before the first question: nobody is to answer for nothing.
    pub(super) fn open(path: &Path) -> Result<AnswerFile, Diagnostic> {
        let file = OpenOptions::new().create(true).append(true).open(path);
        let file = file.map_err(|error| {
            let what = format!("answers cannot be appended: {}", inputs::reason(&error));
            Diagnostic::about_file(path.display().to_string(), what)
        })?;
        Ok(AnswerFile {
            path: path.to_owned(),
            file,
        })
    }

    pub(super) fn append(&mut self, answers: &[Answer]) -> Result<(), Diagnostic> {
        let lines: String = answers.iter().map(|it| it.to_json() + "\n").collect();
        self.file.write_all(lines.as_bytes()).map_err(|error| {
            let what = format!("answers cannot be appended: {error}");
            Diagnostic::about_file(self.path.display().to_string(), what)
        })
    }
}

/// The answers of a file.
pub(in crate::cli) fn read(name: &str) -> Result<Vec<Answer>, Diagnostic> {
    let input = inputs::other_file(name, 1 << 28)?;
    let text = String::from_utf8(input.bytes)
        .map_err(|_| Diagnostic::about_file(name, "this is no text in UTF-8").expected(EXPECTED))?;
    let lines = (1..).zip(text.lines());
    let answers = lines.filter(|(_, line)| !line.trim().is_empty());
    let answers = answers.map(|(number, line)| {
        let answer = Answer::of_json(line).map(in_plain_letters);
        answer.map_err(|(column, found)| Diagnostic {
            excerpt: Some(Excerpt {
                line: number,
                column: line
                    .get(..column.saturating_sub(1))
                    .map_or(1, |before| before.chars().count() + 1),
                text: line.to_owned(),
                length: 1,
            }),
            ..Diagnostic::about_file(name, found).expected(EXPECTED)
        })
    });
    answers.collect()
}

/// Anybody may have written it: nothing in it ends a line, or moves the cursor of who reads what is said of it.
fn in_plain_letters(mut answer: Answer) -> Answer {
    let texts = [
        &mut answer.scenario,
        &mut answer.id,
        &mut answer.option,
        &mut answer.version,
    ];
    let texts = texts
        .into_iter()
        .chain(&mut answer.misconception)
        .chain(&mut answer.who);
    for text in texts {
        *text = in_a_line(text).into_owned();
    }
    answer
}

const EXPECTED: &str = "lines that \"trial predict --out\" has written";
