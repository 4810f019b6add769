//! Patterns that names of topics match (`java.util.regex.Pattern`, as a consumer's `subscribe(Pattern)` has it).
//!
//! Of Java's language what means the same everywhere and can matter for names of letters, digits, dots, underscores and
//! hyphens. The rest is no pattern here.

use std::fmt;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TopicPattern {
    text: String,
    any_of: Vec<Sequence>,
}

type Sequence = Vec<Repeated>;

#[derive(Clone, PartialEq, Eq, Debug)]
struct Repeated {
    piece: Piece,
    least: usize,
    /// `None`: as often as one likes.
    most: Option<usize>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Piece {
    Any,
    OneOf {
        ranges: Vec<(char, char)>,
        others: bool,
    },
    Group(Vec<Sequence>),
}

/// No name is longer, and nobody writes more by hand. (`Places` holds one bit more.)
const MOST: usize = 249;
const DEEPEST: usize = 20;

const DIGITS: [(char, char); 1] = [('0', '9')];
const WORD: [(char, char); 4] = [('a', 'z'), ('A', 'Z'), ('0', '9'), ('_', '_')];

impl TopicPattern {
    pub const EXPECTED: &'static str = "a pattern of letters, digits and . _ - with Java's . \\. \\d \\w [a-z] [^a-z] (a|b) and * + ? {2} {2,} {2,3}";

    pub fn parse(text: &str) -> Option<TopicPattern> {
        if text.is_empty() || text.chars().count() > MOST {
            return None;
        }
        let mut reader = Reader {
            rest: text.chars().collect(),
            depth: 0,
        };
        reader.rest.reverse();
        let any_of = reader.alternatives()?;
        reader.rest.is_empty().then(|| TopicPattern {
            text: text.to_owned(),
            any_of,
        })
    }

    /// From its beginning to its end, as `Matcher.matches` does it.
    pub fn matches(&self, name: &str) -> bool {
        let name: Vec<char> = name.chars().collect();
        name.len() <= MOST && ends(&self.any_of, &name).contains(0, name.len())
    }
}

impl fmt::Display for TopicPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// For each place in a name, where what begins there may end: one bit a place. What stands in a pattern is asked once,
/// however often it is to be repeated, and however deep.
#[derive(Clone, PartialEq)]
struct Ends(Vec<Places>);

type Places = [u64; 4];

impl Ends {
    fn none(name: &[char]) -> Ends {
        Ends(vec![Places::default(); name.len() + 1])
    }

    /// Of what is nothing.
    fn where_it_begins(name: &[char]) -> Ends {
        let mut ends = Ends::none(name);
        (0..=name.len()).for_each(|place| ends.insert(place, place));
        ends
    }

    fn insert(&mut self, from: usize, to: usize) {
        self.0[from][to / 64] |= 1 << (to % 64);
    }

    fn contains(&self, from: usize, to: usize) -> bool {
        self.0[from][to / 64] >> (to % 64) & 1 == 1
    }

    fn or(mut self, other: &Ends) -> Ends {
        for (places, others) in self.0.iter_mut().zip(&other.0) {
            add(places, others);
        }
        self
    }

    fn then(&self, next: &Ends) -> Ends {
        let mut ends = Ends(vec![Places::default(); self.0.len()]);
        for (from, places) in ends.0.iter_mut().enumerate() {
            // Nothing ends before it begins.
            for between in from..self.0.len() {
                if self.contains(from, between) {
                    add(places, &next.0[between]);
                }
            }
        }
        ends
    }

