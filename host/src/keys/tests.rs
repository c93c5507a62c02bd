//! The key file as its owner, a stranger and a forger see it.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use colibri_model::AccountId;
use colibri_standard::KeyKind;
use ring::rand::SystemRandom;
use ring::signature::Ed25519KeyPair;

use super::seal::Cost;
use super::*;

const HMAC_SECRET: &str = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j";

/// A key file in a folder of its own, cheap to unlock.
struct Fixture {
    folder: tempfile::TempDir,
    keys: KeyFile,
}

impl Fixture {
    fn new() -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        let keys = KeyFile::with_cost(&folder.path().join("keys.colibri"), CHEAP);
        Fixture { folder, keys }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("keys.colibri")
    }

    fn with(accounts: &[&str]) -> Fixture {
        let fixture = Fixture::new();
        for account in accounts {
            fixture
                .keys
                .add(
                    &key_set(account, KeyKind::HmacSha256, HMAC_SECRET),
                    &secret("correct horse"),
                )
                .unwrap();
        }
        fixture
    }

    /// Changes the file's text as a forger would.
    fn forge(&self, from: &str, to: &str) {
        let text = fs::read_to_string(self.path()).unwrap();
        assert!(text.contains(from), "{from} is not in {text}");
        fs::write(self.path(), text.replace(from, to)).unwrap();
    }
}

const CHEAP: Cost = Cost {
    memory_kib: 32,
    passes: 1,
    lanes: 1,
};

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

fn account(name: &str) -> AccountId {
    AccountId::new(name).unwrap()
}

fn key_set(name: &str, kind: KeyKind, text: &str) -> KeySet {
    KeySet {
        account: account(name),
        connector: "binance".into(),
        public: BTreeMap::from([("api_key".into(), format!("public-{name}"))]),
        secrets: BTreeMap::from([(
            "secret".into(),
            KeySecret {
                kind,
                text: secret(text),
            },
        )]),
    }
}

/// PKCS#8 as PEM, in lines of 64.
fn pem(der: &[u8]) -> String {
    let base64 = STANDARD.encode(der);
    let lines: Vec<&str> = base64
        .as_bytes()
        .chunks(64)
        .map(|line| str::from_utf8(line).unwrap())
        .collect();
    format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        lines.join("\n")
    )
}

#[test]
fn what_is_stored_comes_back_with_the_password() {
    let fixture = Fixture::new();
    let mut stored = key_set("main", KeyKind::HmacSha256, HMAC_SECRET);
    stored.secrets.insert(
        "passphrase".into(),
        KeySecret {
            kind: KeyKind::Text,
            text: secret("über alles"),
        },
    );
    fixture.keys.add(&stored, &secret("correct horse")).unwrap();

    let unlocked = fixture.keys.unlock(&secret("correct horse")).unwrap();
    let keys = unlocked.key_set(&account("main")).unwrap();
    assert_eq!(keys.listing(), stored.listing());
    assert_eq!(keys.secrets["secret"].text.expose(), HMAC_SECRET);
    assert_eq!(keys.secrets["passphrase"].text.expose(), "über alles");
}

#[test]
fn the_file_never_has_a_secret_in_the_clear() {
    let fixture = Fixture::with(&["main"]);
    let der = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    let pem = pem(der.as_ref());
    fixture
        .keys
        .add(&key_set("ed", KeyKind::Ed25519, &pem), &secret("correct horse"))
        .unwrap();
    for entry in fs::read_dir(fixture.folder.path()).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        let has = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
        assert!(!has(HMAC_SECRET.as_bytes()) && !has(STANDARD.encode(HMAC_SECRET).as_bytes()));
        assert!(!has(b"correct horse"));
        assert!(!has(&pem.as_bytes()[40..70]), "a part of the private key");
    }
}

#[test]
fn names_and_public_fields_need_no_password() {
    let fixture = Fixture::with(&["zeta", "main"]);
    let listed = fixture.keys.list().unwrap();
    let names: Vec<&str> = listed.iter().map(|listing| listing.account.as_str()).collect();
    assert_eq!(names, ["main", "zeta"]);
    assert_eq!(listed[0].public["api_key"], "public-main");
    assert_eq!(listed[0].secrets["secret"], KeyKind::HmacSha256);
    assert!(Fixture::new().keys.list().unwrap().is_empty());
}

