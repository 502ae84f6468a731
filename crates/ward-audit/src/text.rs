//! Statement texts without what was written in them.
//!
//! The rules are those of PostgreSQL's lexer (`scan.l`). Where a text is not what that lexer would
//! accept, the rest is cut: a secret must not survive because a quote was forgotten.

/// The statement with `$n` for each literal, without comments, and with single spaces.
///
/// Numbers go on where the statement's own parameters end. Quoted identifiers stay. What cannot be
/// read safely ends the text, with `…`. `backslash_escapes` is true where
/// `standard_conforming_strings` is off.
pub fn normalise(sql: &str, backslash_escapes: bool) -> String {
    let first = Scan::run(sql, backslash_escapes, 0);
    if first.highest == 0 {
        return first.out;
    }
    Scan::run(sql, backslash_escapes, first.highest).out
}

/// The text goes on in a way that PostgreSQL would not read, or not as we would.
struct Doubt;

struct Scan<'a> {
    rest: &'a str,
    out: String,
    /// The number that the last literal got.
    number: u16,
    /// The highest parameter of the statement itself.
    highest: u16,
    backslash_escapes: bool,
}

fn starts_name(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || !c.is_ascii()
}

fn is_name(c: char) -> bool {
    starts_name(c) || c.is_ascii_digit() || c == '$'
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}

fn is_line_end(c: char) -> bool {
    matches!(c, '\n' | '\r')
}

impl<'a> Scan<'a> {
    fn run(sql: &'a str, backslash_escapes: bool, number: u16) -> Self {
        let mut scan = Self {
            rest: sql,
            out: String::with_capacity(sql.len()),
            number,
            highest: 0,
            backslash_escapes,
        };
        loop {
            match scan.token() {
                Ok(true) => {}
                Ok(false) => break,
                Err(Doubt) => {
                    scan.out.push('…');
                    break;
                }
            }
        }
        scan.out.truncate(scan.out.trim_end_matches(' ').len());
        scan
    }

    /// Reads one token; false at the end.
    fn token(&mut self) -> Result<bool, Doubt> {
        let mut chars = self.rest.chars();
        let Some(first) = chars.next() else {
            return Ok(false);
        };
        let second = chars.next().unwrap_or_default();
        match (first, second) {
            (c, _) if is_space(c) => self.skip(|c| !is_space(c)),
            ('-', '-') => self.skip(is_line_end),
            ('/', '*') => self.comment()?,
            ('\'', _) => self.string(0, self.backslash_escapes)?,
            ('e' | 'E', '\'') => self.string(1, true)?,
            ('b' | 'B' | 'x' | 'X', '\'') => self.string(1, false)?,
            ('n' | 'N', '\'') => self.string(1, self.backslash_escapes)?,
            ('u' | 'U', '&') => self.unicode()?,
            ('"', _) => self.quoted(0)?,
            ('$', '0'..='9') => self.parameter()?,
            ('$', _) => self.dollar()?,
            ('0'..='9', _) | ('.', '0'..='9') => self.number()?,
            (c, _) if starts_name(c) => self.copy(|c| !is_name(c)),
            (c, _) => {
                self.out.push(c);
                self.advance(c.len_utf8());
            }
        }
        Ok(true)
    }

    fn advance(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    /// Takes everything before the first character that ends it.
    fn take(&mut self, ends: impl Fn(char) -> bool) -> &'a str {
        let length = self.rest.find(ends).unwrap_or(self.rest.len());
        let taken = self.rest.get(..length).unwrap_or_default();
        self.advance(length);
        taken
    }

    fn copy(&mut self, ends: impl Fn(char) -> bool) {
        let taken = self.take(ends);
        self.out.push_str(taken);
    }

    /// Leaves one space where something was.
    fn skip(&mut self, ends: impl Fn(char) -> bool) {
        self.take(ends);
        self.space();
    }

    fn space(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with(' ') {
            self.out.push(' ');
        }
    }

    fn literal(&mut self) -> Result<(), Doubt> {
        self.number = self.number.checked_add(1).ok_or(Doubt)?;
        self.out.push('$');
        self.out.push_str(&self.number.to_string());
        Ok(())
    }

    /// `/* … */`, which nests.
    fn comment(&mut self) -> Result<(), Doubt> {
        let mut depth = 0_u32;
        loop {
            let at = self.rest.find(['/', '*']).ok_or(Doubt)?;
            self.advance(at);
            if self.rest.starts_with("/*") {
                depth += 1;
                self.advance(2);
            } else if self.rest.starts_with("*/") {
                depth -= 1;
                self.advance(2);
                if depth == 0 {
                    self.space();
                    return Ok(());
                }
            } else {
                self.advance(1);
            }
        }
    }

