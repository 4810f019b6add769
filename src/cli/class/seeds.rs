//! A seed for each student: the same questions, other figures. A seed with which a run does not give the scenario's answers, or
//! breaks what it expects, is left out.

use super::lesson::Lesson;
use super::paper::asking;
use crate::cli::terminal::Terminal;
use crate::protocol::counted;
use crate::report::in_markdown;
use crate::scenario::Diagnostic;

/// More seeds than this in a row that do not fit: the scenario lives on its own.
const MOST_LEFT_OUT: usize = 50;

#[derive(Default)]
pub(super) struct Seeds {
    given: Vec<Given>,
    /// Seed, and what is not so.
    left_out: Vec<(u64, String)>,
}

/// What one student's runs come to.
struct Given {
    seed: u64,
    answers: Vec<Row>,
}

struct Row {
    scenario: String,
    id: String,
    part: String,
    option: String,
    figures: String,
}

/// From seed 1 on.
pub(super) fn given(
    students: u32,
    lessons: &[Lesson],
    terminal: &mut Terminal,
) -> Result<Seeds, Diagnostic> {
    let mut seeds = Seeds::default();
    let mut seed = 0;
    let mut in_a_row = 0;
    while seeds.given.len() < students as usize {
        seed += 1;
        terminal.status(&format!("{} of {students} seeds", seeds.given.len()));
        match rows(seed, lessons)? {
            Ok(answers) => {
                seeds.given.push(Given { seed, answers });
                in_a_row = 0;
            }
            Err(why) => {
                in_a_row += 1;
                if in_a_row == MOST_LEFT_OUT {
                    let found = format!(
                        "{in_a_row} seeds in a row do not give its answers; of the last one: {why}"
                    );
                    return Err(Diagnostic::about_file("--students", found)
                        .expected("scenarios whose answers hold with any seed"));
                }
                seeds.left_out.push((seed, why));
            }
        }
    }
    terminal.clear_status();
    Ok(seeds)
}

/// The inner error says what is not as the scenarios have it.
fn rows(seed: u64, lessons: &[Lesson]) -> Result<Result<Vec<Row>, String>, Diagnostic> {
    let mut rows = Vec::new();
    for lesson in asking(lessons) {
        let name = &lesson.plan.name;
        let report = lesson.play(seed)?;
        let broken = report.violations.first().map(|it| it.sentence.clone());
        let failed = report
            .outcomes
            .iter()
            .find(|it| it.failed())
            .map(ToString::to_string);
        if let Some(why) = broken.or(report.stopped.clone()).or(failed) {
            return Ok(Err(format!("{name}: {why}")));
        }
        for (asked, outcome) in lesson.judged(&report) {
            if outcome.failed() {
                return Ok(Err(format!("{name}, {}: {outcome}", asked.prediction.id)));
            }
            rows.push(Row {
                scenario: name.clone(),
                id: asked.prediction.id.clone(),
                part: asked.part.to_string(),
                option: asked.question.is.clone(),
                figures: outcome.figures.clone(),
            });
        }
    }
    Ok(Ok(rows))
}

impl Seeds {
    /// For students.
    pub(super) fn list(&self) -> String {
        let mut text = "student,seed\n".to_owned();
        for (student, given) in (1..).zip(&self.given) {
            text += &format!("{student},{}\n", given.seed);
        }
        text
    }

    /// For the key: what the runs of each seed say.
    pub(super) fn answers(&self) -> String {
        let mut text = "student,seed,scenario,question,part,option,figures\n".to_owned();
        for (student, given) in (1..).zip(&self.given) {
            for row in &given.answers {
                let Row {
                    scenario,
                    id,
                    part,
                    option,
                    figures,
                } = row;
                let cells = [scenario, id, part, option, figures].map(|it| cell(it));
                text += &format!("{student},{},{}\n", given.seed, cells.join(","));
            }
        }
        text
    }

    pub(super) fn in_words(&self) -> String {
        if self.given.is_empty() {
            return String::new();
        }
        let mut text = format!(
            "\n## Seeds\n\n`seeds.csv` has a seed for {}. The right options are the same with each; the figures of each run stand in \
             `answers.csv`.\n",
            counted(self.given.len(), "student")
        );
        for (seed, why) in &self.left_out {
            text += &format!("\nSeed {seed} is left out: {}\n", in_markdown(why));
        }
        text
    }
}

/// As CSV has it.
fn cell(text: &str) -> String {
    match text.contains([',', '"', '\n']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn a_cell_is_quoted_where_it_must_be() {
        assert_eq!(cell("12 of 708"), "12 of 708");
        assert_eq!(cell("one, \"two\""), "\"one, \"\"two\"\"\"");
    }
}
