//! `colibri keys add|list|remove`. A secret is asked for or read from a file; it is never an argument, which other users of
//! the machine could read, and never printed.

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use colibri_model::AccountId;
use colibri_standard::KeyKind;

use crate::cli::{KeyKindArg, KeysArgs};
use crate::exit::{Exit, ExitError};
use crate::keys::{self, KeyFile, KeySecret, KeySet, KeysError, Secret};

/// Where the keys are: as the user named it, or in the configuration folder.
#[must_use]
pub fn file(args: &KeysArgs) -> KeyFile {
    let path = args.keys.clone().unwrap_or_else(|| {
        let of = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        of("XDG_CONFIG_HOME")
            .or_else(|| of("HOME").map(|home| home.join(".config")))
            .unwrap_or_else(|| PathBuf::from("."))
            .join("colibri/keys.colibri")
    });
    KeyFile::at(&path)
}

/// An error of the key file, with its exit code.
pub fn refused(error: KeysError) -> ExitError {
    ExitError::new(Exit::Keys, error.to_string())
}

/// `colibri keys add`.
///
/// # Errors
/// The account exists, the secret is not of its kind, the password is wrong, or the file cannot be written.
pub fn add(
    args: &KeysArgs,
    account: &str,
    connector: &str,
    api_key: Option<String>,
    secret_file: Option<&Path>,
    kind: Option<KeyKindArg>,
) -> anyhow::Result<Exit> {
    let account = AccountId::new(account)?;
    let file = file(args);
    let api_key = match api_key {
        Some(key) => key,
        None => ask_visible("API key: ")?,
    };
    let secret = match secret_file {
        // The file keeps its end of line; a key does not have one.
        Some(path) => Secret::new(
            std::fs::read_to_string(path)
                .map_err(|e| ExitError::new(Exit::Keys, format!("{} cannot be read: {e}", path.display())))?
                .trim_end_matches(['\r', '\n'])
                .to_owned(),
        ),
        None => Secret::new(rpassword::prompt_password("Secret: ").context("the terminal cannot be read")?),
    };
    let kind = match kind {
        Some(KeyKindArg::HmacSha256) => KeyKind::HmacSha256,
        Some(KeyKindArg::Ed25519) => KeyKind::Ed25519,
        Some(KeyKindArg::Rsa) => KeyKind::Rsa,
        Some(KeyKindArg::Es256) => KeyKind::Es256,
        None => keys::recognise(&secret),
    };
    let set = KeySet {
        account: account.clone(),
        connector: connector.to_owned(),
        public: BTreeMap::from([("api_key".to_owned(), api_key)]),
        secrets: BTreeMap::from([("secret".to_owned(), KeySecret { kind, text: secret })]),
    };
    set.check().map_err(refused)?;
    let password = if file.exists() {
        keys::password(args.password_file.as_deref(), "Password of the key file: ")
    } else {
        keys::new_password(args.password_file.as_deref())
    }
    .map_err(refused)?;
    file.add(&set, &password).map_err(refused)?;
    writeln!(std::io::stderr(), "stored the keys of {account} for {connector}")?;
    Ok(Exit::Done)
}

fn ask_visible(prompt: &str) -> anyhow::Result<String> {
    let mut err = std::io::stderr();
    write!(err, "{prompt}")?;
    err.flush()?;
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .context("the terminal cannot be read")?;
    Ok(line.trim().to_owned())
}

/// `colibri keys list`.
///
/// # Errors
/// The file cannot be read.
pub fn list(args: &KeysArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    for set in file(args).list().map_err(refused)? {
        let public: Vec<_> = set
            .public
            .iter()
            .map(|(name, value)| format!("{name} {value}"))
            .collect();
        let kinds: Vec<_> = set
            .secrets
            .iter()
            .map(|(name, kind)| format!("{name} ({})", kind_text(*kind)))
            .collect();
        writeln!(
            out,
            "{:<16} {:<16} {}  {}",
            set.account,
            set.connector,
            public.join(" "),
            kinds.join(" ")
        )?;
    }
    Ok(Exit::Done)
}

fn kind_text(kind: KeyKind) -> String {
    serde_json::to_value(kind)
        .ok()
        .and_then(|v| v.as_str().map(str::to_owned))
        .unwrap_or_default()
}

/// `colibri keys remove`.
///
/// # Errors
/// No such account, or the file cannot be written.
pub fn remove(args: &KeysArgs, account: &str) -> anyhow::Result<Exit> {
    file(args).remove(&AccountId::new(account)?).map_err(refused)?;
    writeln!(std::io::stderr(), "removed the keys of {account}")?;
    Ok(Exit::Done)
}
