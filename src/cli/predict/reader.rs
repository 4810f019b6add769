//! Answers from standard input, a line each, from a person or a pipe.

use std::io::{self, BufRead, Read};

/// Nobody types more in a line.
const LONGEST: u64 = 4_096;

pub(in crate::cli) struct Reader {
    /// False once the input has ended.
    pub(in crate::cli) more: bool,
    /// Why it cannot be read.
    pub(in crate::cli) failed: Option<String>,
}

impl Default for Reader {
    fn default() -> Self {
        Reader {
            more: true,
            failed: None,
        }
    }
}

impl Reader {
    /// The next line, without blanks around it.
    pub(in crate::cli) fn line(&mut self) -> Option<String> {
        if !self.more {
            return None;
        }
        let mut bytes = Vec::new();
        let read = io::stdin()
            .lock()
            .take(LONGEST)
            .read_until(b'\n', &mut bytes);
        match read {
            Ok(0) => self.more = false,
            Ok(_) => return Some(String::from_utf8_lossy(&bytes).trim().to_owned()),
            Err(error) => {
                self.more = false;
                self.failed = Some(error.to_string());
            }
        }
        None
    }
}
