//! A scenario's own question on a page, and what the run says to an answer.

use crate::check::{Judgement, Outcome};
use crate::cli::page::Page;
use crate::plan::{Question, misconception};

/// Where an option's text begins.
const OPTION_AT: usize = 5;

/// The question and its options.
pub(super) fn put(page: &mut Page, question: &Question) {
    page.text(&question.ask);
    page.gap();
    for (number, option) in (1..).zip(&question.options) {
        page.entry(&number.to_string(), OPTION_AT, &option.say);
    }
}

/// What is so, what was said, and why that is not so.
pub(super) fn reveal(
    page: &mut Page,
    question: &Question,
    place: usize,
    outcome: Option<&Outcome>,
) {
    let taken = &question.options[place];
    if let Some(outcome) = outcome.filter(|it| it.judgement != Judgement::Held) {
        page.text(&format!(
            "You said: {} The scenario's own answer is not so in this run: {outcome}",
            taken.say
        ));
        return;
    }
    if taken.name == question.is {
        page.text(&format!("Right. {}", taken.say));
        return;
    }
    page.text(&format!("You said: {}", taken.say));
    page.text(&format!("It is: {}", question.right()));
    if let Some(explained) = taken.misconception.as_deref().and_then(misconception) {
        page.text(explained);
    }
}
