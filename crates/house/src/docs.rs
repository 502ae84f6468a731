//! What the documentation says, and what the code says, in a form that can be compared.

use std::collections::{BTreeMap, BTreeSet};

/// A code as one side knows it: SQLSTATE and title, by the stable text (`WD008`).
pub type Codes = BTreeMap<String, (String, String)>;

/// The SQLSTATEs that ward uses, by PostgreSQL's own names (PostgreSQL manual, appendix A).
const STATES: [(&str, &str); 13] = [
    ("ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION", "28000"),
    ("ERRCODE_INSUFFICIENT_PRIVILEGE", "42501"),
    ("ERRCODE_ACTIVE_SQL_TRANSACTION", "25001"),
    ("ERRCODE_FEATURE_NOT_SUPPORTED", "0A000"),
    ("ERRCODE_INVALID_OBJECT_DEFINITION", "42P17"),
    ("ERRCODE_INVALID_PARAMETER_VALUE", "22023"),
    ("ERRCODE_INVALID_TEXT_REPRESENTATION", "22P02"),
    ("ERRCODE_PROGRAM_LIMIT_EXCEEDED", "54000"),
    ("ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE", "55000"),
    ("ERRCODE_DATA_CORRUPTED", "XX001"),
    ("ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION", "23000"),
    ("ERRCODE_RESTRICT_VIOLATION", "23001"),
    ("ERRCODE_INTERNAL_ERROR", "XX000"),
];

/// The table `codes!` of `src/errors.rs`: lines of variant, text, SQLSTATE's name and title.
pub fn codes_in_source(text: &str) -> Codes {
    let rows = text.lines().filter_map(|line| {
        let quoted: Vec<&str> = line.trim().strip_suffix(';')?.split('"').collect();
        let [_variant, code, state, title, ""] = quoted.as_slice() else {
            return None;
        };
        let known = STATES.iter().find(|(name, _)| *name == state.trim());
        // A state that is not in the list above shows up as its name, and the comparison fails.
        let state = known.map_or(state.trim(), |(_, state)| state);
        is_code(code).then(|| ((*code).to_owned(), (state.to_owned(), (*title).to_owned())))
    });
    rows.collect()
}

/// The table of `docs/errors.md`: rows of code, SQLSTATE, title, and more.
pub fn codes_in_page(text: &str) -> Codes {
    let rows = text.lines().filter_map(|line| {
        let mut cells = line.strip_prefix('|')?.split('|').map(str::trim);
        let (code, state, title) = (cells.next()?, cells.next()?, cells.next()?);
        let state = state.trim_matches('`').to_owned();
        is_code(code).then(|| (code.to_owned(), (state, title.to_owned())))
    });
    rows.collect()
}

/// Every ward code that a text mentions.
pub fn mentioned_codes(text: &str) -> BTreeSet<String> {
    let starts = text
        .match_indices("WD")
        .filter_map(|(at, _)| text.get(at..at + 5));
    starts
        .filter(|code| is_code(code))
        .map(str::to_owned)
        .collect()
}

fn is_code(text: &str) -> bool {
    text.strip_prefix("WD")
        .is_some_and(|digits| digits.len() == 3 && digits.bytes().all(|b| b.is_ascii_digit()))
}

/// What the installed SQL puts into schema `ward`: functions, procedures, views, types,
/// aggregates, operators.
///
/// A name without a schema is created in the extension's own, which is `ward`.
pub fn public_objects(sql: &str) -> BTreeSet<String> {
    const KINDS: [&str; 6] = [
        "FUNCTION ",
        "PROCEDURE ",
        "VIEW ",
        "TYPE ",
        "AGGREGATE ",
        "OPERATOR ",
    ];
    let created = sql
        .lines()
        .filter_map(|line| line.trim().strip_prefix("CREATE "));
    let names = created.filter_map(|rest| {
        let rest = rest.trim_start();
        let name = KINDS.iter().find_map(|kind| rest.strip_prefix(kind))?;
        let name = name.split(['(', ' ', ';']).next()?.replace('"', "");
        match name.split_once('.') {
            Some(("ward", name)) => Some(name.to_owned()),
            Some(_) => None,
            None if name == "CLASS" => None,
            None => Some(name),
        }
    });
    names.collect()
}

