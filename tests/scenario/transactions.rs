//! Transactions are not modelled: whoever asks for one is told so, and where. CG7, CP48, CP49, CX12.

use super::command_line::{Scratch, text, trial};

/// What is refused: status, and the first line with the line that it points at.
fn refused(arguments: &[&str]) -> String {
    let output = trial(arguments);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert_eq!(text(&output.stdout), "", "nothing is run");
    assert_eq!(told.matches("error: ").count(), 1, "{told}");
    told
}

#[test]
fn cg7_cp48_cp49_cx12_transactions_are_refused_where_somebody_asks_for_one() {
    let scratch = Scratch::new("transactions");
    let scenario = |name: &str, of_cluster: &str, of_producer: &str, timeline: &str| {
        let text = format!(
            "format: 1\nname: {name}\nabout: A.\nduration: 10s\n\
             cluster: {{brokers: 3{of_cluster}}}\ntopics: {{t: {{}}}}\nproducers:\n  \
             p: {{topic: t, every: 1s{of_producer}}}\n{timeline}"
        );
        scratch.file(&format!("{name}.yaml"), text)
    };

    // A producer's settings, in its own config.
    for (setting, value) in [
        ("transactional.id", "tx"),
        ("transaction.timeout.ms", "60000"),
    ] {
        let file = scenario("a", "", &format!(", config: {{{setting}: {value}}}"), "");
        let place = format!("{file}:8:37: {setting}: transactions are not modelled\n");
        for command in ["check", "run"] {
            let told = refused(&[command, &file]);
            assert!(told.starts_with(&format!("error: {place}")), "{told}");
        }
    }
    // Beside its config, and what applications do with one.
    let file = scenario("b", "", ", transactional.id: tx", "");
    let told = refused(&["check", &file]);
    let place = format!("{file}:8:28: \"transactional.id\": transactions are not modelled");
    assert!(told.contains(&place), "{told}");
    let file = scenario("c", "", "", "timeline: [{at: 1s, begin transaction: p}]\n");
    let told = refused(&["check", &file]);
    assert!(told.contains(&format!("{file}:9:")), "{told}");
    assert!(told.contains("transactions are not modelled"), "{told}");

    // By --set: for all producers, and for one.
    let file = scenario("d", "", "", "");
    for (command, set, said) in [
        ("compare", "transactional.id=a,b", "transactional.id"),
        (
            "compare",
            "transaction.timeout.ms=1000",
            "transaction.timeout.ms",
        ),
        (
            "run",
            "+producers/p/config/transactional.id=tx",
            "transactional.id",
        ),
    ] {
        let told = refused(&[command, &file, "--set", set]);
        let told_of = format!("{said}: transactions are not modelled\n");
        assert!(told.starts_with("error: --set:1:21: "), "{told}");
        assert!(told.contains(&told_of), "{told}");
    }

    // What only keeps a transaction's state changes no run without one, and is said to do nothing.
    let file = scenario("e", ", config: {transaction.state.log.min.isr: 1}", "", "");
    let output = trial(&["check", &file]);
    assert_eq!(output.status.code(), Some(0));
    let warning = "5:32: transaction.state.log.min.isr is not modelled, and changes nothing here";
    let told = text(&output.stderr);
    assert!(told.contains(warning), "{told}");
}

#[test]
fn cp48_cp49_cx12_recordings_of_transactions_are_named_as_skipped() {
    let recorded = ["txn_commit_abort", "txn_fenced"];
    let files = recorded.map(|name| format!("tests/vectors/kafka/clients/{name}.json"));
    let output = trial(&["conform", &files[0], &files[1]]);
    let told = recorded.map(|name| {
        format!(
            "skipped  {name}: transactions are not modelled: a client's own `init_transactions` is not played\n"
        )
    });
    assert_eq!(text(&output.stdout), told.concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}
