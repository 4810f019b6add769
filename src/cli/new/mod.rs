//! `trial new`: a scenario to begin with.

use super::terminal::Terminal;
use super::{Status, output_file};
use crate::scenario::{self, Diagnostic};
use clap::Args;
use std::path::PathBuf;

/// Write a small commented scenario to begin with.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// What it is called: lower-case letters, digits and hyphens
    #[arg(default_value = "my-first", value_name = "NAME")]
    name: String,
    /// The file, or - for standard output; without it, the name with .yaml, here
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write over what is there
    #[arg(long)]
    force: bool,
}

const STARTER: &str = include_str!("starter.txt");

pub(super) fn run(arguments: &Arguments, terminal: &mut Terminal) -> Status {
    let named = || PathBuf::from(format!("{}.yaml", arguments.name));
    let out = arguments.out.clone().unwrap_or_else(named);
    let prints = out.as_os_str() == "-";
    let file = if prints { named() } else { out.clone() };
    let file = file.display().to_string();
    let text = starter(&arguments.name, &file);
    let written = checked(&arguments.name, &text).and_then(|()| match prints {
        true => {
            terminal.data(&text);
            Ok(())
        }
        false => output_file::write(&out, &text, arguments.force),
    });
    if let Err(error) = written {
        terminal.complain(&error);
        return Status::Unusable;
    }
    if prints {
        return Status::Well;
    }
    terminal.line(&file);
    terminal.note(&format!(
        "Next: trial run {file}; then change a line of it and run it again. trial sentences lists what it can say."
    ));
    Status::Well
}

/// Of a name that is longer, so much is shown.
const SHOWN: usize = 64;

/// A name that no scenario can have is refused as such: nobody has seen the file that it would be in.
fn checked(name: &str, text: &str) -> Result<(), Diagnostic> {
    let plain = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-';
    let loads = || scenario::load("NAME", text.into(), &[]).is_ok();
    if name.chars().all(plain) && loads() {
        return Ok(());
    }
    let cut = name.char_indices().nth(SHOWN).map(|(end, _)| &name[..end]);
    let found = match cut {
        Some(cut) => format!("\"{cut}…\""),
        None => format!("\"{name}\""),
    };
    Err(Diagnostic::about_file("NAME", found)
        .expected("lower-case letters, digits and hyphens, at most 64, such as my-first"))
}

fn starter(name: &str, file: &str) -> String {
    STARTER.replace("@NAME@", name).replace("@FILE@", file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_no_scenario_can_have_is_refused_by_its_name() {
        for name in [
            "",
            "A B",
            "../evil",
            "a # b",
            "a\nb: c",
            "-",
            &"a".repeat(65),
        ] {
            let error = checked(name, &starter(name, "s.yaml"))
                .expect_err(name)
                .to_string();
            assert!(error.starts_with("error: NAME: \""), "{error}");
            assert!(error.chars().count() < 200, "{error}");
        }
        assert_eq!(checked("a-1", &starter("a-1", "s.yaml")), Ok(()));
    }

    #[test]
    fn the_starter_is_a_scenario_without_a_warning() {
        let text = starter("my-first", "my-first.yaml");
        assert!(!text.contains('@'), "{text}");
        let loaded = scenario::load("s.yaml", text.into_bytes(), &[]);
        let loaded = loaded.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(loaded.warnings, vec![]);
        assert_eq!(
            (loaded.plan.timeline.len(), loaded.plan.expect.len()),
            (2, 2)
        );
    }
}
