//! The book: what in its pages is generated is made anew and compared, and its command lines can be run.
//!
//! A block that is made stands between two comments, so that the page is readable as it is:
//!
//! ```text
//! <!-- make: $ trial topics leader-crash -->
//! <!-- made -->
//! ```
//!
//! `UPDATE_BOOK=1 cargo test --test book` writes all of them; `BOOK_PAGES=course/` only those of pages whose path
//! begins with that, or has it in it. `TRIAL` names another `trial` than the one that was built with the tests.

mod command;
mod cuts;
mod figures;
mod make;
mod pages;
mod questions;
mod reference;
mod scenarios;

use make::Maker;
use pages::{Page, Piece};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The package that the tests look at, which need not be the one that they were built from.
fn root() -> PathBuf {
    let there = std::env::var_os("CARGO_MANIFEST_DIR");
    there.map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from)
}

fn book() -> PathBuf {
    root().join("book/src")
}

fn is_updating() -> bool {
    std::env::var_os("UPDATE_BOOK").is_some()
}

/// Those that are asked for.
fn pages() -> Vec<Page> {
    let only = std::env::var("BOOK_PAGES").unwrap_or_default();
    let mut pages = pages::under(&book());
    let begins = |page: &Page| page.path.starts_with(&only);
    // A folder before what has its name somewhere.
    match pages.iter().any(begins) {
        true => pages.retain(begins),
        false => pages.retain(|page| page.path.contains(&only)),
    }
    pages
}

/// What making a page came to.
#[derive(Default)]
struct Made {
    faults: Vec<String>,
    figures: Vec<Figure>,
}

struct Figure {
    /// Below `figures`.
    name: String,
    svg: String,
    /// Where it is asked for.
    place: String,
}

#[test]
fn what_is_made_is_as_it_is_made_now() {
    let pages = pages();
    let whole = std::env::var_os("BOOK_PAGES").is_none();
    let maker = Maker::default();
    let mut faults = Vec::new();
    let mut figures: BTreeMap<String, Figure> = BTreeMap::new();
    for made in by_two(&pages, |page| one(page, &maker)) {
        faults.extend(made.faults);
        for figure in made.figures {
            if let Some(other) = figures.get(&figure.name).filter(|it| it.svg != figure.svg) {
                faults.push(format!(
                    "{}: figures/{} is another picture at {}; name one of them: as NAME",
                    figure.place, figure.name, other.place
                ));
            }
            figures.insert(figure.name.clone(), figure);
        }
    }
    let folder = book().join("figures");
    for Figure { name, svg, place } in figures.values() {
        let path = folder.join(name);
        if is_updating() {
            fs::create_dir_all(&folder).unwrap();
            if fs::read_to_string(&path).ok().as_ref() != Some(svg) {
                fs::write(&path, svg).unwrap();
            }
        } else if fs::read_to_string(&path).ok().as_ref() != Some(svg) {
            faults.push(format!("{place}: figures/{name} is not what is drawn now"));
        }
    }
    if whole {
        for name in strays(&folder, &figures) {
            match is_updating() {
                true => fs::remove_file(folder.join(&name)).unwrap(),
                false => faults.push(format!("book/src/figures/{name}: no page shows it")),
            }
        }
    }
    faults.sort();
    assert!(
        faults.is_empty(),
        "\n{}\nUPDATE_BOOK=1 cargo test --test book makes anew what is only old\n",
        faults.join("\n")
    );
}

fn strays(folder: &Path, figures: &BTreeMap<String, Figure>) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let names = entries.map(|it| it.unwrap().file_name().into_string().unwrap());
    names.filter(|it| !figures.contains_key(it)).collect()
}

/// Works on items by two threads; what came of each stands in the items' order. Commands are processes of their own, so that
/// keeps two processors busy.
fn by_two<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let take = || {
        let mut done = Vec::new();
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(place) else {
                return done;
            };
            done.push((place, work(item)));
        }
    };
    let mut done = std::thread::scope(|threads| {
        let other = threads.spawn(take);
        let mut done = take();
        done.extend(other.join().expect("it says what is wrong"));
        done
    });
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, it)| it).collect()
}

/// Makes the blocks of a page, in their order: what one has written another may read.
fn one(page: &Page, maker: &Maker) -> Made {
    let mut made = Made::default();
    let mut text = String::new();
    let at = page.made_at(maker);
    for piece in &page.pieces {
        match piece {
            Piece::Text(kept) => text.push_str(kept),
            Piece::File { name, content } => at.place(name, content),
            Piece::Make { line, what, found } => {
                let place = format!("book/src/{}:{line}", page.path);
                let block = at.make(what);
                let is_known = block.is_ok();
                let new = match block {
                    Ok(block) => {
                        let place = || place.clone();
                        let figures = block.figures.into_iter();
                        made.figures.extend(figures.map(|(name, svg)| Figure {
                            name,
                            svg,
                            place: place(),
                        }));
                        block.text
                    }
                    Err(fault) => {
                        made.faults.push(format!("{place}: {what}\n    {fault}"));
                        found.clone().unwrap_or_default()
                    }
                };
                let is_old = is_known && found.as_ref() != Some(&new);
                if !is_updating() && is_old {
                    let parting = parting(found.as_deref().unwrap_or_default(), &new);
                    made.faults.push(format!("{place}: {what}\n{parting}"));
                }
                text.push_str(&format!("<!-- make: {what} -->\n{new}<!-- made -->\n"));
            }
        }
    }
    if is_updating() && text != page.text {
        fs::write(book().join(&page.path), text).unwrap();
    }
    made
}

/// The first line that differs.
fn parting(found: &str, new: &str) -> String {
    let mut lines = found.lines().zip(new.lines()).enumerate();
    match lines.find(|(_, (found, new))| found != new) {
        Some((line, (found, new))) => {
            format!("    line {}:\n    - {found}\n    + {new}", line + 1)
        }
        None => format!(
            "    {} lines stand there, {} are made",
            found.lines().count(),
            new.lines().count()
        ),
    }
}

#[test]
fn command_lines_in_pages_are_ones_of_this_program() {
    let mut faults = Vec::new();
    for page in pages() {
        for (line, command) in page.command_lines() {
            if let Err(fault) = kafka_trial::cli::is_command_line(&command) {
                faults.push(format!(
                    "book/src/{}:{line}: {command}\n    {fault}",
                    page.path
                ));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn paths_that_pages_name_exist() {
    const BEGINNINGS: &[&str] = &[
        ".ci/",
        "benches/",
        "book/",
        "fuzz/",
        "scenarios/",
        "snapshots/",
        "src/",
        "tests/",
    ];
    let mut faults = Vec::new();
    for page in pages() {
        for (line, quoted) in page.quoted() {
            let is_path = BEGINNINGS.iter().any(|it| quoted.starts_with(it));
            // What stands for several is no path.
            let is_one = !quoted.contains([' ', '*', '<', '{', '…']);
            if is_path && is_one && !root().join(&quoted).exists() {
                faults.push(format!(
                    "book/src/{}:{line}: {quoted} is not there",
                    page.path
                ));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

/// mdBook leaves out whatever its table of contents does not name.
#[test]
fn the_table_of_contents_names_each_page() {
    let contents = fs::read_to_string(book().join("SUMMARY.md")).unwrap();
    let missing = pages().into_iter().map(|page| page.path);
    let missing = missing.filter(|path| path != "SUMMARY.md");
    let missing: Vec<String> = missing
        .filter(|path| !contents.contains(&format!("({path})")))
        .collect();
    assert_eq!(missing, Vec::<String>::new());
}
