//! The command line.

use std::fs;
use std::path::Path;
use ward_audit::{Checkpoint, Verifier};

/// What is wrong with the command line.
pub struct Usage(pub String);

/// Words, and flags: `--name value`, except for `--json`.
pub struct Arguments {
    words: Vec<String>,
    flags: Vec<(String, String)>,
}

impl Arguments {
    /// Reads the arguments of a command that knows these flags.
    pub fn parse(arguments: &[String], known: &[&str]) -> Result<Self, Usage> {
        let (mut words, mut flags) = (Vec::new(), Vec::new());
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let Some(flag) = argument.strip_prefix("--") else {
                words.push(argument.clone());
                continue;
            };
            if !known.contains(&flag) {
                return Err(Usage(format!("unknown argument {argument}; try --help")));
            }
            let value = match flag {
                "json" => Some(String::new()),
                _ => rest.next().cloned(),
            };
            let value = value.ok_or_else(|| Usage(format!("{argument} needs a value")))?;
            flags.push((flag.to_owned(), value));
        }
        Ok(Self { words, flags })
    }

    /// The words, of which there must be as many as names.
    pub fn words<const N: usize>(&self, names: [&str; N]) -> Result<[&str; N], Usage> {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        <[&str; N]>::try_from(words).map_err(|words| match words.get(N) {
            Some(surplus) => Usage(format!("unknown argument {surplus}; try --help")),
            None => Usage(format!("{} is needed; try --help", names.join(" "))),
        })
    }

    /// The last value of a flag.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.flags.iter().rev().find(|(flag, _)| flag == name);
        found.map(|(_, value)| value.as_str())
    }

    /// A flag without a value.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// A flag whose value is a number.
    pub fn number(&self, name: &str) -> Result<Option<u64>, Usage> {
        let read = |text: &str| {
            text.parse()
                .map_err(|_| Usage(format!("--{name} {text}: not a number")))
        };
        self.get(name).map(read).transpose()
    }

    /// The public keys, of which one at least is needed.
    pub fn keys(&self) -> Result<Keys, Usage> {
        let values = self.flags.iter().filter(|(flag, _)| flag == "key");
        let mut keys = values.map(|(_, value)| key(value));
        let first = keys.next().ok_or_else(|| {
            Usage("--key is needed: the public key of the log, or a file with it".to_owned())
        })??;
        let others = keys.collect::<Result<_, _>>()?;
        Ok(Keys { first, others })
    }
}

/// Keys, each of which may have signed.
pub struct Keys {
    first: Verifier,
    others: Vec<Verifier>,
}

impl Keys {
    /// The key that signed a checkpoint, or else the first: its message says what is wrong.
    pub fn signer(&self, note: &str) -> &Verifier {
        let mut others = self.others.iter();
        match self.first.open(note) {
            Ok(_) => &self.first,
            Err(_) => others
                .find(|key| key.open(note).is_ok())
                .unwrap_or(&self.first),
        }
    }

    /// A checkpoint that one of them signed.
    pub fn open(&self, note: &str) -> Option<Checkpoint> {
        self.signer(note).open(note).ok()
    }
}

/// A key, or a file with one.
fn key(value: &str) -> Result<Verifier, Usage> {
    if let Ok(key) = Verifier::parse(value) {
        return Ok(key);
    }
    let text = read_text(Path::new(value))?;
    Verifier::parse(&text).map_err(|error| Usage(format!("--key {value}: {error}")))
}

/// A file's text, with one line end at its end: clients of the database add one of their own.
pub fn read_text(path: &Path) -> Result<String, Usage> {
    let text = fs::read_to_string(path);
    let text = text.map_err(|error| Usage(format!("{}: {error}", path.display())))?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned() + "\n")
}