/// The settings that the source defines or names: `c"ward.…"`.
pub fn settings(text: &str) -> BTreeSet<String> {
    let found = text
        .split("c\"ward.")
        .skip(1)
        .filter_map(|rest| rest.split('"').next());
    found.map(str::to_owned).collect()
}

/// What `docs/reference.md` describes: each heading `### …` names its objects as `` `ward.name…` ``
/// or, for operators, as `` `<@` ``.
pub fn referenced(page: &str) -> BTreeSet<String> {
    let headings = page.lines().filter_map(|line| line.strip_prefix("### "));
    let spans = headings.flat_map(|heading| heading.split('`').skip(1).step_by(2));
    spans
        .map(|span| match span.strip_prefix("ward.") {
            Some(name) => name.split('(').next().unwrap_or_default().to_owned(),
            None => span.to_owned(),
        })
        .collect()
}

/// The files that a page points at: links relative to the page, and paths from the root in code.
pub fn paths(page: &str) -> Vec<Pointer> {
    const ROOTS: [&str; 9] = [
        "src/", "crates/", "sql/", "tests/", "pg_test/", "docs/", "demo/", "bench/", "scripts/",
    ];
    let links = page
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next());
    let links = links.filter(|link| !link.contains("://")).map(|link| {
        let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
        Pointer::FromPage(file.to_owned(), anchor.to_owned())
    });
    let spans = page
        .lines()
        .flat_map(|line| line.split('`').skip(1).step_by(2));
    let plain = |span: &&str| {
        ROOTS.iter().any(|root| span.starts_with(root)) && !span.contains(['*', '…', '<', ' ', '{'])
    };
    let paths = spans
        .filter(plain)
        .map(|path| Pointer::FromRoot(path.to_owned()));
    links.chain(paths).collect()
}

/// A file that a page points at.
#[derive(Debug, PartialEq, Eq)]
pub enum Pointer {
    /// Relative to the page's folder, empty for the page itself; and the anchor there, or empty.
    FromPage(String, String),
    /// Relative to the project's root.
    FromRoot(String),
}

/// The anchors that a page's headings give it, as repositories' web pages name them.
pub fn anchors(page: &str) -> BTreeSet<String> {
    let headings = page.lines().filter(|line| line.starts_with('#'));
    let slug = |heading: &str| {
        let lower = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = lower
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c })
            .collect::<String>()
    };
    headings.map(slug).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_tables_read_alike() {
        let source =
            r#"    Expired  "WD008" ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION "token expired";"#;
        let page = "| code | state |\n| WD008 | 28000 | token expired | when | cure |";
        assert_eq!(codes_in_source(source), codes_in_page(page));
        assert_eq!(codes_in_source(source).len(), 1);
        assert_ne!(
            codes_in_source(source),
            codes_in_page(&page.replace("28000", "42501"))
        );
        assert_ne!(
            codes_in_source(source),
            codes_in_page(&page.replace("token", "a token"))
        );
    }

    #[test]
    fn mentions() {
        let found = mentioned_codes("DETAIL:  WD008 token expired; WD14, WDX, WD0140");
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["WD008", "WD014"]);
    }

    #[test]
    fn objects_of_the_public_schema() {
        let sql = "CREATE  FUNCTION \"tenant\"() RETURNS text\nCREATE FUNCTION ward_internal.deny(x)\n\
                   CREATE OPERATOR ward.<@ (\nCREATE OPERATOR CLASS ward.label_ops\nCREATE VIEW ward.issuers AS\n\
                   CREATE TABLE ward_internal.x";
        let found: Vec<_> = public_objects(sql).into_iter().collect();
        assert_eq!(found, ["<@", "issuers", "tenant"]);
        let page = "### `ward.tenant() → text`\ntext\n### `<@`, `@>`\n";
        assert_eq!(
            referenced(page).into_iter().collect::<Vec<_>>(),
            ["<@", "@>", "tenant"]
        );
    }

    #[test]
    fn pointers() {
        let page = "[a](rows.md#x-y) [b](https://x/y) [c](#here) `src/rows/pass.rs` `src/*.rs` `sql/install/…`";
        let expected = [
            Pointer::FromPage("rows.md".into(), "x-y".into()),
            Pointer::FromPage(String::new(), "here".into()),
            Pointer::FromRoot("src/rows/pass.rs".into()),
        ];
        assert_eq!(paths(page), expected);
        assert!(anchors("# A\n## X `y`, (z)?\n").contains("x-y-z"));
    }
}
