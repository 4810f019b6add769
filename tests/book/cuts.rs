//! Cuts of a command's output: what is left of its lines, and where something was.

use kafka_trial::cli::command_words;

/// A line, or `None` where lines were cut away.
type Line = Option<String>;

/// The lines of an output after all cuts.
pub fn cut(output: &str, cuts: &[&str]) -> Result<Vec<String>, String> {
    let mut lines: Vec<Line> = output.lines().map(|line| Some(line.to_owned())).collect();
    for cut in cuts {
        lines = one(lines, cut)?;
    }
    Ok(lines
        .into_iter()
        .map(|it| it.unwrap_or_else(|| "…".to_owned()))
        .collect())
}

fn one(lines: Vec<Line>, cut: &str) -> Result<Vec<Line>, String> {
    let words = command_words(cut).ok_or("a quote that nothing ends")?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let count = lines.len();
    let has = |line: &Line, text: &str| line.as_ref().is_some_and(|it| it.contains(text));
    let first = |text: &str| {
        let found = lines.iter().position(|line| has(line, text));
        found.ok_or_else(|| format!("no line has \"{text}\""))
    };
    let number = |text: &str| {
        let read = text
            .parse::<usize>()
            .ok()
            .filter(|it| (1..=count).contains(it));
        read.ok_or_else(|| format!("\"{text}\" is no number of a line from 1 to {count}"))
    };
    let kept: Vec<bool> = match words.as_slice() {
        ["lines", range] => {
            let (from, until) = match range.split_once("..") {
                Some((from, "")) => (number(from)?, count),
                Some((from, until)) => (number(from)?, number(until)?),
                None => (1, number(range)?),
            };
            (1..=count).map(|it| (from..=until).contains(&it)).collect()
        }
        ["last", lines] => {
            let lines = number(lines)?;
            (0..count).map(|it| it + lines >= count).collect()
        }
        ["from", text] => {
            let first = first(text)?;
            (0..count).map(|it| it >= first).collect()
        }
        ["until", text] => {
            let first = first(text)?;
            (0..count).map(|it| it <= first).collect()
        }
        ["having", text] => {
            first(text)?;
            lines.iter().map(|line| has(line, text)).collect()
        }
        ["without", text] => {
            first(text)?;
            lines.iter().map(|line| !has(line, text)).collect()
        }
        _ => {
            return Err(format!(
                "\"{cut}\" is no cut; expected lines 5, lines 4..9, last 5, from \"text\", until \"text\", having \"text\", \
                 without \"text\", or silent"
            ));
        }
    };
    let mut left: Vec<Line> = Vec::new();
    for (line, kept) in lines.into_iter().zip(kept) {
        match line {
            Some(line) if kept => left.push(Some(line)),
            _ if left.last().is_some_and(Option::is_none) => {}
            _ => left.push(None),
        }
    }
    Ok(left)
}

#[test]
fn what_is_cut_away_leaves_a_mark() {
    let cut = |cuts: &[&str]| cut("a\nb\nc\nd b\ne\n", cuts).map(|lines| lines.join(" "));
    assert_eq!(cut(&[]).as_deref(), Ok("a b c d b e"));
    assert_eq!(cut(&["lines 2"]).as_deref(), Ok("a b …"));
    assert_eq!(cut(&["lines 2..3"]).as_deref(), Ok("… b c …"));
    assert_eq!(cut(&["last 1"]).as_deref(), Ok("… e"));
    assert_eq!(
        cut(&["from c", "until \"d b\""]).as_deref(),
        Ok("… c d b …")
    );
    assert_eq!(cut(&["having b"]).as_deref(), Ok("… b … d b …"));
    assert_eq!(cut(&["without b", "lines 1"]).as_deref(), Ok("a …"));
    assert!(cut(&["from x"]).is_err() && cut(&["lines 9"]).is_err() && cut(&["half"]).is_err());
}
