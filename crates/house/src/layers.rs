//! Arrows only downwards: which module may name which.
//!
//! `sql → hooks | api | worker → features → pg | ward-token | ward-mask | ward-audit | ward-policy → ward-core`

use crate::source::SourceFile;

/// The layers of the extension crate from the bottom up. A module may name modules of lower
/// layers and itself, never one of its own layer or above.
pub const LAYERS: &[&[&str]] = &[
    &["errors"],
    &["pg"],
    &["config"],
    &["audit"],
    &["registry", "tenant"],
    &["session"],
    &["policy", "capability", "detect"],
    &["rows", "output"],
    &["lineage", "mask"],
    &["pass"],
    &["guard"],
    &["posture"],
    &["hooks", "api", "worker"],
];

/// Modules that hold features: safe code only.
pub const FEATURES: &[&str] = &[
    "audit",
    "registry",
    "tenant",
    "session",
    "policy",
    "capability",
    "lineage",
    "detect",
    "rows",
    "mask",
    "pass",
    "output",
    "guard",
    "posture",
];

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|names| names.contains(&module))
}

/// The module of a file in `src/`, as `["rows", "pass"]` for `src/rows/pass.rs`.
fn module_path(path: &str) -> Option<Vec<&str>> {
    let inner = path.strip_prefix("src/")?.strip_suffix(".rs")?;
    let mut parts: Vec<&str> = inner.split('/').collect();
    if parts.last() == Some(&"mod") {
        parts.pop();
    }
    Some(parts)
}

/// The top-level modules that one line of code names through `crate::…` or through enough `super::`.
fn named_modules(line: &str, depth: usize) -> Vec<&str> {
    let mut named = Vec::new();
    for (at, _) in line.match_indices("crate::") {
        let own = !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$');
        if own {
            named.extend(first_names(&line[at + "crate::".len()..]));
        }
    }
    let to_root = "super::".repeat(depth);
    if depth > 0 {
        for (at, _) in line.match_indices(&to_root) {
            named.extend(first_names(
                line[at + to_root.len()..].trim_start_matches("super::"),
            ));
        }
    }
    named
}

/// `pg::x` names `pg`; `{pg, session::{a, b}}` names `pg` and `session`.
fn first_names(rest: &str) -> Vec<&str> {
    let Some(group) = rest.strip_prefix('{') else {
        return vec![identifier(rest)];
    };
    let (mut names, mut depth, mut start) = (Vec::new(), 0usize, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                names.push(identifier(group[start..at].trim()));
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    names
}

fn identifier(text: &str) -> &str {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .next()
        .unwrap_or_default()
}

/// `use crate::{…}` over several lines as one line, so that groups can be read.
fn statements(code: &str) -> Vec<(usize, String)> {
    let mut out: Vec<(usize, String)> = Vec::new();
    let mut open = false;
    for (index, line) in code.lines().enumerate() {
        match out.last_mut().filter(|_| open) {
            Some((_, statement)) => statement.push_str(line.trim()),
            None => out.push((index + 1, line.to_owned())),
        }
        open = out
            .last()
            .is_some_and(|(_, s)| s.contains("use ") && !s.contains(';'));
    }
    out
}

/// Every place where a module of `src/` names a module of its own layer or of one above.
pub fn upward_arrows(files: &[SourceFile]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        let Some(path) = module_path(&file.path) else {
            continue;
        };
        let Some((&module, own)) = path.first().and_then(|m| Some((m, layer(m)?))) else {
            continue;
        };
        for (line, statement) in statements(&file.code) {
            for name in named_modules(&statement, path.len()) {
                if name != module && layer(name).is_some_and(|theirs| theirs >= own) {
                    found.push(format!(
                        "{}:{line}: `{module}` must not use `{name}`",
                        file.path
                    ));
                }
            }
        }
    }
    found
}

