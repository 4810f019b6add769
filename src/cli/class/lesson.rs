//! A scenario as a lesson: what is asked in it, what a run says to that, and its figures, before and after.

use crate::check::Outcome;
use crate::cli::chart;
use crate::cli::run::quoted;
use crate::figure::{Kind, Picture, Recording, Wanted, chosen};
use crate::kernel::{Duration, Time};
use crate::plan::{Plan, Prediction, Question, Reveal, write_duration};
use crate::protocol::TopicPartition;
use crate::report::Part;
use crate::run::{Report, run};
use crate::scenario::Diagnostic;

pub(super) struct Lesson {
    /// As the user named it.
    file: String,
    pub(super) plan: Plan,
}

/// One question of a prediction, and the sentence by which a run judges its answer; a reason has none.
pub(super) struct Asked<'a> {
    pub(super) prediction: &'a Prediction,
    pub(super) part: Part,
    pub(super) question: &'a Question,
}

/// A run before a question needs at least so much to show anything.
const LEAST: Duration = Duration::from_secs(3);

impl Lesson {
    pub(super) fn new(file: String, plan: Plan) -> Lesson {
        Lesson { file, plan }
    }

    /// As a command line names it.
    pub(super) fn name(&self) -> String {
        quoted(&self.file)
    }

    /// All questions, those of a prediction together.
    pub(super) fn asked(&self) -> impl Iterator<Item = Asked<'_>> {
        self.plan.predict.iter().flat_map(|prediction| {
            let reason = prediction.reason.as_ref();
            let recall = prediction.recall.as_ref().map(|it| &it.question);
            [
                (Part::Predict, Some(&prediction.question)),
                (Part::Reason, reason),
                (Part::Recall, recall),
            ]
            .into_iter()
            .filter_map(move |(part, question)| {
                let question = question?;
                Some(Asked {
                    prediction,
                    part,
                    question,
                })
            })
        })
    }

    pub(super) fn play(&self, seed: u64) -> Result<Report, Diagnostic> {
        run(&self.plan, seed)
            .map_err(|error| Diagnostic::about_file(self.file.as_str(), error.to_string()))
    }

    /// What a run says to each question that it judges.
    pub(super) fn judged<'a>(
        &'a self,
        report: &'a Report,
    ) -> impl Iterator<Item = (Asked<'a>, &'a Outcome)> {
        let asked = self.asked().filter(|it| it.part != Part::Reason);
        asked.zip(&report.answers)
    }

    /// What there is to see when a question is asked, of a run that has come no further: so no figure gives an answer away.
    pub(super) fn before(&self, prediction: &Prediction) -> Result<Option<Picture>, Diagnostic> {
        if prediction.at < LEAST {
            return Ok(None);
        }
        let mut plan = self.plan.clone();
        plan.until = Some(Duration(prediction.at.0 - 1));
        let reveal = prediction.reveal.as_ref();
        let first = reveal.and_then(|it| Kind::named(&it.kind));
        let partition = reveal.map(partition_of).transpose()?.flatten();
        self.most_telling(&plan, first, partition).map(Some)
    }

    /// Of a run about which nothing is asked.
    pub(super) fn whole(&self) -> Result<Picture, Diagnostic> {
        self.most_telling(&self.plan, None, None)
    }

    fn most_telling(
        &self,
        plan: &Plan,
        first: Option<Kind>,
        partition: Option<TopicPartition>,
    ) -> Result<Picture, Diagnostic> {
        let recording = self.recording(plan)?;
        let wanted = Wanted {
            partition,
            at: plan.until.map(|until| Time::ZERO + until),
            ..Wanted::default()
        };
        let mut drawn: Vec<Picture> = Vec::new();
        for kind in first.into_iter().chain(chosen(&recording)) {
            let any = Wanted::default();
            let picture = (kind.draw(&recording, &wanted)).or_else(|_| kind.draw(&recording, &any));
            drawn.extend(picture.ok());
        }
        // Who sits in the last row reads letters that are not much smaller than the slide's.
        let fits = |it: &&Picture| it.height <= 560 && it.width <= 1_150;
        let fitting = drawn.iter().find(fits).cloned();
        let smallest = || {
            drawn
                .into_iter()
                .min_by_key(|it| it.height.max(it.width / 2))
        };
        fitting.or_else(smallest).ok_or_else(|| {
            Diagnostic::about_file(self.file.as_str(), "nothing in its run can be drawn")
        })
    }

    /// The figure of each prediction that has one, by the prediction's id.
    pub(super) fn revealed(&self) -> Result<Vec<(String, Picture)>, Diagnostic> {
        let with_figures = self.plan.predict.iter().filter(|it| it.reveal.is_some());
        if with_figures.clone().next().is_none() {
            return Ok(Vec::new());
        }
        let recording = self.recording(&self.plan)?;
        let mut drawn = Vec::new();
        for prediction in with_figures {
            let Some(reveal) = &prediction.reveal else {
                continue;
            };
            let around = reveal.around.as_deref().map(chart::around).transpose()?;
            let wanted = Wanted {
                around,
                partition: partition_of(reveal)?,
                at: reveal.at.map(|at| Time::ZERO + at),
                ..Wanted::default()
            };
            let picture = Kind::named(&reveal.kind).map(|kind| kind.draw(&recording, &wanted));
            if let Some(Ok(picture)) = picture {
                drawn.push((prediction.id.clone(), picture));
            }
        }
        Ok(drawn)
    }

    fn recording(&self, plan: &Plan) -> Result<Recording, Diagnostic> {
        Recording::of_run(plan, plan.seed, true)
            .map_err(|error| Diagnostic::about_file(self.file.as_str(), error.to_string()))
    }
}