    /// So often one after the other, by doubling.
    fn times(&self, mut times: usize, name: &[char]) -> Ends {
        let (mut ends, mut doubled) = (Ends::where_it_begins(name), self.clone());
        while times > 0 {
            if times % 2 == 1 {
                ends = ends.then(&doubled);
            }
            times /= 2;
            if times > 0 {
                doubled = doubled.then(&doubled);
            }
        }
        ends
    }
}

fn add(places: &mut Places, others: &Places) {
    for (word, other) in places.iter_mut().zip(others) {
        *word |= other;
    }
}

fn ends(any_of: &[Sequence], name: &[char]) -> Ends {
    let of_one = |sequence: &Sequence| {
        let nothing = Ends::where_it_begins(name);
        let then = |ends: Ends, repeated: &Repeated| ends.then(&repeated.ends(name));
        sequence.iter().fold(nothing, then)
    };
    let or = |ends: Ends, sequence| ends.or(&of_one(sequence));
    any_of.iter().fold(Ends::none(name), or)
}

impl Repeated {
    fn ends(&self, name: &[char]) -> Ends {
        let once = self.piece.ends(name);
        if (self.least, self.most) == (1, Some(1)) {
            return once;
        }
        let least = once.times(self.least, name);
        // More often than the name is long it comes nowhere new.
        let most = self.most.map_or(name.len(), |most| most - self.least);
        let once_or_not = once.or(&Ends::where_it_begins(name));
        least.then(&once_or_not.times(most, name))
    }
}

impl Piece {
    fn ends(&self, name: &[char]) -> Ends {
        let is_met = |c: &char| match self {
            Piece::OneOf { ranges, others } => {
                ranges
                    .iter()
                    .any(|(first, last)| (first..=last).contains(&c))
                    != *others
            }
            Piece::Any | Piece::Group(_) => true,
        };
        if let Piece::Group(any_of) = self {
            return ends(any_of, name);
        }
        let mut ends = Ends::none(name);
        for (place, _) in name.iter().enumerate().filter(|(_, c)| is_met(c)) {
            ends.insert(place, place + 1);
        }
        ends
    }
}

/// Takes a pattern apart.
struct Reader {
    /// From its end to its beginning.
    rest: Vec<char>,
    depth: usize,
}

impl Reader {
    fn next_is(&mut self, c: char) -> bool {
        let is = self.rest.last() == Some(&c);
        if is {
            self.rest.pop();
        }
        is
    }

    /// Where a whole name is to match, `^` and `$` say nothing at its ends.
    fn alternatives(&mut self) -> Option<Vec<Sequence>> {
        let mut any_of = Vec::new();
        loop {
            if self.depth == 0 {
                self.next_is('^');
            }
            any_of.push(self.sequence()?);
            if self.depth == 0 {
                self.next_is('$');
            }
            if !self.next_is('|') {
                return Some(any_of);
            }
        }
    }

    fn sequence(&mut self) -> Option<Sequence> {
        let mut sequence = Vec::new();
        while let Some(c) = self.rest.last().copied()
            && !matches!(c, '|' | ')' | '$')
        {
            self.rest.pop();
            let piece = self.piece(c)?;
            sequence.push(self.repeated(piece)?);
        }
        Some(sequence)
    }

    fn piece(&mut self, c: char) -> Option<Piece> {
        match c {
            '.' => Some(Piece::Any),
            '(' => {
                if self.next_is('?') && !self.next_is(':') {
                    return None;
                }
                self.depth += 1;
                let any_of = (self.depth <= DEEPEST).then(|| self.alternatives())??;
                self.depth -= 1;
                self.next_is(')').then_some(Piece::Group(any_of))
            }
            '[' => self.one_of(),
            '\\' => Some(Piece::OneOf {
                ranges: self.escaped()?,
                others: false,
            }),
            '*' | '+' | '?' | '{' | '^' => None,
            c => Some(Piece::OneOf {
                ranges: vec![(c, c)],
                others: false,
            }),
        }
    }

    fn escaped(&mut self) -> Option<Vec<(char, char)>> {
        match self.rest.pop()? {
            'd' => Some(DIGITS.to_vec()),
            'w' => Some(WORD.to_vec()),
            c if c.is_ascii_punctuation() => Some(vec![(c, c)]),
            _ => None,
        }
    }

    fn one_of(&mut self) -> Option<Piece> {
        let others = self.next_is('^');
        let mut ranges = Vec::new();
        loop {
            match self.rest.pop()? {
                ']' if !ranges.is_empty() => return Some(Piece::OneOf { ranges, others }),
                // Classes in classes, and what they have in common.
                '[' | ']' | '&' | '^' => return None,
                '\\' => ranges.extend(self.escaped()?),
                first if self.rest.last() == Some(&'-') && self.is_range() => {
                    self.rest.pop();
                    let last = self.rest.pop()?;
                    if last < first || !last.is_ascii_alphanumeric() {
                        return None;
                    }
                    ranges.push((first, last));
                }
                c => ranges.push((c, c)),
            }
        }
    }

    /// A hyphen before the end of a class is one.
    fn is_range(&self) -> bool {
        let after = self.rest.len().checked_sub(2);
        after.is_some_and(|after| self.rest[after] != ']')
    }