/// Modules in `src/` that [`LAYERS`] does not know: they would escape the rule.
pub fn unknown_modules(files: &[SourceFile]) -> Vec<String> {
    let mut found: Vec<String> = files
        .iter()
        .filter_map(|file| {
            module_path(&file.path)?
                .first()
                .map(|module| (*module).to_owned())
        })
        .filter(|module| module != "lib" && layer(module).is_none())
        .map(|module| format!("src/{module}: give it a layer in crates/house/src/layers.rs"))
        .collect();
    found.dedup();
    found
}

/// Crates that depend on a ward crate they must not know.
///
/// `manifests` are (crate name, text of its Cargo.toml) of the folders in `crates/`.
pub fn upward_dependencies(manifests: &[(String, String)]) -> Vec<String> {
    let mut found = Vec::new();
    for (name, text) in manifests {
        for dependency in runtime_dependencies(text) {
            let allowed = match dependency {
                "pgrx" | "pgrx-tests" | "ward" => false,
                "ward-core" => true,
                // Programs may stand on the pure crates; pure crates stand on ward-core alone.
                other if other.starts_with("ward-") => !is_pure(name),
                _ => true,
            };
            if !allowed {
                found.push(format!("crates/{name}: must not depend on `{dependency}`"));
            }
        }
    }
    found
}

/// Crates that decide: no clock, environment, network or other ward crate than `ward-core`.
pub fn is_pure(crate_name: &str) -> bool {
    matches!(
        crate_name,
        "ward-core" | "ward-token" | "ward-mask" | "ward-audit" | "ward-policy"
    )
}

fn runtime_dependencies(manifest: &str) -> Vec<&str> {
    let mut inside = false;
    let mut names = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.trim() == "[dependencies]";
        } else if inside && line.contains('=') {
            names.push(line.split(['=', '.', ' ']).next().unwrap_or_default());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrows(path: &str, text: &str) -> Vec<String> {
        upward_arrows(&[SourceFile::new(path, text)])
    }

    #[test]
    fn downward_arrows_are_fine() {
        assert!(
            arrows(
                "src/rows/pass.rs",
                "use crate::{pg::node, session};\nuse super::fold;"
            )
            .is_empty()
        );
        assert!(arrows("src/api/rows.rs", "use crate::rows;").is_empty());
    }

    #[test]
    fn an_arrow_up_is_found_however_it_is_written() {
        for text in [
            "use crate::rows;",
            "use crate::{pg::node, rows::pass};",
            "use crate::{\n    pg::node,\n    rows::pass,\n};",
            "fn f() { crate::hooks::run() }",
            "use super::super::rows;",
        ] {
            assert_eq!(arrows("src/session/cache.rs", text).len(), 1, "{text}");
        }
        assert_eq!(arrows("src/session/mod.rs", "use super::rows;").len(), 1);
    }

    #[test]
    fn neighbours_in_one_layer_are_strangers() {
        assert_eq!(arrows("src/rows/mod.rs", "use crate::guard;").len(), 1);
    }

    #[test]
    fn a_comment_is_not_an_arrow() {
        assert!(
            arrows(
                "src/pg/mod.rs",
                "// crate::hooks\n/// [`crate::rows`]\nfn f() {}"
            )
            .is_empty()
        );
    }

    #[test]
    fn a_new_module_needs_a_layer() {
        assert_eq!(
            unknown_modules(&[SourceFile::new("src/shiny/mod.rs", "")]).len(),
            1
        );
    }

    #[test]
    fn pure_crates_stand_on_the_core_alone() {
        let manifest = |deps: &str| format!("[package]\nname = \"x\"\n[dependencies]\n{deps}\n");
        let check = |name: &str, deps| upward_dependencies(&[(name.to_owned(), manifest(deps))]);
        assert_eq!(check("ward-token", "pgrx = \"1\"").len(), 1);
        assert_eq!(check("ward-core", "ward-token = { path = \"x\" }").len(), 1);
        assert!(check("ward-token", "ward-core.workspace = true").is_empty());
        assert!(check("ward-mint", "ward-token = { path = \"x\" }").is_empty());
    }
}
