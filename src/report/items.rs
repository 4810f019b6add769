//! Answers to predictions, and what they say about the questions: how many were right (difficulty), how well an
//! item tells who knows from who does not (discrimination), and what was believed.
//!
//! Discrimination is the point-biserial correlation with the rest: of an answer's being right, 0 or 1, with the
//! part that the same person has right of all other items, in thousandths. Whole numbers only, so that all
//! machines agree. A person who answers an item again has learnt: only the first answer counts.
//!
//! May not know questions, nor who people are.

use serde::{Deserialize, Serialize};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A line of a file of answers. No clock, and no person but by a name that was given for it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    pub scenario: String,
    /// Of the prediction.
    pub id: String,
    pub part: Part,
    pub option: String,
    pub right: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub misconception: Option<String>,
    pub seed: u64,
    /// Of this program.
    pub version: String,
    #[serde(rename = "as", default, skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
}

/// Which question of a prediction.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    Predict,
    Reason,
    Recall,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Part::Predict => "predict",
            Part::Reason => "reason",
            Part::Recall => "recall",
        })
    }
}

impl Answer {
    /// A line, without its end.
    pub fn to_json(&self) -> String {
        // Texts, numbers and words: there is nothing that could fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// # Errors
    /// The column, from 1, and what was found there.
    pub fn of_json(line: &str) -> Result<Answer, (usize, String)> {
        serde_json::from_str(line).map_err(|error| {
            let text = error.to_string();
            let found = text.split(" at line ").next().unwrap_or_default();
            (error.column().max(1), found.to_owned())
        })
    }
}

type ItemKey = (String, String, Part);

/// First answers, by person and item.
#[derive(Debug, Default)]
pub struct Items {
    persons: BTreeMap<String, BTreeMap<ItemKey, Answer>>,
    versions: BTreeSet<String>,
    again: usize,
}

/// What is known of one question.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Item {
    pub scenario: String,
    pub id: String,
    pub part: Part,
    pub answers: usize,
    /// The part that was right, in hundredths.
    pub difficulty: i64,
    /// In hundredths; none where all answered alike, or were alike good at the rest.
    pub discrimination: Option<i64>,
    /// How often each was chosen, the most frequent first.
    pub misconceptions: Vec<(String, usize)>,
}

impl Items {
    /// A person is whom the answer names, else everybody who wrote to this file.
    pub fn add(&mut self, file: &str, answer: Answer) {
        let person = match &answer.who {
            Some(name) => format!("as {name}"),
            None => format!("file {file}"),
        };
        self.versions.insert(answer.version.clone());
        let key = (answer.scenario.clone(), answer.id.clone(), answer.part);
        let of_person = self.persons.entry(person).or_default();
        match of_person.entry(key) {
            Entry::Occupied(_) => self.again += 1,
            Entry::Vacant(first) => {
                first.insert(answer);
            }
        }
    }

    pub fn persons(&self) -> usize {
        self.persons.len()
    }

    /// First answers.
    pub fn answers(&self) -> usize {
        self.persons.values().map(BTreeMap::len).sum()
    }

    /// Answers that were not their person's first.
    pub fn again(&self) -> usize {
        self.again
    }

    pub fn versions(&self) -> impl Iterator<Item = &str> {
        self.versions.iter().map(String::as_str)
    }

    /// By scenario, id and part.
    pub fn items(&self) -> Vec<Item> {
        let keys: BTreeSet<&ItemKey> = self.persons.values().flat_map(BTreeMap::keys).collect();
        keys.into_iter().map(|key| self.item(key)).collect()
    }

    fn item(&self, key: &ItemKey) -> Item {
        let mut pairs = Vec::new();
        let (mut answers, mut right) = (0, 0);
        let mut believed: BTreeMap<&str, usize> = BTreeMap::new();
        for of_person in self.persons.values() {
            let Some(answer) = of_person.get(key) else {
                continue;
            };
            answers += 1;
            right += usize::from(answer.right);
            if let Some(name) = &answer.misconception {
                *believed.entry(name).or_default() += 1;
            }
            let rest = of_person.len() - 1;
            let all_right = of_person.values().filter(|it| it.right).count();
            let rest_right = all_right - usize::from(answer.right);
            // Who has answered nothing else says nothing of how good they are.
            if let Some(per_mille) = (rest_right * 2_000 + rest).checked_div(2 * rest) {
                pairs.push((i128::from(answer.right), per_mille as i128));
            }
        }
        let mut misconceptions: Vec<(String, usize)> = believed
            .into_iter()
            .map(|(name, times)| (name.to_owned(), times))
            .collect();
        misconceptions.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let (scenario, id, part) = key.clone();
        Item {
            scenario,
            id,
            part,
            answers,
            difficulty: ((right * 200 + answers) / (2 * answers.max(1))) as i64,
            discrimination: correlation(&pairs),
            misconceptions,
        }
    }
}

