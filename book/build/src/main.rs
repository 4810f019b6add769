//! Builds the book into `book/html`, and checks that every link in it leads somewhere.
//!
//!     cargo run --manifest-path book/build/Cargo.toml
//!
//! Exit status: 0 the book is built and whole; 1 a link leads nowhere; 2 it could not be built. An argument names another
//! folder with a `book.toml`.

mod breaks;
mod console;
mod links;

use links::Page;
use mdbook_driver::MDBook;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    let named = std::env::args_os().nth(1).map(PathBuf::from);
    let root = named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    match built(&root) {
        Ok(faults) if faults.is_empty() => ExitCode::SUCCESS,
        Ok(faults) => {
            for fault in faults {
                eprintln!("{fault}");
            }
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn built(root: &Path) -> Result<Vec<String>, String> {
    let book = MDBook::load(root).map_err(|error| format!("{error:#}"))?;
    book.build().map_err(|error| format!("{error:#}"))?;
    let html = book.build_dir_for("html");
    let pages = finished(&html).map_err(|error| format!("{}: {error}", html.display()))?;
    println!("{}: {} pages", html.display(), pages.len());
    Ok(links::faults(&html, &pages))
}

/// The pages, after what mdBook leaves to be done.
fn finished(html: &Path) -> io::Result<BTreeMap<String, Page>> {
    let mut pages = BTreeMap::new();
    for path in links::files(html)? {
        let there = fs::read_to_string(html.join(&path))?;
        let text = breaks::with_breaks(&console::with_lines(&there));
        if text != there {
            fs::write(html.join(&path), &text)?;
        }
        pages.insert(path, Page::of(&text));
    }
    Ok(pages)
}
