//! The reader against `serde_json`, on texts that are JSON, nearly JSON, and not JSON at all.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde::de::IgnoredAny;

use super::*;

/// Reads any value into `serde_json`'s tree, through the reader's own methods.
fn tree(r: &mut Reader<'_>) -> Result<serde_json::Value> {
    use serde_json::Value;
    Ok(match r.peek() {
        Some(b'{') => {
            let mut map = serde_json::Map::new();
            r.object(|key, r| {
                let key = std::str::from_utf8(key).unwrap().to_owned();
                map.insert(key, tree(r)?);
                Ok(())
            })?;
            Value::Object(map)
        }
        Some(b'[') => {
            let mut list = Vec::new();
            r.array(|r| {
                list.push(tree(r)?);
                Ok(())
            })?;
            Value::Array(list)
        }
        Some(b'"') => Value::String(r.string()?.into_owned()),
        Some(b't' | b'f') => Value::Bool(r.boolean()?),
        Some(b'n') if r.null() => Value::Null,
        _ => Value::Number(serde_json::from_str(r.number()?).map_err(|_| r.error("a number out of range"))?),
    })
}

fn same_as_serde(bytes: &[u8]) {
    let ours = Reader::whole(bytes, tree).ok();
    let theirs = std::str::from_utf8(bytes)
        .ok()
        .and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok());
    assert_eq!(ours, theirs, "{:?}", String::from_utf8_lossy(bytes));
    let skipped = Reader::whole(bytes, Reader::skip).is_ok();
    let ignored = std::str::from_utf8(bytes).is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok());
    // A key is always decoded here, so a lone surrogate in a key is refused where serde_json would skip it.
    assert!(
        skipped == ignored || (ignored && ours.is_none()),
        "{:?}",
        String::from_utf8_lossy(bytes)
    );
}

#[test]
fn odd_texts_are_read_as_serde_reads_them() {
    for text in [
        "",
        " ",
        "{}",
        "[]",
        " [ ] ",
        "[1,]",
        "[,1]",
        "{\"a\":1,}",
        "{\"a\" : [1 , 2.50 , -0 , 1e5, 1E-7] }",
        "01",
        "-",
        "1.",
        ".5",
        "1e",
        "+1",
        "nul",
        "null",
        "true",
        "truex",
        "\"\\u00e9\\n\\\"\\/\"",
        "\"\\ud83d\\ude00\"",
        "\"\\ud83d\"",
        "\"\\x\"",
        "\"\u{e9}\"",
        "\"a\nb\"",
        "{\"\\u0061\":\"b\"}",
        "{1:2}",
        "{\"a\":1 \"b\":2}",
        "[1 2]",
        "\"open",
        "[1]]",
        "1 2",
        "99999999999999999999",
        "-9223372036854775809",
    ] {
        same_as_serde(text.as_bytes());
    }
    same_as_serde(b"\"\xff\"");
    same_as_serde(b"[\"\xc3\"]");
}

#[test]
fn nesting_is_bounded() {
    let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    assert!(Reader::whole(deep(127).as_bytes(), Reader::skip).is_ok());
    assert!(Reader::whole(deep(128).as_bytes(), Reader::skip).is_err());
    assert!(Reader::whole("[".repeat(1 << 20).as_bytes(), Reader::skip).is_err());
    same_as_serde(deep(127).as_bytes());
    assert!(serde_json::from_str::<serde_json::Value>(&deep(128)).is_err());
}

#[test]
fn levels_fit_or_are_refused() {
    let exponents = Exponents {
        price: -2,
        quantity: -5,
    };
    let read = |text: &str| {
        let mut levels = Vec::new();
        Reader::whole(text.as_bytes(), |r| r.levels(exponents, &mut levels)).map(|()| levels)
    };
    assert_eq!(
        read(r#"[["61824.01000000","0.34769000"],[ "1" , 0.5 , "more", {}]]"#).unwrap(),
        [
            Level {
                price: 6_182_401,
                quantity: 34_769
            },
            Level {
                price: 100,
                quantity: 50_000
            }
        ]
    );
    for bad in [
        r#"[["1.001","1"]]"#,
        r#"[["99999999999999999999","1"]]"#,
        r#"[["1"]]"#,
        r#"[["x","1"]]"#,
        r#"[[null,"1"]]"#,
        r#"[["1e3","1"]]"#,
        r#"{"a":1}"#,
    ] {
        assert!(read(bad).is_err(), "{bad}");
    }
}

#[test]
fn elements_are_cut_out_whole() {
    assert_eq!(
        elements(br#" [ {"a":[1,2]} , "x,]" ,3 ] "#).unwrap(),
        [&br#"{"a":[1,2]}"#[..], br#""x,]""#, b"3"]
    );
    assert!(elements(br#"[1"#).is_err());
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        any::<u64>().prop_map(serde_json::Value::from),
        (-1e18f64..1e18).prop_map(serde_json::Value::from),
        any::<String>().prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(serde_json::Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|m| serde_json::Value::Object(m.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn json_is_read_as_serde_reads_it(value in any_json(), pretty in any::<u8>()) {
        let bytes = if pretty % 2 == 0 { serde_json::to_vec(&value) } else { serde_json::to_vec_pretty(&value) }.unwrap();
        same_as_serde(&bytes);
    }

    #[test]
    fn damaged_json_is_refused_where_serde_refuses_it(value in any_json(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<u8>()) {
        let mut bytes = serde_json::to_vec(&value).unwrap();
        let at = at.index(bytes.len());
        if cut % 3 == 0 { bytes.truncate(at); } else { bytes[at] = byte; }
        same_as_serde(&bytes);
    }

    #[test]
    fn arbitrary_bytes_are_read_as_serde_reads_them(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        same_as_serde(&bytes);
    }

    #[test]
    fn escapes_are_decoded_as_serde_decodes_them(text in r#"(\\[bfnrt"/\\]|\\u[0-9a-fA-F]{4}|\\ud8[0-9a-f]{2}\\udc[0-9a-f]{2}|[a-z \u{e9}\u{1f600}]){0,12}"#) {
        same_as_serde(format!("\"{text}\"").as_bytes());
        same_as_serde(format!("{{\"{text}\":1}}").as_bytes());
    }

    #[test]
    fn mantissas_are_read_as_the_model_reads_them(text in "-?[0-9]{0,12}(\\.[0-9]{0,10})?", exponent in -10i32..=2) {
        let quoted = format!("\"{text}\"");
        let ours = Reader::whole(quoted.as_bytes(), |r| r.mantissa(exponent)).ok();
        prop_assert_eq!(ours, mantissa_of_text(text.as_bytes(), exponent).ok());
    }
}