/// Pearson's, in hundredths, rounded to the nearest; which is the point-biserial one where the first is 0 or 1.
fn correlation(pairs: &[(i128, i128)]) -> Option<i64> {
    let n = pairs.len() as i128;
    let sum = |of: fn(&(i128, i128)) -> i128| pairs.iter().map(of).sum::<i128>();
    let (x, y) = (sum(|it| it.0), sum(|it| it.1));
    let together = n * sum(|it| it.0 * it.1) - x * y;
    let spread = (n * sum(|it| it.0 * it.0) - x * x) * (n * sum(|it| it.1 * it.1) - y * y);
    if spread == 0 {
        return None;
    }
    // The root of 10^4 times the square of the size, twice as fine as it is told.
    let size = (together * together * 40_000 / spread)
        .unsigned_abs()
        .isqrt();
    let hundredths = i64::try_from(size.div_ceil(2)).unwrap_or(i64::MAX);
    Some(if together < 0 {
        -hundredths
    } else {
        hundredths
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(who: &str, id: &str, right: bool) -> Answer {
        Answer {
            scenario: "leader-crash".into(),
            id: id.into(),
            part: Part::Predict,
            option: if right { "kept" } else { "lost" }.into(),
            right,
            misconception: (!right).then(|| "ack-means-replicated".into()),
            seed: 7,
            version: "0.1.0".into(),
            who: Some(who.into()),
        }
    }

    fn of(answers: &[(&str, &str, bool)]) -> Items {
        let mut items = Items::default();
        for (who, id, right) in answers {
            items.add("a.jsonl", answer(who, id, *right));
        }
        items
    }

    #[test]
    fn an_answer_is_a_line_and_comes_back() {
        let one = answer("mia", "fate", false);
        let line = one.to_json();
        assert_eq!(
            line,
            "{\"scenario\":\"leader-crash\",\"id\":\"fate\",\"part\":\"predict\",\"option\":\"lost\",\"right\":false,\
             \"misconception\":\"ack-means-replicated\",\"seed\":7,\"version\":\"0.1.0\",\"as\":\"mia\"}"
        );
        assert_eq!(Answer::of_json(&line), Ok(one));
        let (column, found) = Answer::of_json("{\"scenario\":7}").unwrap_err();
        assert_eq!(
            (column, found.contains("integer `7`")),
            (13, true),
            "{found}"
        );
    }

    /// Four persons; the item is known to the two who know two of three others, and not to the two who know
    /// none and one. By hand: x = 1 1 0 0, y = 667 667 0 333; n sum(xy) - sum(x) sum(y) = 4 * 1334 - 2 * 1667
    /// = 2002; spread = (8 - 4) * (4 * 1000667 - 1667 * 1667) = 4 * 1223779; 2002 / 2212.5 = 0.905.
    #[test]
    fn discrimination_is_the_correlation_with_the_rest() {
        let mut answers = Vec::new();
        for (who, known, others) in [
            ("a", true, 2),
            ("b", true, 2),
            ("c", false, 0),
            ("d", false, 1),
        ] {
            answers.push((who, "item", known));
            for (i, id) in ["x", "y", "z"].into_iter().enumerate() {
                answers.push((who, id, i < others));
            }
        }
        let items = of(&answers);
        let item = items.items().remove(0);
        assert_eq!(
            (item.id.as_str(), item.answers, item.difficulty),
            ("item", 4, 50)
        );
        assert_eq!(item.discrimination, Some(90));
        assert_eq!(
            item.misconceptions,
            [("ack-means-replicated".to_owned(), 2)]
        );
    }

    #[test]
    fn who_knows_less_and_has_it_right_turns_the_sign() {
        let items = of(&[
            ("a", "item", true),
            ("a", "x", false),
            ("b", "item", false),
            ("b", "x", true),
        ]);
        assert_eq!(items.items()[0].discrimination, Some(-100));
    }

    #[test]
    fn where_all_are_alike_nothing_is_told() {
        let alike = of(&[
            ("a", "item", true),
            ("a", "x", true),
            ("b", "item", true),
            ("b", "x", false),
        ]);
        assert_eq!(alike.items()[0].discrimination, None);
        let alone = of(&[("a", "item", true), ("b", "item", false)]);
        assert_eq!(alone.items()[0].discrimination, None);
        assert_eq!(of(&[]).items(), []);
    }

    #[test]
    fn a_second_answer_does_not_count() {
        let items = of(&[("a", "item", false), ("a", "item", true)]);
        assert_eq!((items.persons(), items.answers(), items.again()), (1, 1, 1));
        assert_eq!(items.items()[0].difficulty, 0);
    }
}
