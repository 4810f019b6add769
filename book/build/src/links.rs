//! Links of the built pages: each file is there, and each place in a page has its id.
//!
//! Addresses elsewhere are not asked for: whether the network answers says nothing about the book.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;

#[derive(Default)]
pub struct Page {
    ids: BTreeSet<String>,
    /// What `href` and `src` say.
    leads_to: BTreeSet<String>,
}

/// The paths of all pages below a folder.
pub fn files(html: &Path) -> io::Result<Vec<String>> {
    let mut paths = Vec::new();
    collect(html, "", &mut paths)?;
    paths.sort();
    Ok(paths)
}

fn collect(folder: &Path, below: &str, paths: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{below}{name}");
        match entry.file_type()?.is_dir() {
            true => collect(&entry.path(), &format!("{path}/"), paths)?,
            false if name.ends_with(".html") => paths.push(path),
            false => {}
        }
    }
    Ok(())
}

/// What leads nowhere.
pub fn faults(html: &Path, pages: &BTreeMap<String, Page>) -> Vec<String> {
    let mut faults = Vec::new();
    for (path, page) in pages {
        // It is served for any address, and so names its files from the site's root on.
        if path == "404.html" {
            continue;
        }
        for link in page.leads_to.iter().filter(|link| is_ours(link)) {
            let (to, place) = link.split_once('#').unwrap_or((link, ""));
            let to = to.split('?').next().unwrap_or_default();
            let to = match to {
                "" => path.clone(),
                to => beside(path, to),
            };
            let is_known = match pages.get(&to) {
                Some(page) => place.is_empty() || page.ids.contains(place),
                None => html.join(&to).is_file(),
            };
            if !is_known {
                faults.push(format!("{path}: {link} leads nowhere"));
            }
        }
    }
    faults
}

fn is_ours(link: &str) -> bool {
    let scheme = link.split(['/', '#', '?']).next().unwrap_or_default();
    !scheme.contains(':') && !link.starts_with("//") && !link.is_empty()
}

/// A path that is said relative to a page's.
fn beside(page: &str, to: &str) -> String {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in to.split('/') {
        match part {
            ".." => {
                parts.pop();
            }
            "." | "" => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

impl Page {
    /// Attributes of all tags; what stands in scripts is no tag.
    pub fn of(html: &str) -> Page {
        let mut page = Page::default();
        let mut rest = html;
        while let Some(start) = rest.find('<') {
            rest = &rest[start..];
            let end = match rest {
                _ if rest.starts_with("<!--") => rest.find("-->"),
                _ => tag_end(rest),
            };
            let (tag, after) = rest.split_at(end.unwrap_or(rest.len()));
            let is_tag = !tag.starts_with("<!--");
            for (name, value) in attributes(tag).into_iter().filter(|_| is_tag) {
                match name {
                    "id" => page.ids.insert(value),
                    "href" | "src" => page.leads_to.insert(value),
                    _ => false,
                };
            }
            rest = match tag.starts_with("<script") {
                true => after.find("</script").map_or("", |end| &after[end..]),
                false => after,
            };
        }
        page
    }
}

/// Where the tag that a text begins with ends; a quoted value may hold what looks like that.
fn tag_end(text: &str) -> Option<usize> {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(mark), c) if c == mark => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '>') => return Some(at),
            (None, _) => {}
        }
    }
    None
}

fn attributes(tag: &str) -> Vec<(&str, String)> {
    let mut found = Vec::new();
    let mut rest = tag;
    while let Some((before, after)) = rest.split_once('=') {
        let name = before.rsplit([' ', '\n', '\t']).next().unwrap_or_default();
        let after = after.trim_start();
        let (value, left) = match after.chars().next() {
            Some(mark @ ('"' | '\'')) => after[1..].split_once(mark).unwrap_or((&after[1..], "")),
            _ => after.split_once([' ', '\n', '/']).unwrap_or((after, "")),
        };
        found.push((name, plain(value)));
        rest = left;
    }
    found
}

fn plain(value: &str) -> String {
    let value = value
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&lt;", "<");
    value
        .replace("&gt;", ">")
        .replace("&amp;", "&")
        .replace("%20", " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults_of(pages: &[(&str, &str)]) -> Vec<String> {
        let pages = pages
            .iter()
            .map(|(path, html)| ((*path).to_owned(), Page::of(html)));
        faults(Path::new("/nowhere"), &pages.collect())
    }

    #[test]
    fn what_leads_somewhere_is_no_fault() {
        let a = "<h1 id=\"top\" title=\"a > b\">A</h1><a class=x href=\"b/c.html#here\">c</a><a href='#top'>up</a>\
                 <a href=\"https://kafka.apache.org/x\">out</a><script>var x = '<a href=\"gone.html\">';</script>";
        let c = "<p id=\"here\"><a href=\"../a.html\">a</a><!-- <a href=\"gone.html\"> -->";
        assert_eq!(
            faults_of(&[("a.html", a), ("b/c.html", c)]),
            Vec::<String>::new()
        );
    }

    #[test]
    fn what_leads_nowhere_is_named() {
        let a = "<a href=\"b.html#here\">b</a><img alt=\"\" src=\"gone.svg\"><a href=\"#x\">x</a>";
        assert_eq!(
            faults_of(&[("a.html", a), ("b.html", "<p id=\"there\">")]),
            [
                "a.html: #x leads nowhere",
                "a.html: b.html#here leads nowhere",
                "a.html: gone.svg leads nowhere"
            ]
        );
    }
}
