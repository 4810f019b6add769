//! Questions as a plan may ask them, for `round_trip`.

use super::round_trip::{SECONDS, expected, words};
use kafka_trial::kernel::Duration;
use kafka_trial::plan::*;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// Ids are unique within a plan.
pub fn predictions() -> impl Strategy<Value = Vec<Prediction>> {
    vec(prediction(), 0..3).prop_map(|mut predictions| {
        for (i, prediction) in predictions.iter_mut().enumerate() {
            prediction.id = format!("{}-{i}", prediction.id);
        }
        predictions
    })
}

fn question() -> impl Strategy<Value = Question> {
    let misconception = (0..MISCONCEPTIONS.len()).prop_map(|i| MISCONCEPTIONS[i].0.to_owned());
    let choice = (said(), option::of(misconception));
    (said(), vec(choice, 2..5), any::<usize>()).prop_map(|(ask, choices, right)| {
        let right = right % choices.len();
        let option = |(i, (say, misconception)): (usize, (String, Option<String>))| Choice {
            name: format!("option-{i}"),
            say,
            misconception: misconception.filter(|_| i != right),
        };
        Question {
            ask,
            options: choices.into_iter().enumerate().map(option).collect(),
            is: format!("option-{right}"),
        }
    })
}

/// Not empty.
fn said() -> impl Strategy<Value = String> {
    words().prop_map(|text| format!("{text}."))
}

fn prediction() -> impl Strategy<Value = Prediction> {
    let recall = (question(), expected()).prop_map(|(question, when)| Recall { question, when });
    let reveal = (
        said(),
        option::of(words()),
        option::of(words()),
        option::of(0..600u64),
    );
    let reveal = reveal.prop_map(|(kind, around, partition, at)| Reveal {
        kind,
        around,
        partition,
        at: at.map(|at| Duration(at * SECONDS)),
    });
    (
        "[a-z][a-z0-9-]{0,8}",
        0..600u64,
        (question(), expected()),
        option::of(question()),
        option::of(recall),
        option::of(reveal),
        option::of(said()),
    )
        .prop_map(
            |(id, at, (question, when), reason, recall, reveal, then_try)| Prediction {
                id,
                at: Duration(at * SECONDS),
                question,
                when,
                reason,
                recall,
                reveal,
                then_try,
            },
        )
}
