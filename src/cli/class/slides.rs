//! The slides of a lesson: who is in it, what is to be seen when it asks, and its questions, without the answers. Its idea
//! tells how it ends, and comes afterwards, with the figures that show it.

use super::lesson::{Lesson, letter};
use super::setting;
use crate::figure::{Picture, Words, asking, saying, showing};
use crate::plan::write_duration;
use crate::report::Part;
use crate::scenario::Diagnostic;

/// Each with the word that its file is called by.
pub(super) fn of(lesson: &Lesson) -> Result<Vec<(String, Picture)>, Diagnostic> {
    let plan = &lesson.plan;
    let asks = !plan.predict.is_empty();
    let foot = foot(lesson, if asks { "predict" } else { "run" });
    let foot = foot.as_str();
    let title = titled(&plan.name);
    let setting = saying(
        &Words {
            title: &title,
            foot,
        },
        &setting::of(plan),
    );
    let mut slides = vec![("setting".to_owned(), setting)];
    if !asks {
        slides.push(idea(lesson));
        let heading = Words {
            title: &title,
            foot,
        };
        slides.push(("figure".to_owned(), showing(&heading, lesson.whole()?)));
    }
    let mut shown = None;
    for asked in lesson.asked() {
        let at = asked.prediction.at;
        if asked.part == Part::Predict && shown != Some(at) {
            if let Some(figure) = lesson.before(asked.prediction)? {
                let heading = format!("{title}: up to {}", write_duration(at));
                slides.push((
                    "figure".to_owned(),
                    showing(
                        &Words {
                            title: &heading,
                            foot,
                        },
                        figure,
                    ),
                ));
            }
            shown = Some(at);
        }
        let options = (0..).zip(&asked.question.options);
        let options: Vec<_> = options
            .map(|(place, it)| (letter(place).to_string(), it.say.clone()))
            .collect();
        let what = match asked.part {
            Part::Predict => "question",
            Part::Reason => "why",
            Part::Recall => "afterwards",
        };
        let heading = asked.heading();
        slides.push((
            what.to_owned(),
            asking(
                &Words {
                    title: &heading,
                    foot,
                },
                asked.on_a_slide(),
                &options,
            ),
        ));
    }
    Ok(slides)
}

/// What is shown when all have answered, with the name that a file is called by: the idea, and the figure of each question.
pub(super) fn afterwards(lesson: &Lesson) -> Result<Vec<(String, Picture)>, Diagnostic> {
    let foot = foot(lesson, "play");
    let title = titled(&lesson.plan.name);
    let mut slides = Vec::new();
    for (id, figure) in lesson.revealed()? {
        let words = Words {
            title: &title,
            foot: &foot,
        };
        slides.push((id, showing(&words, figure)));
    }
    slides.push(idea(lesson));
    Ok(slides)
}

fn idea(lesson: &Lesson) -> (String, Picture) {
    let words = Words {
        title: &titled(&lesson.plan.name),
        foot: &foot(lesson, "run"),
    };
    (
        "idea".to_owned(),
        saying(&words, std::slice::from_ref(&lesson.plan.about)),
    )
}

fn foot(lesson: &Lesson, verb: &str) -> String {
    format!("trial {verb} {} --seed {}", lesson.name(), lesson.plan.seed)
}

/// "leader-crash" as a heading.
fn titled(name: &str) -> String {
    let mut letters = name.replace('-', " ").chars().collect::<Vec<_>>();
    if let Some(first) = letters.first_mut() {
        *first = first.to_ascii_uppercase();
    }
    letters.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::inputs;
    use crate::scenario::SHIPPED;

    /// No text of a slide lies upon another, nothing outside; and there is a slide a question.
    #[test]
    fn slides_of_shipped_scenarios_are_well_made() {
        let asks = SHIPPED.iter().filter(|it| it.text.contains("\npredict:"));
        for shipped in asks.filter(|it| !it.path.starts_with("13")) {
            let loaded = inputs::load(shipped.name(), shipped.text.into(), &[]);
            let plan = loaded.unwrap_or_else(|error| panic!("{error}")).plan;
            let lesson = Lesson::new(shipped.name().to_owned(), plan);
            let slides = of(&lesson).unwrap_or_else(|error| panic!("{error}"));
            let is_figure = |what: &str| what == "setting" || what == "figure";
            let questions = slides.iter().filter(|(what, _)| !is_figure(what)).count();
            assert_eq!(questions, lesson.asked().count(), "{}", shipped.path);
            let afterwards = afterwards(&lesson).unwrap_or_else(|error| panic!("{error}"));
            let figures = lesson.plan.predict.iter().filter(|it| it.reveal.is_some());
            assert_eq!(afterwards.len(), figures.count() + 1, "{}", shipped.path);
            for (what, slide) in slides.into_iter().chain(afterwards) {
                assert_eq!(
                    slide.faults(),
                    Vec::<String>::new(),
                    "{} {what}",
                    shipped.path
                );
            }
        }
    }
}
