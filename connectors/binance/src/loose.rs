//! Members that Binance writes in one place as a number and in another as a text, or leaves empty where there is nothing.

use std::borrow::Cow;

use colibri_sdk::json::{Kind, MemberError, Object, Reader};
use colibri_sdk::model::Decimal;

type Member<T> = Result<T, MemberError>;

/// A string, or a number as it is written; `None` where it is absent, null or empty.
pub(crate) fn some_word<'a>(object: &Object<'a>, name: &'static str) -> Member<Option<Cow<'a, str>>> {
    let Some(text) = object.raw(name) else {
        return Ok(None);
    };
    let word = Reader::whole(text, |r| match r.next_kind() {
        Some(Kind::Number) => r.number().map(Cow::Borrowed),
        _ => r.string(),
    });
    let word = word.map_err(|_| MemberError::new(name, "a string or a number was expected"))?;
    Ok(Some(word).filter(|word| !word.is_empty()))
}

/// A string, or a number as it is written.
pub(crate) fn word<'a>(object: &Object<'a>, name: &'static str) -> Member<Cow<'a, str>> {
    some_word(object, name)?.ok_or(MemberError::new(name, "it is missing"))
}

/// A decimal; `None` where it is absent, null or empty.
pub(crate) fn some_decimal(object: &Object<'_>, name: &'static str) -> Member<Option<Decimal>> {
    match object.raw(name) {
        Some(br#""""#) => Ok(None),
        _ => object.some_decimal(name),
    }
}

/// An integer, as a number or a string; `None` where it is absent, null or empty.
pub(crate) fn some_integer(object: &Object<'_>, name: &'static str) -> Member<Option<i64>> {
    let number = some_word(object, name)?.map(|word| word.parse());
    number
        .transpose()
        .map_err(|_| MemberError::new(name, "an integer was expected"))
}

/// An integer, as a number or a string.
pub(crate) fn integer(object: &Object<'_>, name: &'static str) -> Member<i64> {
    some_integer(object, name)?.ok_or(MemberError::new(name, "it is missing"))
}

/// True or false, as such or as a string; `None` where it is absent, null or empty.
pub(crate) fn some_flag(object: &Object<'_>, name: &'static str) -> Member<Option<bool>> {
    match object.raw(name) {
        Some(br#""""#) => Ok(None),
        Some(br#""true""#) => Ok(Some(true)),
        Some(br#""false""#) => Ok(Some(false)),
        _ => object.some_flag(name),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn either_form_is_read() {
        let object = Object::whole(br#"{"n":7,"t":"7","e":"","z":null,"f":"true","g":false,"x":[]}"#).unwrap();
        for name in ["n", "t"] {
            assert_eq!(integer(&object, name), Ok(7));
            assert_eq!(word(&object, name).unwrap(), "7");
            assert_eq!(some_decimal(&object, name), Ok(Some(Decimal::from(7))));
        }
        for name in ["e", "z", "absent"] {
            assert_eq!(some_integer(&object, name), Ok(None));
            assert_eq!(some_word(&object, name), Ok(None));
            assert_eq!(some_decimal(&object, name), Ok(None));
            assert_eq!(some_flag(&object, name), Ok(None));
        }
        assert_eq!(
            (some_flag(&object, "f"), some_flag(&object, "g")),
            (Ok(Some(true)), Ok(Some(false)))
        );
        assert!(some_integer(&object, "x").is_err() && some_integer(&object, "f").is_err());
        assert!(word(&object, "e").is_err() && some_flag(&object, "n").is_err());
    }
}
