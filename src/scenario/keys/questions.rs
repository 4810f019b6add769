//! Keys of questions.

use super::forms::NAME;
use super::{Form, Room, may, must};

const OPTIONS: Form = Form::Choice(&NAME, &Form::Map(&OPTION));

pub(super) static QUESTION: Room = Room::new(
    "Question",
    "an item of `predict`",
    &[
        must(
            "id",
            Form::Written(&NAME),
            "lower-case letters, digits and hyphens; answers name it",
        ),
        must(
            "at",
            Form::Time,
            "the run pauses here, before what the timeline does at this time",
        ),
        must("ask", Form::Text, "the question"),
        must("options", OPTIONS, "at least two, by names like ids"),
        must(
            "answer",
            Form::Map(&ANSWER),
            "which option is right, and a sentence that holds if it is",
        ),
        may("reason", Form::Map(&REASON), "why it is so", "not asked"),
        may(
            "recall",
            Form::Map(&RECALL),
            "what happened, asked at the end of the run",
            "not asked",
        ),
        may(
            "reveal",
            Form::Map(&REVEAL),
            "the picture that shows it, as `trial chart` takes it",
            "none",
        ),
        may(
            "then_try",
            Form::Text,
            "a command line of `trial` that turns a knob",
            "none",
        ),
    ],
);

pub(super) static OPTION: Room = Room::new(
    "Option",
    "`options` of a question, by name",
    &[
        must("say", Form::Text, "the answer in words"),
        may(
            "misconception",
            Form::Misconception,
            "what somebody believes who takes it, where it is wrong",
            "none",
        ),
    ],
);

pub(super) static ANSWER: Room = Room::new(
    "Answer",
    "`answer` of a question or of its `recall`",
    &[
        must("is", Form::Text, "the name of the right option"),
        must(
            "when",
            Form::Expected,
            "a sentence as under `expect`, bounded in the same ways, that holds if it is right",
        ),
    ],
);

pub(super) static REASON: Room = Room::new(
    "Reason",
    "`reason` of a question",
    &[
        must("ask", Form::Text, "the question"),
        must("options", OPTIONS, "at least two, by names like ids"),
        must("is", Form::Text, "the name of the right option"),
    ],
);

pub(super) static RECALL: Room = Room::new(
    "Recall",
    "`recall` of a question",
    &[
        must("ask", Form::Text, "the question"),
        must("options", OPTIONS, "at least two, by names like ids"),
        must(
            "answer",
            Form::Map(&ANSWER),
            "which option is right, and a sentence that holds if it is",
        ),
    ],
);

pub(super) static REVEAL: Room = Room::new(
    "Reveal",
    "`reveal` of a question",
    &[
        must(
            "kind",
            Form::Text,
            "a kind of picture, by the name that `trial chart --kind` takes",
        ),
        may(
            "around",
            Form::Text,
            "a time, an event or a record that it is about",
            "the moment of the question",
        ),
        may(
            "partition",
            Form::Text,
            "the partition that it shows",
            "as `trial chart` chooses",
        ),
        may(
            "at",
            Form::Time,
            "the time that it shows",
            "as `trial chart` chooses",
        ),
    ],
);
