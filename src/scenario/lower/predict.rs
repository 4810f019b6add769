//! Predictions of a document.

use super::expected;
use crate::plan::{Choice, Prediction, Problem, Question, Recall, Reveal};
use crate::scenario::document as doc;
use crate::scenario::words::Ordered;

pub(super) fn prediction(said: doc::Predict) -> Result<Prediction, Problem> {
    let when = |problem: Problem| problem.below("when").below("answer");
    let recall = |said: doc::Recall| {
        let below = |problem: Problem| when(problem).below("recall");
        Ok(Recall {
            when: expected(said.answer.when).map_err(below)?,
            question: question(said.ask, said.options, said.answer.is),
        })
    };
    Ok(Prediction {
        id: said.id,
        at: said.at.0,
        when: expected(said.answer.when).map_err(when)?,
        question: question(said.ask, said.options, said.answer.is),
        reason: (said.reason).map(|it| question(it.ask, it.options, it.is)),
        recall: said.recall.map(recall).transpose()?,
        reveal: said.reveal.map(|it| Reveal {
            kind: it.kind,
            around: it.around,
            partition: it.partition,
            at: it.at.map(|time| time.0),
        }),
        then_try: said.then_try,
    })
}

fn question(ask: String, options: Ordered<doc::Choice>, is: String) -> Question {
    let option = |(name, said): (String, doc::Choice)| Choice {
        name,
        say: said.say,
        misconception: said.misconception,
    };
    Question {
        ask,
        options: options.0.into_iter().map(option).collect(),
        is,
    }
}