#[test]
fn a_wrong_password_is_said_to_be_wrong() {
    let fixture = Fixture::with(&["main"]);
    let wrong = secret("incorrect horse");
    assert!(matches!(
        fixture.keys.unlock(&wrong),
        Err(KeysError::WrongPassword { .. })
    ));
    let other = key_set("other", KeyKind::HmacSha256, HMAC_SECRET);
    assert!(matches!(
        fixture.keys.add(&other, &wrong),
        Err(KeysError::WrongPassword { .. })
    ));
    assert_eq!(fixture.keys.list().unwrap().len(), 1);
}

#[test]
fn parts_of_one_account_cannot_stand_beside_another() {
    for (from, to) in [
        (r#""account": "main""#, r#""account": "mainly""#),
        (r#""connector": "binance""#, r#""connector": "evil""#),
        ("public-main", "public-evil"),
        ("hmac-sha256", "hmac-sha512"),
    ] {
        let fixture = Fixture::with(&["main"]);
        fixture.forge(from, to);
        let unlocked = fixture.keys.unlock(&secret("correct horse")).unwrap();
        let name = unlocked_name(&fixture);
        let error = unlocked.key_set(&name).unwrap_err();
        assert!(matches!(error, KeysError::Tampered { .. }), "{from} to {to}: {error}");
    }
}

fn unlocked_name(fixture: &Fixture) -> AccountId {
    fixture.keys.list().unwrap()[0].account.clone()
}

#[test]
fn sealed_secrets_cannot_be_swapped_between_accounts() {
    let fixture = Fixture::with(&["main", "zeta"]);
    let mut content: serde_json::Value = serde_json::from_str(&fs::read_to_string(fixture.path()).unwrap()).unwrap();
    let first = content["accounts"][0]["sealed"].take();
    let second = content["accounts"][1]["sealed"].take();
    content["accounts"][0]["sealed"] = second;
    content["accounts"][1]["sealed"] = first;
    fs::write(fixture.path(), content.to_string()).unwrap();
    let unlocked = fixture.keys.unlock(&secret("correct horse")).unwrap();
    for name in ["main", "zeta"] {
        assert!(matches!(
            unlocked.key_set(&account(name)),
            Err(KeysError::Tampered { .. })
        ));
    }
}

#[test]
fn a_file_that_is_not_one_is_refused_with_the_reason() {
    let fixture = Fixture::with(&["main"]);
    fixture.forge(r#""format": 1"#, r#""format": 2"#);
    let error = fixture.keys.list().unwrap_err().to_string();
    assert!(error.contains("format 2"), "{error}");

    let fixture = Fixture::with(&["main"]);
    fixture.forge(r#""memory_kib": 32"#, r#""memory_kib": 4000000000"#);
    assert!(matches!(
        fixture.keys.unlock(&secret("correct horse")),
        Err(KeysError::Cipher { .. })
    ));

    let fixture = Fixture::with(&["main"]);
    fs::write(fixture.path(), "half a fi").unwrap();
    assert!(matches!(fixture.keys.list(), Err(KeysError::Format { .. })));
    assert!(matches!(
        fixture
            .keys
            .add(&key_set("b", KeyKind::HmacSha256, "x"), &secret("correct horse")),
        Err(KeysError::Format { .. })
    ));
}

#[test]
fn an_account_is_added_once_and_can_be_removed() {
    let fixture = Fixture::with(&["main", "zeta"]);
    let again = key_set("main", KeyKind::HmacSha256, "another");
    assert!(matches!(
        fixture.keys.add(&again, &secret("correct horse")),
        Err(KeysError::AccountExists { .. })
    ));
    fixture.keys.remove(&account("main")).unwrap();
    let error = fixture.keys.remove(&account("main")).unwrap_err().to_string();
    assert!(error.contains("zeta"), "{error}");
    let unlocked = fixture.keys.unlock(&secret("correct horse")).unwrap();
    assert!(matches!(
        unlocked.key_set(&account("main")),
        Err(KeysError::NoAccount { .. })
    ));
    assert_eq!(
        unlocked.key_set(&account("zeta")).unwrap().secrets["secret"]
            .text
            .expose(),
        HMAC_SECRET
    );
}

#[test]
fn secrets_are_checked_against_their_kind() {
    let refused = |kind, text: &str| {
        let fixture = Fixture::new();
        let error = fixture
            .keys
            .add(&key_set("main", kind, text), &secret("correct horse"))
            .unwrap_err();
        assert!(!fixture.keys.exists(), "nothing is stored");
        error.to_string()
    };
    assert!(refused(KeyKind::HmacSha256, " ").contains("empty"));
    assert!(refused(KeyKind::HmacSha256, "ends with a break\n").contains("white space"));
    assert!(refused(KeyKind::Text, "").contains("empty"));
    assert!(refused(KeyKind::Ed25519, HMAC_SECRET).contains("PKCS#8"));
    assert!(refused(KeyKind::Ed25519, &pem(b"no key at all")).contains("not an Ed25519 private key"));
    assert!(refused(KeyKind::Rsa, HMAC_SECRET).contains("not a PEM text"));
    assert!(refused(KeyKind::Rsa, &pem(b"no key at all")).contains("2048 to 4096 bits"));
    assert!(refused(KeyKind::Es256, &pem(b"no key at all")).contains("P-256"));
    let sealed = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n";
    assert!(refused(KeyKind::Rsa, sealed).contains("password of its own"));
    assert!(refused(KeyKind::Ed25519, "-----BEGIN PUBLIC KEY-----\n").contains("public key"));
    assert!(refused(KeyKind::Ed25519, "-----BEGIN ENCRYPTED PRIVATE KEY-----\n").contains("password of its own"));

    // The private key of RFC 8410 section 10.3, which has no public key in it, as openssl writes them.
    let published = "-----BEGIN PRIVATE KEY-----\r\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\r\n\
                     -----END PRIVATE KEY-----\r\n";
    let fixture = Fixture::new();
    let keys = key_set("main", KeyKind::Ed25519, published);
    assert_eq!(recognise(&keys.secrets["secret"].text), KeyKind::Ed25519);
    assert!(refused(KeyKind::HmacSha256, published).contains("ed25519"));
    assert!(refused(KeyKind::Rsa, published).contains("not an RSA"));
    assert!(refused(KeyKind::Es256, published).contains("not a P-256"));
    fixture.keys.add(&keys, &secret("correct horse")).unwrap();
}

#[test]
fn a_p_256_key_is_recognised_and_kept() {
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
    let keys = key_set("main", KeyKind::Es256, &pem(document.as_ref()));
    assert_eq!(recognise(&keys.secrets["secret"].text), KeyKind::Es256);
    let fixture = Fixture::new();
    fixture.keys.add(&keys, &secret("correct horse")).unwrap();
    let kept = fixture.keys.unlock(&secret("correct horse")).unwrap();
    let kept = kept.key_set(&account("main")).unwrap();
    assert_eq!(kept.secrets["secret"].kind, KeyKind::Es256);
}

#[test]
fn nothing_prints_a_secret() {
    let keys = key_set("main", KeyKind::HmacSha256, HMAC_SECRET);
    let printed = format!("{keys:?} {:?}", keys.secrets["secret"]);
    assert!(printed.contains("[secret]") && !printed.contains(HMAC_SECRET));
}

#[test]
fn the_standard_cost_unlocks_too() {
    let folder = tempfile::tempdir().unwrap();
    let keys = KeyFile::at(&folder.path().join("new/folder/keys.colibri"));
    keys.add(
        &key_set("main", KeyKind::HmacSha256, HMAC_SECRET),
        &secret("correct horse"),
    )
    .unwrap();
    keys.unlock(&secret("correct horse")).unwrap();
}

#[cfg(unix)]
mod permissions {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &std::path::Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o777
    }

    fn set_mode(path: &std::path::Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn the_file_is_its_owners_alone_and_is_refused_when_it_is_not() {
        let fixture = Fixture::with(&["main"]);
        for entry in fs::read_dir(fixture.folder.path()).unwrap() {
            assert_eq!(mode(&entry.unwrap().path()), 0o600);
        }
        for exposed in [0o640, 0o604, 0o620, 0o666] {
            set_mode(&fixture.path(), exposed);
            let error = fixture.keys.unlock(&secret("correct horse")).map(|_| ()).unwrap_err();
            assert!(
                matches!(error, KeysError::Exposed { mode, .. } if mode == exposed),
                "{error}"
            );
            assert!(fixture.keys.list().is_err());
        }
        set_mode(&fixture.path(), 0o600);
        fixture.keys.list().unwrap();
    }

    #[test]
    fn a_password_file_is_read_only_when_nobody_else_can() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        fs::write(&path, "correct horse\nand a second line\n").unwrap();
        set_mode(&path, 0o644);
        assert!(matches!(password(Some(&path), ""), Err(KeysError::Exposed { .. })));
        set_mode(&path, 0o600);
        assert_eq!(password(Some(&path), "").unwrap().expose(), "correct horse");
        fs::write(&path, "short\n").unwrap();
        assert!(matches!(new_password(Some(&path)), Err(KeysError::Password(_))));
        fs::write(&path, "\n").unwrap();
        assert!(matches!(password(Some(&path), ""), Err(KeysError::Password(_))));
        assert!(matches!(
            password(Some(&folder.path().join("none")), ""),
            Err(KeysError::Io { .. })
        ));
    }
}
