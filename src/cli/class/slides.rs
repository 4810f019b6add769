//! The slides of a lesson: its idea, what is to be seen when it asks, and its questions, without the answers.

use super::lesson::{Lesson, letter};
use crate::figure::{Picture, Words, asking, saying, showing};
use crate::plan::{Plan, write_duration};
use crate::protocol::counted;
use crate::report::Part;
use crate::scenario::Diagnostic;

/// Each with the word that its file is called by.
pub(super) fn of(lesson: &Lesson) -> Result<Vec<(String, Picture)>, Diagnostic> {
    let plan = &lesson.plan;
    let verb = match plan.predict.is_empty() {
        true => "run",
        false => "predict",
    };
    let foot = format!("trial {verb} {} --seed {}", lesson.name(), plan.seed);
    let title = titled(&plan.name);
    let foot = foot.as_str();
    let mut slides = vec![(
        "idea".to_owned(),
        saying(
            &Words {
                title: &title,
                foot,
            },
            &[plan.about.clone(), town(plan)],
        ),
    )];
    if plan.predict.is_empty() {
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

/// "leader-crash" as a heading.
fn titled(name: &str) -> String {
    let mut letters = name.replace('-', " ").chars().collect::<Vec<_>>();
    if let Some(first) = letters.first_mut() {
        *first = first.to_ascii_uppercase();
    }
    letters.into_iter().collect()
}

/// Who is in it.
fn town(plan: &Plan) -> String {
    let mut parts = vec![counted(plan.cluster.brokers.len(), "broker")];
    for topic in &plan.topics {
        parts.push(format!("topic {}", topic.name));
    }
    let producers = plan.producers.iter().map(|it| &it.name);
    let consumers = plan.consumers.iter().map(|it| &it.name);
    parts.extend(producers.chain(consumers).cloned());
    format!("In it: {}.", parts.join(", "))
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
            let is_figure = |what: &str| what == "idea" || what == "figure";
            let questions = slides.iter().filter(|(what, _)| !is_figure(what)).count();
            assert_eq!(questions, lesson.asked().count(), "{}", shipped.path);
            for (what, slide) in slides {
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
