//! The rules, applied to the real tree.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::fs;

use house::source::{SourceFile, project_files, project_root};
use house::{layers, places};

fn files() -> Vec<SourceFile> {
    let files = project_files().expect("the project's source is readable");
    assert!(
        files.iter().any(|file| file.path == "src/lib.rs"),
        "src/lib.rs was not found"
    );
    files
}

#[track_caller]
fn none(rule: &str, findings: &[String]) {
    assert!(findings.is_empty(), "{rule}\n  {}\n", findings.join("\n  "));
}

#[test]
fn arrows_point_downwards() {
    none(
        "a module names one of its own layer or above (ARCHITECTURE.md):",
        &layers::upward_arrows(&files()),
    );
    none("a module has no layer:", &layers::unknown_modules(&files()));
}

#[test]
fn crates_depend_downwards() {
    let folders = fs::read_dir(project_root().join("crates")).expect("crates/ is readable");
    let manifests: Vec<(String, String)> = folders
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let text = fs::read_to_string(path.join("Cargo.toml")).ok()?;
            Some((path.file_name()?.to_string_lossy().into_owned(), text))
        })
        .collect();
    assert!(!manifests.is_empty(), "no crate was found");
    none(
        "a crate knows too much:",
        &layers::upward_dependencies(&manifests),
    );
}

#[test]
fn unsafe_code_stays_in_pg_and_hooks() {
    none(
        "unsafe code outside src/pg and src/hooks:",
        &places::stray_unsafe(&files()),
    );
    none(
        "a feature file may not hold unsafe code, and says so first:",
        &places::unforbidden(&files()),
    );
}

#[test]
fn version_switches_stay_in_compat() {
    none(
        "a PostgreSQL version switch outside src/pg/compat/:",
        &places::stray_version_switches(&files()),
    );
}

#[test]
fn only_the_verifier_declares_a_value_verified() {
    let functions = places::verifying_functions(&files());
    assert_eq!(
        functions.len(),
        1,
        "exactly one function may call Verified::assert_checked: {functions:?}"
    );
    assert!(
        functions
            .iter()
            .all(|f| f.starts_with("crates/ward-token/src/")),
        "{functions:?}"
    );
}

#[test]
fn pure_crates_have_no_clock_and_no_surroundings() {
    none(
        "time and keys are passed in:",
        &places::impure_code(&files()),
    );
}
