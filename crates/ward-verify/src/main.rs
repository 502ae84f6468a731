//! `ward-verify`: checks audit logs where there is no database. See `--help`.
#![forbid(unsafe_code)]

mod arguments;
mod consistency;
mod folder;
mod json;
mod links;
mod log;
mod proof;
mod show;
mod time;

use arguments::{Arguments, Usage};
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

const HELP: &str = "\
ward-verify: checks audit logs of ward. It needs their files and the public key.

  ward-verify log DIR --key KEY [--threads N] [--json]
      checks every entry, hash and signature, and the links between logs. DIR is
      an audit directory (with log/000001, …) or one log (with a checkpoint).

  ward-verify consistency DIR CHECKPOINT --key KEY [--json]
      whether a log still begins with what it was when this checkpoint was
      kept. CHECKPOINT is a file.

  ward-verify proof FILE --key KEY [--entry FILE] [--json]
      checks the proof of one entry (SELECT ward.audit_proof(…)), and shows the
      entry. Its bytes are in the proof; --entry names them where they are not.

  ward-verify show DIR [--log N] [--from INDEX] [--to INDEX]
      prints entries, one JSON object per line, with what they refer to. Checks
      nothing.

  KEY: the key itself (NAME+HASH+BASE64) or a file with it, such as audit.vkey.
       May be given several times, for logs with different keys.

Exit: 0 good, 1 bad, 2 not used rightly.
";

/// How a command ended.
pub enum Ending {
    /// All is as it should be.
    Good,
    /// Something is wrong, and has been said.
    Bad,
}

/// Why a command could not do its work.
pub enum Failure {
    /// It was called wrongly, or what it was given cannot be read.
    Usage(String),
    /// Its output could not be written.
    Output(io::Error),
}

impl From<Usage> for Failure {
    fn from(usage: Usage) -> Self {
        Self::Usage(usage.0)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut out = io::BufWriter::new(io::stdout().lock());
    let ending = run(&arguments, &mut out);
    let ending = ending.and_then(|ending| Ok(out.flush().map(|()| ending)?));
    match ending {
        Ok(Ending::Good) => ExitCode::SUCCESS,
        Ok(Ending::Bad) => ExitCode::from(1),
        // Whoever reads has seen enough.
        Err(Failure::Output(error)) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(Failure::Output(error)) => {
            eprintln!("ward-verify: {error}");
            ExitCode::from(2)
        }
        Err(Failure::Usage(message)) => {
            eprintln!("ward-verify: {message}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &[String], out: &mut dyn Write) -> Result<Ending, Failure> {
    let Some((command, rest)) = arguments.split_first() else {
        return Err(Failure::Usage(HELP.to_owned()));
    };
    if arguments.iter().any(|a| a == "--help" || a == "-h") || command == "help" {
        out.write_all(HELP.as_bytes())?;
        return Ok(Ending::Good);
    }
    match command.as_str() {
        "log" => log::run(&Arguments::parse(rest, &["key", "threads", "json"])?, out),
        "consistency" => consistency::run(&Arguments::parse(rest, &["key", "json"])?, out),
        "proof" => proof::run(&Arguments::parse(rest, &["key", "entry", "json"])?, out),
        "show" => show::run(&Arguments::parse(rest, &["log", "from", "to"])?, out),
        _ => Err(Failure::Usage(format!(
            "unknown command {command}; try --help"
        ))),
    }
}
