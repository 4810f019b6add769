//! Predictions as a document says them.

use super::expected;
use crate::plan::{Choice, Expected, Prediction, Question};
use crate::scenario::document as doc;
use crate::scenario::words::{Ordered, Time};

pub(super) fn prediction(plan: &Prediction) -> doc::Predict {
    doc::Predict {
        id: plan.id.clone(),
        at: Time(plan.at),
        ask: plan.question.ask.clone(),
        options: options(&plan.question),
        answer: answer(&plan.question, &plan.when),
        reason: plan.reason.as_ref().map(|reason| doc::Reason {
            ask: reason.ask.clone(),
            options: options(reason),
            is: reason.is.clone(),
        }),
        recall: plan.recall.as_ref().map(|recall| doc::Recall {
            ask: recall.question.ask.clone(),
            options: options(&recall.question),
            answer: answer(&recall.question, &recall.when),
        }),
        reveal: plan.reveal.as_ref().map(|reveal| doc::Reveal {
            kind: reveal.kind.clone(),
            around: reveal.around.clone(),
            partition: reveal.partition.clone(),
            at: reveal.at.map(Time),
        }),
        then_try: plan.then_try.clone(),
    }
}

fn options(question: &Question) -> Ordered<doc::Choice> {
    let option = |option: &Choice| {
        let said = doc::Choice {
            say: option.say.clone(),
            misconception: option.misconception.clone(),
        };
        (option.name.clone(), said)
    };
    Ordered(question.options.iter().map(option).collect())
}

fn answer(question: &Question, when: &Expected) -> doc::Answer {
    doc::Answer {
        is: question.is.clone(),
        when: expected(when),
    }
}
