//! `ward-mint`: makes keys and signs tokens on the command line. See `--help`.
#![forbid(unsafe_code)]

use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};
use ward_mint::{ALGS, Error, SigningKey, tamper};

const HELP: &str = "\
ward-mint: a small token issuer for trying ward. Not for keys that matter.

  ward-mint keygen --alg ALG --kid NAME --out DIR
      makes a key pair: DIR/NAME.pem (private, PKCS #8), and adds the public
      key to DIR/jwks.json (a key of the same name is replaced)

  ward-mint sign --key FILE.pem --alg ALG --kid NAME --claims JSON
                 [--ttl SECONDS] [--header JSON] [--tamper]
      prints a token. Adds iat (now) and exp (now + ttl, 3600 by default; may
      be negative) unless the claims have them. --header is laid over
      {\"alg\":ALG,\"kid\":NAME,\"typ\":\"at+jwt\"}; null removes a member.
      --tamper changes the payload after signing.

  ALG: RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 EdDSA
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(output) => {
            print!("{output}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("ward-mint: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<String, Error> {
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) if !rest.iter().any(|a| a == "--help" || a == "-h") => {
            (command.as_str(), rest)
        }
        _ => return Ok(HELP.to_owned()),
    };
    match command {
        "keygen" => keygen(&Flags::parse(rest, &["alg", "kid", "out"])?),
        "sign" => sign(&Flags::parse(
            rest,
            &["key", "alg", "kid", "claims", "ttl", "header", "tamper"],
        )?),
        "help" | "--help" | "-h" => Ok(HELP.to_owned()),
        _ => Err(format!("unknown command {command}; try --help").into()),
    }
}

fn keygen(flags: &Flags) -> Result<String, Error> {
    let (alg, kid) = (flags.need("alg")?, flags.need("kid")?);
    if kid.is_empty()
        || !kid
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    {
        return Err("--kid may have letters, digits, - and _ only, as it names a file".into());
    }
    let key = SigningKey::generate(alg, kid)?;
    let folder = Path::new(flags.need("out")?);
    fs::create_dir_all(folder)?;
    write_private(&folder.join(format!("{kid}.pem")), &key.to_pem())?;
    let published = folder.join("jwks.json");
    let jwks = publish(fs::read_to_string(&published).ok().as_deref(), key.jwk())?;
    fs::write(&published, serde_json::to_string_pretty(&jwks)? + "\n")?;
    Ok(String::new())
}

/// The key set with this key added or replaced.
fn publish(existing: Option<&str>, jwk: Value) -> Result<Value, Error> {
    let jwks: Value = serde_json::from_str(existing.unwrap_or("{}"))?;
    let old = jwks
        .get("keys")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let mut keys: Vec<Value> = old
        .into_iter()
        .filter(|key| key["kid"] != jwk["kid"])
        .collect();
    keys.push(jwk);
    Ok(json!({ "keys": keys }))
}

/// Replaces the file, so that an old one with wider permissions is not kept.
fn write_private(path: &Path, text: &str) -> Result<(), Error> {
    use std::io::Write;
    let _ = fs::remove_file(path);
    let mut options = fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    Ok(())
}

fn sign(flags: &Flags) -> Result<String, Error> {
    let path = flags.need("key")?;
    let pem = fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    let key = SigningKey::from_pem(flags.need("alg")?, flags.need("kid")?, &pem)?;
    let mut claims = object("claims", flags.need("claims")?)?;
    let ttl: i64 = flags.get("ttl").unwrap_or("3600").parse()?;
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?;
    // An expired token must have been issued before it expired.
    claims.entry("iat").or_insert(json!(now.min(now + ttl - 1)));
    claims.entry("exp").or_insert(json!(now + ttl));
    let header = object("header", flags.get("header").unwrap_or("{}"))?;
    let token = key.sign(&header, &Value::Object(claims))?;
    let token = if flags.get("tamper").is_some() {
        tamper(&token)
    } else {
        token
    };
    Ok(token + "\n")
}

fn object(flag: &str, text: &str) -> Result<Map<String, Value>, Error> {
    serde_json::from_str(text).map_err(|error| format!("--{flag}: {error}").into())
}

/// The flags of a command: `--name value`, except for `--tamper`.
struct Flags(Vec<(String, String)>);

impl Flags {
    fn parse(arguments: &[String], known: &[&str]) -> Result<Self, Error> {
        let mut flags = Vec::new();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let name = argument
                .strip_prefix("--")
                .filter(|name| known.contains(name));
            let name = name.ok_or_else(|| format!("unknown argument {argument}; try --help"))?;
            let value = match name {
                "tamper" => String::new(),
                _ => rest
                    .next()
                    .ok_or_else(|| format!("--{name} needs a value"))?
                    .clone(),
            };
            flags.push((name.to_owned(), value));
        }
        Ok(Self(flags))
    }

    fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().rev().find(|(flag, _)| flag == name);
        found.map(|(_, value)| value.as_str())
    }

    fn need(&self, name: &str) -> Result<&str, Error> {
        let hint = if name == "alg" {
            format!(" ({})", ALGS.join(" "))
        } else {
            String::new()
        };
        self.get(name)
            .ok_or_else(|| format!("--{name} is needed{hint}").into())
    }
}
