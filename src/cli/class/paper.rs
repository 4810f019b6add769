//! What is on paper: the questions for students, and the key for the lecturer.

use super::lesson::{Lesson, letter};
use super::seeds::Seeds;
use super::setting;
use crate::check::Judgement;
use crate::plan::misconception;
use crate::report::{Part, code_in_markdown, in_markdown};
use crate::scenario::Diagnostic;
use std::fmt::Write;

/// No answer, and a place for a name.
pub(super) fn questions(lessons: &[Lesson]) -> String {
    let mut text = "# Questions\n\nName: ______________________________   Seed: ______________\n\n\
                    Answer before you see the run. Nobody counts how many are right; what counts is the reason.\n"
        .to_owned();
    for (number, lesson) in (1..).zip(asking(lessons)) {
        let _ = write!(
            text,
            "\n## {number}. {}\n\n{}\n\nTo be asked by the run itself: {}\n",
            lesson.plan.name,
            in_markdown(&setting::of(&lesson.plan).join(" ")),
            code_in_markdown(&format!(
                "trial predict {} --seed SEED --out answers.jsonl --as NAME",
                lesson.name()
            ))
        );
        for (place, asked) in (1..).zip(lesson.asked()) {
            let _ = write!(
                text,
                "\n**{number}.{place}** {}\n\n",
                in_markdown(&asked.on_paper())
            );
            for (place, option) in (0..).zip(&asked.question.options) {
                let _ = writeln!(
                    text,
                    "- [ ] {}: {}",
                    letter(place),
                    in_markdown(&option.say)
                );
            }
            if asked.part != Part::Reason {
                text += "\nFigures of my run: ______________________________\n";
            }
        }
    }
    text
}

/// Those in which anything is asked.
pub(super) fn asking(lessons: &[Lesson]) -> impl Iterator<Item = &Lesson> {
    lessons.iter().filter(|it| !it.plan.predict.is_empty())
}

/// What is right, why, and what is believed by who says otherwise. `figures`: scenario, prediction and file of each.
pub(super) fn key(
    lessons: &[Lesson],
    seeds: &Seeds,
    figures: &[(String, String, String)],
) -> Result<String, Diagnostic> {
    let mut text = "# Key\n\nNot for students. What is right is what the run says with the seed that is named.\n".to_owned();
    for (number, lesson) in (1..).zip(asking(lessons)) {
        let plan = &lesson.plan;
        let _ = write!(
            text,
            "\n## {number}. {} (seed {})\n\n{}\n",
            plan.name,
            plan.seed,
            in_markdown(&plan.about)
        );
        let report = lesson.play(plan.seed)?;
        for (place, asked) in (1..).zip(lesson.asked()) {
            let right = asked.right();
            let _ = write!(
                text,
                "\n**{number}.{place}** {}\n\n",
                in_markdown(&asked.on_paper())
            );
            for (place, option) in (0..).zip(&asked.question.options) {
                let mark = if place == right { "**right**: " } else { "" };
                let _ = writeln!(
                    text,
                    "- {} ({}): {mark}{}",
                    letter(place),
                    in_markdown(&option.name),
                    in_markdown(&option.say)
                );
                let believed = option.misconception.as_deref();
                if let Some(explained) = believed.and_then(misconception) {
                    let _ = writeln!(
                        text,
                        "  - {}: {explained}",
                        code_in_markdown(believed.unwrap_or_default())
                    );
                }
            }
            let mut judged = lesson.judged(&report);
            let outcome = judged
                .find(|(it, _)| it.prediction.id == asked.prediction.id && it.part == asked.part);
            if let Some((_, outcome)) = outcome {
                let _ = write!(
                    text,
                    "\nThe run: {} — {}.\n",
                    in_markdown(&outcome.sentence),
                    in_markdown(&outcome.figures)
                );
                if outcome.judgement != Judgement::Held {
                    text += "With this seed the run says otherwise: do not use it.\n";
                }
                if let Some(because) = &outcome.because {
                    let _ = write!(text, "\nBecause: {}\n", in_markdown(because));
                }
            }
            let is_of =
                |it: &&(String, String, String)| it.0 == plan.name && it.1 == asked.prediction.id;
            if let Some((_, id, file)) = figures
                .iter()
                .find(is_of)
                .filter(|_| asked.part == Part::Predict)
            {
                let _ = write!(
                    text,
                    "\n![What the run shows of {}]({file})\n",
                    in_markdown(id)
                );
            }
            if asked.part == Part::Predict
                && let Some(line) = &asked.prediction.then_try
            {
                let _ = write!(text, "\nThen try: {}\n", code_in_markdown(line));
            }
        }
    }
    text += "\n## Grading\n\n`trial class --grade answers.jsonl` holds each answer of `trial predict --out` against the run of its seed. \
             Its exit status is 0 if all is answered and right, 1 if not, 2 if a file cannot be used.\n";
    text += &seeds.in_words();
    Ok(text)
}
