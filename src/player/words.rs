//! Words that are said often stand once in the file, and are named by their number.

use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub(super) struct Words {
    numbers: BTreeMap<String, usize>,
    list: Vec<String>,
}

impl Words {
    pub(super) fn number(&mut self, word: &str) -> usize {
        if let Some(number) = self.numbers.get(word) {
            return *number;
        }
        let number = self.list.len();
        self.numbers.insert(word.to_owned(), number);
        self.list.push(word.to_owned());
        number
    }

    pub(super) fn into_list(self) -> Vec<String> {
        self.list
    }
}
