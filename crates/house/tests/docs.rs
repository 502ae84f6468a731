//! The documentation says what the code says.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use house::docs::{self, Pointer};
use house::source::{project_files, project_root};

fn read(path: &str) -> String {
    fs::read_to_string(project_root().join(path)).expect(path)
}

/// The texts of all files under a folder, binary ones left out.
fn texts_under(folder: &Path, into: &mut Vec<String>) {
    for entry in fs::read_dir(folder)
        .expect("the folder is readable")
        .flatten()
    {
        let path = entry.path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "node_modules") {
                texts_under(&path, into);
            }
        } else if let Ok(text) = fs::read_to_string(&path) {
            into.push(text);
        }
    }
}

#[track_caller]
fn same(what: &str, code: &BTreeSet<String>, page: &BTreeSet<String>) {
    let missing: Vec<_> = code.difference(page).collect();
    let invented: Vec<_> = page.difference(code).collect();
    assert!(
        missing.is_empty() && invented.is_empty(),
        "{what}: not documented {missing:?}, not in the code {invented:?}"
    );
}

#[test]
fn errors_page_agrees_with_the_table() {
    let source = docs::codes_in_source(&read("src/errors.rs"));
    let rows = read("src/errors.rs").matches("\"WD").count();
    assert_eq!(
        source.len(),
        rows,
        "a line of the table in src/errors.rs was not understood"
    );
    assert_eq!(
        source,
        docs::codes_in_page(&read("docs/errors.md")),
        "src/errors.rs (left), docs/errors.md (right)"
    );
}

#[test]
fn every_code_that_the_crates_raise_is_in_the_table() {
    let known: BTreeSet<String> = docs::codes_in_source(&read("src/errors.rs"))
        .into_keys()
        .collect();
    for file in project_files().expect("the project's source is readable") {
        let raises = ["crates/ward-core/src/", "crates/ward-token/src/", "src/"];
        if raises.iter().any(|folder| file.path.starts_with(folder)) {
            let unknown: Vec<_> = docs::mentioned_codes(&file.text)
                .difference(&known)
                .cloned()
                .collect();
            assert!(
                unknown.is_empty(),
                "{} names {unknown:?}, which src/errors.rs does not",
                file.path
            );
        }
    }
}

#[test]
fn every_code_has_a_test() {
    let mut texts = Vec::new();
    for folder in ["tests", "pg_test"] {
        texts_under(&project_root().join(folder), &mut texts);
    }
    let tested: BTreeSet<String> = texts
        .iter()
        .flat_map(|text| docs::mentioned_codes(text))
        .collect();
    let untested: Vec<_> = docs::codes_in_source(&read("src/errors.rs"))
        .into_keys()
        .filter(|code| !tested.contains(code))
        .collect();
    assert!(
        untested.is_empty(),
        "no file under tests/ or pg_test/ names {untested:?}"
    );
}

#[test]
fn reference_is_complete() {
    let version = env!("CARGO_PKG_VERSION");
    let mut code = docs::public_objects(&read(&format!("sql/ward--{version}.sql")));
    let files = project_files().expect("the project's source is readable");
    let source = files.iter().filter(|file| file.path.starts_with("src/"));
    code.extend(source.flat_map(|file| docs::settings(&file.text)));
    same(
        "docs/reference.md",
        &code,
        &docs::referenced(&read("docs/reference.md")),
    );
}

#[test]
fn pages_point_at_files_that_exist() {
    let root = project_root();
    let mut broken = Vec::new();
    for page in pages(&root) {
        let text = fs::read_to_string(&page).expect("a page is readable");
        let folder = page.parent().unwrap_or(&root);
        for pointer in docs::paths(&text) {
            let found = match &pointer {
                Pointer::FromRoot(path) => root.join(path).exists(),
                Pointer::FromPage(file, anchor) => {
                    let target = if file.is_empty() {
                        page.clone()
                    } else {
                        folder.join(file)
                    };
                    target.exists() && has_anchor(&target, anchor)
                }
            };
            if !found {
                broken.push(format!("{}: {pointer:?}", page.display()));
            }
        }
    }
    assert!(
        broken.is_empty(),
        "these files or anchors do not exist:\n{}",
        broken.join("\n")
    );
}

fn has_anchor(page: &Path, anchor: &str) -> bool {
    anchor.is_empty()
        || docs::anchors(&fs::read_to_string(page).unwrap_or_default()).contains(anchor)
}

fn pages(root: &Path) -> Vec<PathBuf> {
    let folders = [root.to_owned(), root.join("docs")];
    let entries = folders
        .iter()
        .flat_map(|folder| fs::read_dir(folder).expect("the folder is readable"));
    let pages: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    assert!(pages.len() > 3, "the pages were not found");
    pages
}
