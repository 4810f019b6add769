//! Questions of scenarios as text: what is asked, and each option to be opened, with what the run says to it.

use crate::make::At;
use crate::scenarios;
use kafka_trial::plan::{Choice, Prediction, Question, misconception, write_duration};
use kafka_trial::report::{code_in_markdown, in_markdown};
use kafka_trial::run;

/// What a run says to each answer, in the order of the plan's answers.
pub type Answers = Vec<Shown>;

#[derive(Clone)]
pub struct Shown {
    sentence: String,
    figures: String,
    agrees: bool,
}

/// What is asked before it happens, and why.
pub fn asked(at: &At<'_>, scenario: &str, id: &str) -> Result<String, String> {
    let prediction = scenarios::prediction(scenario, id)?;
    let shown = shown(at, scenario, &prediction, false)?;
    let mut text = format!(
        "**Predict.** After {} of `{scenario}`: {}\n\n",
        write_duration(prediction.at),
        in_markdown(&prediction.question.ask)
    );
    push_options(&mut text, &prediction.question, Some(&shown));
    if let Some(reason) = &prediction.reason {
        text.push_str(&format!("\n**{}**\n\n", in_markdown(&reason.ask)));
        push_options(&mut text, reason, None);
    }
    Ok(text)
}

/// What is asked after it has happened.
pub fn recalled(at: &At<'_>, scenario: &str, id: &str) -> Result<String, String> {
    let prediction = scenarios::prediction(scenario, id)?;
    let recall = prediction
        .recall
        .as_ref()
        .ok_or("this question asks nothing afterwards")?;
    let shown = shown(at, scenario, &prediction, true)?;
    let mut text = format!(
        "**Looking back.** {}\n\n",
        in_markdown(&recall.question.ask)
    );
    push_options(&mut text, &recall.question, Some(&shown));
    Ok(text)
}

/// The knob to turn.
pub fn tried(scenario: &str, id: &str) -> Result<String, String> {
    let prediction = scenarios::prediction(scenario, id)?;
    let line = prediction
        .then_try
        .ok_or("this question offers nothing to try")?;
    Ok(format!("Then try: {}\n", code_in_markdown(&line)))
}

fn push_options(text: &mut String, question: &Question, shown: Option<&Shown>) {
    for option in &question.options {
        text.push_str(&format!(
            "<details>\n<summary>{}</summary>\n\n{}\n\n</details>\n",
            in_html(option.say.trim()),
            said_to(option, question, shown)
        ));
    }
}

/// What stands within a tag is no Markdown.
fn in_html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

fn said_to(option: &Choice, question: &Question, shown: Option<&Shown>) -> String {
    let run = shown.map_or_else(String::new, |shown| {
        format!(
            " The run: {}; {}.",
            in_markdown(&shown.sentence),
            in_markdown(&shown.figures)
        )
    });
    if option.name == question.is {
        return format!("Yes.{run}");
    }
    let believed = option.misconception.as_deref().and_then(misconception);
    match believed {
        Some(explained) => format!("No. {explained}{run}"),
        None => {
            let right = question
                .option(&question.is)
                .map_or_else(String::new, |it| in_markdown(&it.say));
            format!("No. {right}{run}")
        }
    }
}

/// What the run says, which must be what the text says.
fn shown(
    at: &At<'_>,
    scenario: &str,
    prediction: &Prediction,
    recall: bool,
) -> Result<Shown, String> {
    let plan = scenarios::plan(scenario)?;
    let mut place = 0;
    for other in &plan.predict {
        if other.id == prediction.id {
            break;
        }
        place += 1 + usize::from(other.recall.is_some());
    }
    place += usize::from(recall);
    let mut known = at.answers.borrow_mut();
    if !known.contains_key(scenario) {
        let report = run::run(&plan, plan.seed).map_err(|error| error.to_string())?;
        let answers = report.answers.iter().map(|outcome| Shown {
            sentence: outcome.sentence.clone(),
            figures: outcome.figures.clone(),
            agrees: !outcome.failed(),
        });
        known.insert(scenario.to_owned(), answers.collect());
    }
    let shown = known[scenario]
        .get(place)
        .cloned()
        .ok_or("the run answers less than it asks")?;
    match shown.agrees {
        true => Ok(shown),
        false => Err(format!(
            "the run says otherwise: {}; {}",
            shown.sentence, shown.figures
        )),
    }
}
