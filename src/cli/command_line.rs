//! Command lines as text: those that scenarios and the book tell somebody to type.
//!
//! May not know what a command does, only whether there is such a one.

use super::Arguments;
use clap::Parser;

/// Whether the words of a line are a command of this program.
///
/// # Errors
/// What is wrong with them.
pub fn is_command_line(line: &str) -> Result<(), String> {
    let words = command_words(line).ok_or("a quote that nothing ends")?;
    if words.first().is_none_or(|word| word != "trial") {
        return Err(format!("\"{line}\" does not begin with trial"));
    }
    match Arguments::try_parse_from(&words) {
        Ok(_) => Ok(()),
        // Help and version are asked for.
        Err(error) if !error.use_stderr() => Ok(()),
        Err(error) => {
            let text = error.to_string();
            let first = text.lines().next().unwrap_or_default();
            Err(first.trim_start_matches("error: ").to_owned())
        }
    }
}

/// The words of a command line, as a shell takes them: blanks part them, but not within quotes.
pub fn command_words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in line.chars() {
        match (quote, c) {
            (Some(mark), c) if c == mark => quote = None,
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_a_shell() {
        let words = command_words("trial run 'a b'  --set \"x=y z\" it's '");
        let expected = ["trial", "run", "a b", "--set", "x=y z", "its "];
        assert_eq!(words.as_deref(), Some(&expected.map(String::from)[..]));
        assert_eq!(command_words("trial 'run"), None);
    }

    #[test]
    fn a_command_line_is_one_of_this_program() {
        assert_eq!(is_command_line("trial run leader-crash --seed 2"), Ok(()));
        assert_eq!(is_command_line("trial run --help"), Ok(()));
        for line in ["trail run x", "trial walk x", "trial run --sed 2 x", ""] {
            assert!(is_command_line(line).is_err(), "{line}");
        }
    }
}
