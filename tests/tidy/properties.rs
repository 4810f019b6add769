//! Every property is tested behind the dispatcher that runs have: a property that does not see what its rule
//! lives on would pass any test that calls it directly.

use crate::source::{Source, report, sources};

#[test]
fn every_property_is_tested_behind_the_dispatcher() {
    let mut faults = Vec::new();
    for source in sources("src/check") {
        faults.extend(faults_of(&source));
    }
    report(
        &faults,
        "src/check: a property's tests put it behind `testing::alone`",
    );
}

fn faults_of(source: &Source) -> Vec<String> {
    let code = source.code();
    let tests = &source.text[code.len()..];
    let mut faults = Vec::new();
    for after in code.split("impl Property for ").skip(1) {
        let name = after.split_whitespace().next().unwrap_or_default();
        // Without tests beside it, it is seen to fire in whole runs of broken code.
        if !tests.is_empty() && !tests.contains("alone(") {
            faults.push(format!("{}: {name} has no test there", source.path));
        }
        for made in tests.match_indices(&format!("{name}::")) {
            let before = &tests[..made.0];
            let is_called = ["default()", "new("]
                .iter()
                .any(|how| tests[made.0 + name.len() + 2..].starts_with(how));
            let is_put_behind = ["alone(", "Box::new("]
                .iter()
                .any(|wrapper| before.trim_end().ends_with(wrapper));
            if is_called && !is_put_behind {
                faults.push(format!("{}: {name} is called directly", source.path));
            }
        }
    }
    faults
}

#[test]
fn a_property_that_is_called_directly_is_found() {
    let source = |tests: &str| Source {
        path: "p.rs".to_owned(),
        text: format!("impl Property for P {{}}\n#[cfg(test)]\nmod tests {{\n{tests}}}"),
    };
    assert_eq!(faults_of(&source("alone(P::default());")).len(), 0);
    assert_eq!(
        faults_of(&source("alone(P::default()); P::default()")).len(),
        1
    );
    assert_eq!(faults_of(&source("let nothing = 1;")).len(), 1);
}
