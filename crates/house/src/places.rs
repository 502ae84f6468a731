//! What may stand only in certain places: unsafe code, version switches, the verifier's word.

use crate::layers::{FEATURES, is_pure};
use crate::source::SourceFile;

fn contains_word(line: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word)
        .any(|(at, _)| !line[..at].ends_with(part) && !line[at + word.len()..].starts_with(part))
}

/// Lines of code that `wanted` accepts in files that `allowed` does not accept.
fn elsewhere(
    files: &[SourceFile],
    allowed: impl Fn(&str) -> bool,
    wanted: impl Fn(&str) -> bool,
) -> Vec<String> {
    let mut found = Vec::new();
    for file in files.iter().filter(|file| !allowed(&file.path)) {
        let hits = file.lines().filter(|(_, line)| wanted(line));
        found.extend(hits.map(|(number, line)| format!("{}:{number}: {}", file.path, line.trim())));
    }
    found
}

/// `unsafe` outside `src/pg/` and `src/hooks/`.
pub fn stray_unsafe(files: &[SourceFile]) -> Vec<String> {
    let allowed = |path: &str| path.starts_with("src/pg/") || path.starts_with("src/hooks/");
    elsewhere(files, allowed, |line| contains_word(line, "unsafe"))
}

/// Feature and API files whose first code line does not forbid unsafe code.
pub fn unforbidden(files: &[SourceFile]) -> Vec<String> {
    let bound = |path: &str| {
        let folder = path
            .strip_prefix("src/")
            .and_then(|inner| inner.split(['/', '.']).next());
        folder.is_some_and(|folder| folder == "api" || FEATURES.contains(&folder))
    };
    files
        .iter()
        .filter(|file| bound(&file.path))
        .filter(|file| {
            let first = file
                .lines()
                .map(|(_, line)| line.trim())
                .find(|line| !line.is_empty());
            first != Some("#![forbid(unsafe_code)]")
        })
        .map(|file| format!("{}: begin with #![forbid(unsafe_code)]", file.path))
        .collect()
}

/// Switches on the PostgreSQL major outside `src/pg/compat/`.
pub fn stray_version_switches(files: &[SourceFile]) -> Vec<String> {
    let mut found = Vec::new();
    let elsewhere = |file: &&SourceFile| !file.path.starts_with("src/pg/compat/");
    for file in files.iter().filter(elsewhere) {
        // The feature's name is a string literal, so the whole text is read here, line by line.
        for (index, line) in file.text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            let squeezed: String = code.chars().filter(|c| !c.is_whitespace()).collect();
            if squeezed.contains("feature=\"pg1") && squeezed.contains("cfg") {
                found.push(format!("{}:{}: {}", file.path, index + 1, code.trim()));
            }
        }
    }
    found.retain(|finding| !finding.starts_with("crates/house/"));
    found
}

/// The functions that declare a value verified, as `path: function`, one entry each.
pub fn verifying_functions(files: &[SourceFile]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files
        .iter()
        .filter(|file| !file.path.starts_with("crates/house/"))
    {
        let mut function = "";
        for (_, line) in file.lines() {
            if let Some((_, rest)) = line.split_once("fn ") {
                function = rest.split(['(', '<']).next().unwrap_or_default();
            }
            if line.contains("assert_checked(") && function != "assert_checked" {
                found.push(format!("{}: {function}", file.path));
            }
        }
    }
    found.dedup();
    found
}

/// Clock, environment, files, network, processes or threads in a crate that decides.
pub fn impure_code(files: &[SourceFile]) -> Vec<String> {
    const IMPURE: &[&str] = &[
        "SystemTime",
        "Instant",
        "std::env",
        "std::fs",
        "std::net",
        "std::process",
        "std::thread",
        "std::io",
        "rand",
    ];
    let pure = |path: &str| {
        let inner = path
            .strip_prefix("crates/")
            .and_then(|inner| inner.split_once('/'));
        inner.is_some_and(|(name, rest)| {
            is_pure(name) && rest.starts_with("src/") && !rest.contains("test")
        })
    };
    elsewhere(
        files,
        |path| !pure(path),
        |line| {
            // Threads that end with the call change how long it takes, not what it returns.
            let line = line.replace("std::thread::scope", "");
            IMPURE.iter().any(|name| contains_word(&line, name))
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(path: &str, text: &str) -> [SourceFile; 1] {
        [SourceFile::new(path, text)]
    }

    #[test]
    fn unsafe_code_is_found_outside_its_two_folders() {
        assert_eq!(
            stray_unsafe(&one("src/rows/mod.rs", "fn f() { unsafe { g() } }")).len(),
            1
        );
        assert_eq!(
            stray_unsafe(&one("crates/ward-core/src/lib.rs", "unsafe fn f() {}")).len(),
            1
        );
        assert!(stray_unsafe(&one("src/pg/node.rs", "unsafe { g() }")).is_empty());
        assert!(
            stray_unsafe(&one("src/rows/mod.rs", "#![forbid(unsafe_code)] // unsafe")).is_empty()
        );
    }

    #[test]
    fn a_feature_file_forbids_unsafe_code_first() {
        assert!(
            unforbidden(&one(
                "src/rows/pass.rs",
                "//! Doc.\n#![forbid(unsafe_code)]\nuse x;"
            ))
            .is_empty()
        );
        assert_eq!(
            unforbidden(&one("src/rows/pass.rs", "//! Doc.\nuse x;")).len(),
            1
        );
        assert_eq!(unforbidden(&one("src/api/rows.rs", "use x;")).len(), 1);
        assert!(unforbidden(&one("src/hooks/planner.rs", "use x;")).is_empty());
    }

    #[test]
    fn version_switches_live_in_one_folder() {
        let switch = "#[cfg(any(feature = \"pg15\", feature = \"pg16\"))]";
        assert_eq!(
            stray_version_switches(&one("src/rows/mod.rs", switch)).len(),
            1
        );
        assert!(stray_version_switches(&one("src/pg/compat/walk.rs", switch)).is_empty());
        assert!(
            stray_version_switches(&one("src/lib.rs", "#[cfg(feature = \"pg_test\")]")).is_empty()
        );
    }

    #[test]
    fn every_caller_of_the_witness_is_seen() {
        let text = "fn verify() { Verified::assert_checked(x) }\nfn cheat() { Verified::assert_checked(y) }";
        assert_eq!(
            verifying_functions(&one("src/session/mod.rs", text)).len(),
            2
        );
    }

    #[test]
    fn a_clock_in_a_pure_crate_is_found() {
        let text = "fn now() -> u64 { std::time::SystemTime::now() }";
        assert_eq!(
            impure_code(&one("crates/ward-token/src/verify.rs", text)).len(),
            1
        );
        assert!(impure_code(&one("crates/ward-mint/src/main.rs", text)).is_empty());
    }
}