impl Asked<'_> {
    /// When it is asked, or what for.
    pub(super) fn heading(&self) -> String {
        match self.part {
            Part::Predict => format!(
                "At {}: what will happen?",
                write_duration(self.prediction.at)
            ),
            Part::Reason => "And why?".to_owned(),
            Part::Recall => "Afterwards: what happened?".to_owned(),
        }
    }

    /// In one line.
    pub(super) fn on_paper(&self) -> String {
        match self.part {
            Part::Reason => self.question.ask.clone(),
            _ => format!("{} {}", self.heading(), self.question.ask),
        }
    }

    /// On a slide of its own: a bare "Why?" says what it asks about.
    pub(super) fn on_a_slide(&self) -> &str {
        match self.part {
            Part::Reason if !self.question.ask.contains(' ') => &self.prediction.question.ask,
            _ => &self.question.ask,
        }
    }

    /// The right option's place.
    pub(super) fn right(&self) -> usize {
        let mut options = self.question.options.iter();
        options
            .position(|it| it.name == self.question.is)
            .unwrap_or_default()
    }
}

/// A, B, C: what stands on paper.
pub(super) fn letter(place: usize) -> char {
    char::from(b'A' + u8::try_from(place).unwrap_or(25).min(25))
}

fn partition_of(reveal: &Reveal) -> Result<Option<TopicPartition>, Diagnostic> {
    let partition = reveal
        .partition
        .as_deref()
        .map(chart::partition)
        .transpose();
    let partition = partition.map_err(|why| Diagnostic::about_file("reveal", why))?;
    Ok(partition.map(|(topic, number)| TopicPartition::new(topic, number)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::inputs;
    use crate::figure::Shape;

    fn words_of(picture: &Picture) -> String {
        let texts = picture.parts.iter().filter_map(|part| match &part.shape {
            Shape::Text { text, .. } => Some(text.as_str()),
            _ => None,
        });
        texts.collect::<Vec<_>>().join("\n")
    }

    /// The leader dies at 30 s, when the question is asked.
    #[test]
    fn what_is_seen_before_a_question_tells_nothing_of_what_comes() {
        let input = inputs::shipped_as("leader-crash").unwrap_or_else(|error| panic!("{error}"));
        let loaded = inputs::load(&input.name, input.bytes, &[]);
        let plan = loaded.unwrap_or_else(|error| panic!("{error}")).plan;
        let lesson = Lesson::new(input.name, plan);
        let before = lesson.before(&lesson.plan.predict[0]);
        let before = before.unwrap_or_else(|error| panic!("{error}"));
        let before = words_of(&before.expect("there is something to see"));
        let after = lesson.revealed().unwrap_or_else(|error| panic!("{error}"));
        let after = words_of(&after[0].1);
        assert!(after.contains("crash of broker-3"), "{after}");
        assert!(!before.contains("crash of"), "{before}");
    }
}
