//! "Did you mean": the candidate that a slip of the pen would have turned into what was written.

/// The candidate with the smallest edit distance to `word`, if that is at most a third of its length
/// (and at least one letter is right); else the shortest one that begins with it.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (word.chars().count() / 3).max(1);
    let candidates: Vec<&str> = candidates.into_iter().collect();
    let begun = candidates
        .iter()
        .filter(|candidate| word.len() > 2 && candidate.starts_with(word));
    let shortest = begun.min_by_key(|candidate| candidate.len()).copied();
    candidates
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, candidate)| {
            *distance <= allowed
                && *distance < candidate.chars().count()
                && word_by_word(word, candidate)
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
        .or(shortest)
}

/// Of two words each has to be meant: "delete topic" is no slip of the pen for "create topic".
fn word_by_word(phrase: &str, candidate: &str) -> bool {
    let pair = |text: &'_ str| -> Option<(String, String)> {
        let (first, second) = text.split_once(' ')?;
        (!second.contains(' ')).then(|| (first.to_string(), second.to_string()))
    };
    let (Some(a), Some(b)) = (pair(phrase), pair(candidate)) else {
        return true;
    };
    let near = |a: &str, b: &str| distance(a, b) <= (a.chars().count() / 3).max(1);
    near(&a.0, &b.0) && near(&a.1, &b.1)
}

/// Letters to insert, delete, replace, or swap with their neighbour (optimal string alignment).
pub(crate) fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found_and_strangers_are_not() {
        let keys = ["duration", "seed", "topics", "timeline", "create topic"];
        for (word, expected) in [
            ("durations", Some("duration")),
            ("druation", Some("duration")),
            ("sed", Some("seed")),
            ("timelines", Some("timeline")),
            ("colour", None),
            ("top", Some("topics")),
            ("x", None),
            ("creat topic", Some("create topic")),
            ("delete topic", None),
        ] {
            assert_eq!(nearest(word, keys), expected, "{word}");
        }
    }
}
