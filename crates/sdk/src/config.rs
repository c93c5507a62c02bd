//! The configuration of an instance, read member by member: it is read once and small, and the code that derives from its
//! types would be a tenth of a connector's library.

use colibri_standard::{ConnectorConfig, Credential, EnvironmentConfig, KeyKind};
use serde_json::Value;

use crate::json::{JsonError, Kind, MemberError, Object, Reader};

/// Reads a configuration, as `serde` reads [`ConnectorConfig`], but for the state: that is handed out as its bytes.
///
/// # Errors
/// What is wrong, and where.
pub(crate) fn read(bytes: &[u8]) -> Result<(ConnectorConfig, Option<&[u8]>), String> {
    let config = Object::whole(bytes).map_err(|e| e.to_string())?;
    let read = || {
        let environment = config.object("environment")?;
        let mut read = ConnectorConfig {
            environment: EnvironmentConfig {
                name: environment.text("name")?.into_owned(),
                ..EnvironmentConfig::default()
            },
            ..ConnectorConfig::default()
        };
        for (role, address) in environment.object("addresses")?.texts()? {
            read.environment.addresses.insert(role, address);
        }
        for (field, text) in config.some_object("credentials")?.unwrap_or_default().members() {
            let credential = credential(text).map_err(|_| MemberError::new("credentials", "a field cannot be read"))?;
            read.credentials.insert(field.to_owned(), credential);
        }
        for (name, text) in config.some_object("options")?.unwrap_or_default().members() {
            read.options.insert(name.to_owned(), option(text)?);
        }
        Ok((read, config.raw("state")))
    };
    read().map_err(|e: MemberError| e.to_string())
}

fn option(text: &[u8]) -> Result<Value, MemberError> {
    Reader::whole(text, value).map_err(|e| MemberError::new("options", e.what))
}

fn value(r: &mut Reader<'_>) -> Result<Value, JsonError> {
    Ok(match r.next_kind() {
        Some(Kind::Null) => {
            r.skip()?;
            Value::Null
        }
        Some(Kind::Flag) => Value::Bool(r.boolean()?),
        Some(Kind::Number) => {
            let text = r.number()?;
            let integer = text.parse::<u64>().map(Value::from);
            let integer = integer.or_else(|_| text.parse::<i64>().map(Value::from));
            let float = || text.parse::<f64>().ok().and_then(serde_json::Number::from_f64);
            match integer {
                Ok(integer) => integer,
                Err(_) => Value::Number(float().ok_or_else(|| r.error("a number out of range"))?),
            }
        }
        Some(Kind::Array) => {
            let mut list = Vec::new();
            r.array(|r| {
                list.push(value(r)?);
                Ok(())
            })?;
            Value::Array(list)
        }
        Some(Kind::Object) => {
            let mut map = serde_json::Map::new();
            r.object(|key, r| {
                map.insert(String::from_utf8_lossy(key).into_owned(), value(r)?);
                Ok(())
            })?;
            Value::Object(map)
        }
        Some(Kind::Text) | None => Value::String(r.string()?.into_owned()),
    })
}

fn key_kind(text: &str) -> Option<KeyKind> {
    Some(match text {
        "hmac-sha256" => KeyKind::HmacSha256,
        "hmac-sha384" => KeyKind::HmacSha384,
        "hmac-sha512" => KeyKind::HmacSha512,
        "ed25519" => KeyKind::Ed25519,
        "rsa" => KeyKind::Rsa,
        "es256" => KeyKind::Es256,
        "text" => KeyKind::Text,
        _ => return None,
    })
}

fn credential(text: &[u8]) -> Result<Credential, MemberError> {
    let field = Object::whole(text).map_err(|e| MemberError::new("credentials", e.what))?;
    match field.text("role")?.as_ref() {
        "public" => Ok(Credential::Public {
            value: field.text("value")?.into_owned(),
        }),
        "secret" => {
            let kind = key_kind(&field.text("kind")?);
            Ok(Credential::Secret {
                kind: kind.ok_or(MemberError::new("kind", "no kind of key is called so"))?,
            })
        }
        _ => Err(MemberError::new("role", "it is neither public nor secret")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn same(bytes: &[u8]) -> Option<ConnectorConfig> {
        let theirs = serde_json::from_slice::<ConnectorConfig>(bytes).ok();
        let ours = read(bytes).ok().map(|(config, state)| ConnectorConfig {
            state: state.map(|text| serde_json::from_slice(text).unwrap()),
            ..config
        });
        assert_eq!(ours, theirs, "{}", String::from_utf8_lossy(bytes));
        theirs
    }

    #[test]
    fn a_configuration_is_read_as_serde_reads_it() {
        let kinds = [
            KeyKind::HmacSha256,
            KeyKind::HmacSha384,
            KeyKind::HmacSha512,
            KeyKind::Ed25519,
            KeyKind::Rsa,
            KeyKind::Es256,
            KeyKind::Text,
        ];
        for kind in kinds {
            let config = ConnectorConfig {
                environment: EnvironmentConfig {
                    name: "live \"x\"\n".to_owned(),
                    addresses: [
                        ("rest".to_owned(), "https://a".to_owned()),
                        ("ws".to_owned(), "é".to_owned()),
                    ]
                    .into(),
                },
                credentials: [
                    ("secret".to_owned(), Credential::Secret { kind }),
                    ("key".to_owned(), Credential::Public { value: "v".to_owned() }),
                ]
                .into(),
                options: [(
                    "depth".to_owned(),
                    serde_json::json!({"a": [1, null, "x", true, -5, 1.5, u64::MAX, {"b": {}}]}),
                )]
                .into(),
                state: Some(serde_json::json!({"next_call": 5})),
            };
            assert_eq!(same(&serde_json::to_vec(&config).unwrap()), Some(config));
        }
        assert!(same(&serde_json::to_vec(&ConnectorConfig::default()).unwrap()).is_some());
        assert!(same(br#"{"environment":{"name":"x","addresses":{}},"state":null,"of_later":1}"#).is_some());
        for bad in [
            &b""[..],
            b"{}",
            b"[]",
            br#"{"environment":{"name":"x"}}"#,
            br#"{"environment":{"name":5,"addresses":{}}}"#,
            br#"{"environment":{"name":"x","addresses":{"rest":1}}}"#,
            br#"{"environment":{"name":"x","addresses":{}},"credentials":{"a":{"role":"odd"}}}"#,
            br#"{"environment":{"name":"x","addresses":{}},"credentials":{"a":{"role":"secret","kind":"rot13"}}}"#,
            br#"{"environment":{"name":"x","addresses":{}},"credentials":{"a":{"role":"public"}}}"#,
        ] {
            assert_eq!(same(bad), None);
        }
    }
}