    fn repeated(&mut self, piece: Piece) -> Option<Repeated> {
        let (least, most) = match self.rest.last() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => {
                self.rest.pop();
                let least = self.number()?;
                let most = match (self.next_is(','), self.rest.last()) {
                    (false, _) => Some(least),
                    (true, Some('}')) => None,
                    (true, _) => Some(self.number()?),
                };
                if self.rest.last() != Some(&'}') || most.is_some_and(|most| most < least) {
                    return None;
                }
                (least, most)
            }
            _ => {
                return Some(Repeated {
                    piece,
                    least: 1,
                    most: Some(1),
                });
            }
        };
        self.rest.pop();
        // A reluctant one matches the same names; a possessive one gives nothing back.
        self.next_is('?');
        let again = matches!(self.rest.last(), Some('*' | '+' | '?' | '{'));
        (!again).then_some(Repeated { piece, least, most })
    }

    fn number(&mut self) -> Option<usize> {
        let mut digits = String::new();
        while let Some(digit) = self.rest.last().filter(|c| c.is_ascii_digit()) {
            digits.push(*digit);
            self.rest.pop();
        }
        digits.parse().ok().filter(|number| *number <= MOST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_as_in_java() {
        for (pattern, matching, others) in [
            (
                "trucks-.*",
                vec!["trucks-gps", "trucks-"],
                vec!["trucks", "my-trucks-gps"],
            ),
            ("trucks", vec!["trucks"], vec!["trucks-gps", "truck"]),
            ("a|b.+", vec!["a", "bc"], vec!["b", "ab"]),
            (
                "^(?:eu|us)\\.[a-z]{2,3}$",
                vec!["eu.ab", "us.abc"],
                vec!["eu.a", "eu.abcd", "euxab"],
            ),
            ("t\\d+", vec!["t1", "t123"], vec!["t", "tx"]),
            ("[^_].*?", vec!["t"], vec!["_t", ""]),
            ("[a-c-]+", vec!["a-c"], vec!["d"]),
            ("(a*)*b", vec!["b", "aaab"], vec!["aa"]),
            ("(a?){3}", vec!["a", "aaa", ""], vec!["aaaa"]),
            ("(ab){2}", vec!["abab"], vec!["ab", "ababab"]),
            ("x{2,}", vec!["xx", "xxxx"], vec!["x"]),
        ] {
            let read = TopicPattern::parse(pattern).unwrap_or_else(|| panic!("{pattern}"));
            assert!(matching.iter().all(|name| read.matches(name)), "{pattern}");
            assert!(!others.iter().any(|name| read.matches(name)), "{pattern}");
        }
        let any = TopicPattern::parse(".*").expect("a pattern");
        assert!(any.matches(&"a".repeat(MOST)) && !any.matches(&"a".repeat(MOST + 1)));
    }

    /// Where each level asked the one within it twice, the first of these took twice as long for each: nine seconds for
    /// ten levels, hours for twenty.
    #[test]
    fn repetitions_in_repetitions_take_no_time() {
        let groups = "(".repeat(DEEPEST);
        for (piece, repeated, found) in [
            ("a?".repeat(54).as_str(), "{1,2}", true),
            ("a", "{1,2}", true),
            ("a", "{2,3}", false),
            ("a", "{0,249}", true),
            ("a", "*", true),
            ("a", "+", true),
            ("a", "?", false),
        ] {
            let text = format!("{groups}{piece}{}", format!("){repeated}").repeat(DEEPEST));
            let pattern = TopicPattern::parse(&text).expect("a pattern");
            assert_eq!(pattern.matches(&"a".repeat(MOST)), found, "{text}");
            assert!(!pattern.matches(&"ab".repeat(120)), "{text}");
        }
        let two_or_three = TopicPattern::parse("((a{1,2}){1,2}){2,3}").expect("a pattern");
        let lengths = (0..20).filter(|length| two_or_three.matches(&"a".repeat(*length)));
        assert!(lengths.eq(2..=12));
    }

    #[test]
    fn what_means_something_else_elsewhere_is_none() {
        for text in [
            "", "*", "a**", "a*+", "(a", "a)", "[", "[]", "[a&&b]", "[z-a]", "(?i)a", "\\p{L}",
            "\\", "a{", "a{2", "a{3,2}", "a{999}", "a$b", "a^b", "a{1}{2}",
        ] {
            assert_eq!(TopicPattern::parse(text), None, "{text}");
        }
        assert_eq!(TopicPattern::parse(&"(".repeat(100)), None);
    }
}