    /// A literal in single quotes, after a prefix of so many bytes, with all that continues it.
    fn string(&mut self, prefix: usize, backslashes: bool) -> Result<(), Doubt> {
        self.advance(prefix);
        loop {
            self.quotes('\'', backslashes)?;
            if !self.continues() {
                return self.literal();
            }
        }
    }

    /// Goes behind the closing quote.
    fn quotes(&mut self, quote: char, backslashes: bool) -> Result<&'a str, Doubt> {
        let whole = self.rest;
        self.advance(1);
        loop {
            let at = self.rest.find([quote, '\\']).ok_or(Doubt)?;
            let is_quote = self.rest[at..].starts_with(quote);
            self.advance(at + 1);
            if !is_quote {
                if backslashes {
                    let escaped = self.rest.chars().next().ok_or(Doubt)?;
                    self.advance(escaped.len_utf8());
                }
            } else if self.rest.starts_with(quote) {
                self.advance(1);
            } else {
                let length = whole.len() - self.rest.len();
                return whole.get(..length).ok_or(Doubt);
            }
        }
    }

    /// A literal goes on in the next line: `'a'` line end `'b'` is `'ab'`, under the rules of the
    /// first part. If so, goes to that quote.
    fn continues(&mut self) -> bool {
        let (mut rest, mut lines) = (self.rest, false);
        loop {
            let trimmed = rest.trim_start_matches(is_space);
            let spaces = rest.get(..rest.len() - trimmed.len()).unwrap_or_default();
            lines |= spaces.contains(is_line_end);
            if !trimmed.starts_with("--") {
                rest = trimmed;
                break;
            }
            let end = trimmed.find(is_line_end).unwrap_or(trimmed.len());
            rest = trimmed.get(end..).unwrap_or_default();
        }
        let continues = lines && rest.starts_with('\'');
        if continues {
            self.rest = rest;
        }
        continues
    }

    /// `U&'…'`, `U&"…"`, or a name that begins with u.
    fn unicode(&mut self) -> Result<(), Doubt> {
        match self.rest.as_bytes().get(2) {
            // PostgreSQL refuses it where backslashes escape, so how it ends is anybody's guess.
            Some(b'\'') if self.backslash_escapes => Err(Doubt),
            Some(b'\'') => self.string(2, false),
            Some(b'"') => self.quoted(2),
            _ => {
                self.copy(|c| !is_name(c));
                Ok(())
            }
        }
    }

    /// A quoted identifier, which stays.
    fn quoted(&mut self, prefix: usize) -> Result<(), Doubt> {
        let before = self.rest.get(..prefix).unwrap_or_default();
        self.advance(prefix);
        let name = self.quotes('"', false)?;
        self.out.push_str(before);
        self.out.push_str(name);
        Ok(())
    }

    /// `$1`
    fn parameter(&mut self) -> Result<(), Doubt> {
        self.advance(1);
        let number = self.take(|c| !c.is_ascii_digit());
        if self.rest.starts_with(starts_name) {
            return Err(Doubt);
        }
        self.highest = self.highest.max(number.parse().map_err(|_| Doubt)?);
        self.out.push('$');
        self.out.push_str(number);
        Ok(())
    }

    /// `$tag$…$tag$`, or a lone `$`.
    fn dollar(&mut self) -> Result<(), Doubt> {
        let inner = self.rest.get(1..).unwrap_or_default();
        let length = inner.find(|c| !is_name(c) || c == '$').ok_or(Doubt)?;
        if !inner[length..].starts_with('$') {
            return Err(Doubt);
        }
        let (tag, body) = self.rest.split_at_checked(length + 2).ok_or(Doubt)?;
        let end = body.find(tag).ok_or(Doubt)?;
        self.rest = body.get(end + tag.len()..).unwrap_or_default();
        self.literal()
    }

    /// A number, with whatever letters touch it.
    fn number(&mut self) -> Result<(), Doubt> {
        loop {
            let part = self.take(|c| c != '.' && (c == '$' || !is_name(c)));
            let exponent = part.ends_with(['e', 'E']) && self.rest.starts_with(['+', '-']);
            if !exponent {
                break;
            }
            self.advance(1);
        }
        // `1e'…'`, `1$a$…$a$`: what touches the number could be part of a literal.
        if self.rest.starts_with(['\'', '"', '$']) {
            return Err(Doubt);
        }
        self.literal()
    }
}
