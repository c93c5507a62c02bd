//! The sdk's JSON reader against `serde_json`.

use colibri_model::{Decimal, Exponents};
use colibri_sdk::json::{JsonError, Object, Reader, elements};
use serde::de::IgnoredAny;
use serde_json::Value;

/// A JSON text, or what is nearly one.
///
/// # Panics
/// Where the reader accepts what `serde_json` refuses or the other way round, or reads another value.
pub fn json(data: &[u8]) {
    let text = std::str::from_utf8(data).ok();
    // This name of a member makes `serde_json` itself read something else than what is written.
    if text.is_some_and(|text| text.contains("serde_json::private")) {
        return;
    }
    let ours = Reader::whole(data, tree).ok();
    let theirs = text.and_then(|text| serde_json::from_str::<Value>(text).ok());
    assert_eq!(ours, theirs);
    let skipped = Reader::whole(data, Reader::skip).is_ok();
    let ignored = text.is_some_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok());
    // Keys are always decoded, so a lone surrogate in a key is refused where `serde_json` would skip it.
    assert!(
        skipped == ignored || (ignored && ours.is_none()),
        "skipped: {skipped}, ignored: {ignored}"
    );
    if let Ok(found) = elements(data) {
        assert!(skipped, "a list whose elements are found is JSON");
        assert!(found.iter().all(|element| Reader::whole(element, Reader::skip).is_ok()));
    }
    members(data, theirs.as_ref());
    numbers(data);
}

/// Any value as `serde_json`'s tree, through the reader's own methods.
fn tree(r: &mut Reader<'_>) -> Result<Value, JsonError> {
    let first = r.clone().raw()?.first().copied();
    Ok(match first {
        Some(b'{') => {
            let mut map = serde_json::Map::new();
            r.object(|key, r| {
                let key = std::str::from_utf8(key).expect("a key is text").to_owned();
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

/// Objects by the names of their members.
fn members(data: &[u8], theirs: Option<&Value>) {
    let Ok(object) = Object::whole(data) else {
        assert!(!theirs.is_some_and(Value::is_object), "an object was refused");
        return;
    };
    for name in ["", "a", "e", "E", "s", "p", "q", "data", "stream", "id"] {
        let value = theirs.and_then(|value| value.get(name));
        if let (Ok(Some(text)), Some(value)) = (object.some_text(name), value) {
            assert_eq!(Some(text.as_ref()), value.as_str(), "{name}");
        }
        if let (Ok(Some(integer)), Some(value)) = (object.some_integer(name), value) {
            // "-0" is a float to serde_json.
            assert!(value.as_i64() == Some(integer) || integer == 0, "{name}: {integer}");
        }
        if let (Ok(Some(flag)), Some(value)) = (object.some_flag(name), value) {
            assert_eq!(Some(flag), value.as_bool(), "{name}");
        }
        if let (Ok(Some(decimal)), Some(Value::String(text))) = (object.some_decimal(name), value) {
            assert_eq!(Decimal::from_str_exact(text).ok(), Some(decimal), "{name}");
        }
        let _ = object.some_object(name);
        let _ = object.object_elements(name, |_| Ok(()));
    }
}

/// The readers of numbers, each on the whole text.
fn numbers(data: &[u8]) {
    let exponents = Exponents {
        price: -8,
        quantity: -3,
    };
    let mut levels = Vec::new();
    let _ = Reader::whole(data, |r| r.levels(exponents, &mut levels));
    let unsigned = Reader::whole(data, Reader::u64).ok();
    let signed = Reader::whole(data, Reader::i64).ok();
    if let (Some(unsigned), Some(signed)) = (unsigned, signed) {
        assert_eq!(i64::try_from(unsigned), Ok(signed));
    }
    if let Ok(decimal) = Reader::whole(data, Reader::decimal)
        && let Ok(mantissa) = Reader::whole(data, |r| r.mantissa(-8))
    {
        assert_eq!(colibri_model::from_mantissa(mantissa, -8), decimal);
    }
}
