//! Reading the project's Rust files, without comments and string literals.

use std::io;
use std::path::{Path, PathBuf};
use std::{fs, iter};

/// One Rust file of the project.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// Path from the project's root, with `/`.
    pub path: String,
    /// The file as it is.
    pub text: String,
    /// The same with comments removed and literals emptied; line numbers are those of `text`.
    pub code: String,
}

impl SourceFile {
    /// A file with this path and text.
    pub fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            code: code_only(text),
        }
    }

    /// Lines of code with their numbers, from 1.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line))
    }
}

/// The project's root folder.
pub fn project_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// All Rust files of the extension, its tests and the crates, sorted by path.
///
/// # Errors
/// When a folder or file cannot be read.
pub fn project_files() -> io::Result<Vec<SourceFile>> {
    let root = project_root();
    let mut paths = Vec::new();
    for folder in ["src", "pg_test", "crates"] {
        collect(&root.join(folder), &mut paths)?;
    }
    paths.sort();
    paths
        .iter()
        .map(|path| {
            let name = path
                .strip_prefix(&root)
                .unwrap_or(path)
                .to_string_lossy()
                .replace('\\', "/");
            Ok(SourceFile::new(&name, &fs::read_to_string(path)?))
        })
        .collect()
}

fn collect(folder: &Path, into: &mut Vec<PathBuf>) -> io::Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target") {
                collect(&path, into)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
    Ok(())
}

/// Rust text without comments, with string and character literals emptied and lines kept.
pub fn code_only(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skipped = comment(rest).or_else(|| literal(rest));
        let length = skipped.unwrap_or(first.len_utf8());
        let (taken, after) = rest.split_at(length);
        match skipped {
            None => out.push(first),
            // An identifier such as `for"` cannot touch its neighbour: something must stand between.
            Some(_) => out.extend(iter::once(' ').chain(taken.chars().filter(|&c| c == '\n'))),
        }
        rest = after;
    }
    out
}

/// The length of the comment that `rest` begins with.
fn comment(rest: &str) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if !rest.starts_with("/*") {
        return None;
    }
    let (mut depth, mut at) = (0usize, 0);
    while at < rest.len() {
        let tail = rest.get(at..)?;
        if tail.starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if tail.starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += tail.chars().next()?.len_utf8();
        }
    }
    Some(rest.len())
}

/// The length of the string or character literal that `rest` begins with.
fn literal(rest: &str) -> Option<usize> {
    if let Some(raw) = rest.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw.get(hashes..)?.starts_with('"') {
            let end = format!("\"{}", "#".repeat(hashes));
            let body = raw.get(hashes + 1..)?;
            return Some(
                body.find(&end)
                    .map_or(rest.len(), |at| 1 + hashes + 1 + at + end.len()),
            );
        }
        return None;
    }
    let quote = rest.chars().next().filter(|&c| c == '"' || c == '\'')?;
    let mut chars = rest.char_indices().skip(1);
    if quote == '\'' {
        // A lifetime has no closing quote after its first character.
        let (_, first) = chars.next()?;
        let (after, next) = chars.next()?;
        return match (first, next) {
            ('\\', _) => rest
                .get(after + 1..)?
                .find('\'')
                .map(|at| after + 1 + at + 1),
            (_, '\'') => Some(after + 1),
            _ => None,
        };
    }
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            '"' => return Some(at + 1),
            _ => {}
        }
    }
    Some(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_vanish_and_lines_stay() {
        let text = "a // unsafe\nb /* unsafe /* nested */\n unsafe */ c\nd(\"unsafe \\\" x\", 'u', '\\'', r#\"un\"safe\"#)";
        let code = code_only(text);
        assert!(!code.contains("unsafe"), "{code}");
        assert_eq!(code.lines().count(), 4);
        for word in ["a", "b", "c", "d("] {
            assert!(code.contains(word), "{word} is missing in {code}");
        }
    }

    #[test]
    fn lifetimes_are_not_literals() {
        assert_eq!(
            code_only("fn f<'a>(x: &'a str) -> &'a str { x }"),
            "fn f<'a>(x: &'a str) -> &'a str { x }"
        );
    }
}
