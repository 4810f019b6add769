//! One broken rule: the plan in which it matters, and the property that notices.

use kafka_trial::plan::Plan;
use kafka_trial::protocol::rules::Rules;
use kafka_trial::run::{Report, Run};
use kafka_trial::scenario;

pub struct Case {
    /// The rule, as in `truncation=hw`.
    pub broken: &'static str,
    /// Rules of the time in which it mattered, where today's would make up for it.
    pub era: &'static str,
    pub noticed_by: &'static str,
    /// A scenario without its head.
    pub plan: String,
}

impl Case {
    pub fn check(&self) {
        self.compare(None);
    }

    /// In an era that breaks this property by itself: it is not asked.
    pub fn check_beside(&self, broken_by_era: &str) {
        self.compare(Some(broken_by_era));
    }

    fn compare(&self, left_out: Option<&str>) {
        let mut plan = self.plan();
        plan.rules = rules(self.era);
        let sound = play(&plan, left_out);
        assert_eq!(told(&sound), Vec::<String>::new(), "nothing is broken yet");
        assert_eq!(sound.stopped, None);

        plan.rules = rules(&format!("{} {}", self.era, self.broken));
        let broken = play(&plan, left_out);
        let told = told(&broken);
        let by = told.first().map_or("", String::as_str);
        assert!(
            by.starts_with(self.noticed_by),
            "{} was to be noticed by \"{}\", and was by {told:?}",
            self.broken,
            self.noticed_by
        );
    }

    fn plan(&self) -> Plan {
        let length = match self.plan.contains("duration:") {
            true => "",
            false => "duration: 60s\n",
        };
        let text = format!(
            "format: 1\nname: broken-broker\nabout: A rule is broken.\n{length}{}",
            self.plan
        );
        let loaded = scenario::load("broken.yaml", text.into_bytes(), &[]);
        loaded.unwrap_or_else(|errors| panic!("{errors:?}")).plan
    }
}

fn rules(text: &str) -> Rules {
    Rules::parse(text).unwrap_or_else(|| panic!("no such rules: {text}"))
}

fn play(plan: &Plan, left_out: Option<&str>) -> Report {
    let mut run = Run::start(plan, plan.seed).expect("a plan that can be built");
    if let Some(property) = left_out {
        run.leave_out_property(property);
    }
    run.until(run.end());
    run.finish()
}

/// What broke, each with its property.
fn told(report: &Report) -> Vec<String> {
    let violations = report.violations.iter();
    let broken = violations.map(|broken| format!("{}: {}", broken.property, broken.sentence));
    let failed = report.outcomes.iter().filter(|outcome| outcome.failed());
    let expected = failed.map(|outcome| format!("{}: {}", outcome.sentence, outcome.figures));
    broken.chain(expected).collect()
}
