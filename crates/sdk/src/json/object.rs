//! Objects by the names of their members: for messages that come seldom, read as the exchange's page lists them.

use std::borrow::Cow;
use std::fmt;

use colibri_model::Decimal;

use super::{JsonError, Reader};

/// An object, checked as a whole; its members are read when they are asked for.
#[derive(Debug, Clone, Default)]
pub struct Object<'a> {
    members: Vec<(Cow<'a, str>, &'a [u8])>,
}

/// A member that is not what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberError {
    /// The member's name.
    pub name: &'static str,
    /// What is wrong with it.
    pub what: &'static str,
}

impl fmt::Display for MemberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the member {:?}: {}", self.name, self.what)
    }
}

impl std::error::Error for MemberError {}

impl MemberError {
    /// A member that is wrong in a way of its own.
    #[must_use]
    pub const fn new(name: &'static str, what: &'static str) -> MemberError {
        MemberError { name, what }
    }
}

type Member<T> = Result<T, MemberError>;

impl<'a> Object<'a> {
    /// The object that is the whole of a text.
    ///
    /// # Errors
    /// Malformed, or not an object.
    pub fn whole(bytes: &'a [u8]) -> Result<Object<'a>, JsonError> {
        let mut members = Vec::new();
        Reader::whole(bytes, |r| {
            r.members(|key, r| {
                members.push((key, r.raw()?));
                Ok(())
            })
        })?;
        Ok(Object { members })
    }

    /// The text of a member; `None` where it is absent or null.
    #[must_use]
    pub fn raw(&self, name: &str) -> Option<&'a [u8]> {
        // Of two members of one name the last stands, as everywhere.
        let (_, text) = self.members.iter().rev().find(|(key, _)| key == name)?;
        Some(*text).filter(|t| *t != b"null")
    }

    /// Every member's name and text, in their order.
    pub fn members(&self) -> impl Iterator<Item = (&str, &'a [u8])> {
        self.members.iter().map(|(name, text)| (name.as_ref(), *text))
    }

    /// Every member, of an object whose members are strings.
    ///
    /// # Errors
    /// A member that is none.
    pub fn texts(&self) -> Member<Vec<(String, String)>> {
        let mut texts = Vec::new();
        for (name, text) in self.members() {
            let text = Reader::whole(text, Reader::string)
                .map_err(|_| MemberError::new("(of any name)", "a string was expected"))?;
            texts.push((name.to_owned(), text.into_owned()));
        }
        Ok(texts)
    }

    fn some<T>(
        &self,
        name: &'static str,
        what: &'static str,
        read: impl FnOnce(&mut Reader<'a>) -> Result<T, JsonError>,
    ) -> Member<Option<T>> {
        match self.raw(name) {
            None => Ok(None),
            Some(text) => Reader::whole(text, read)
                .map(Some)
                .map_err(|_| MemberError { name, what }),
        }
    }

    /// A string; `None` where it is absent or null.
    ///
    /// # Errors
    /// Something else.
    pub fn some_text(&self, name: &'static str) -> Member<Option<Cow<'a, str>>> {
        self.some(name, "a string was expected", Reader::string)
    }
    /// An integer; `None` where it is absent or null.
    ///
    /// # Errors
    /// Something else, or beyond 64 bits.
    pub fn some_integer(&self, name: &'static str) -> Member<Option<i64>> {
        self.some(name, "an integer was expected", Reader::i64)
    }
    /// True or false; `None` where it is absent or null.
    ///
    /// # Errors
    /// Something else.
    pub fn some_flag(&self, name: &'static str) -> Member<Option<bool>> {
        self.some(name, "true or false was expected", Reader::boolean)
    }
    /// A decimal, as a string or a number; `None` where it is absent or null. Never rounded.
    ///
    /// # Errors
    /// Something else, or more digits than a decimal has.
    pub fn some_decimal(&self, name: &'static str) -> Member<Option<Decimal>> {
        self.some(name, "a decimal was expected", Reader::decimal)
    }
    /// The texts of an array's elements; none where it is absent or null.
    ///
    /// # Errors
    /// Something else.
    pub fn elements(&self, name: &'static str) -> Member<Vec<&'a [u8]>> {
        match self.raw(name) {
            None => Ok(Vec::new()),
            Some(text) => super::elements(text).map_err(|_| MemberError::new(name, "an array was expected")),
        }
    }
    /// Makes sure that a member is an array, for one that must not be missing.
    ///
    /// # Errors
    /// Absent, null, or something else.
    pub fn array(&self, name: &'static str) -> Member<Vec<&'a [u8]>> {
        present(name, self.raw(name))?;
        self.elements(name)
    }
    /// Reads the objects of an array one by one; none where it is absent or null.
    ///
    /// # Errors
    /// Something else, or what `read` says.
    pub fn object_elements(&self, name: &'static str, mut read: impl FnMut(Object<'a>) -> Member<()>) -> Member<()> {
        for text in self.elements(name)? {
            read(Object::whole(text).map_err(|_| MemberError::new(name, "objects were expected"))?)?;
        }
        Ok(())
    }
    /// An object; `None` where it is absent or null.
    ///
    /// # Errors
    /// Something else.
    pub fn some_object(&self, name: &'static str) -> Member<Option<Object<'a>>> {
        match self.raw(name) {
            None => Ok(None),
            Some(text) => Object::whole(text)
                .map(Some)
                .map_err(|_| MemberError::new(name, "an object was expected")),
        }
    }

    /// A string.
    ///
    /// # Errors
    /// Absent, null, or something else; so for the functions below.
    pub fn text(&self, name: &'static str) -> Member<Cow<'a, str>> {
        present(name, self.some_text(name)?)
    }
    /// An integer.
    #[expect(clippy::missing_errors_doc, reason = "stated once, at `text`")]
    pub fn integer(&self, name: &'static str) -> Member<i64> {
        present(name, self.some_integer(name)?)
    }
    /// True or false.
    #[expect(clippy::missing_errors_doc, reason = "stated once, at `text`")]
    pub fn flag(&self, name: &'static str) -> Member<bool> {
        present(name, self.some_flag(name)?)
    }
    /// A decimal.
    #[expect(clippy::missing_errors_doc, reason = "stated once, at `text`")]
    pub fn decimal(&self, name: &'static str) -> Member<Decimal> {
        present(name, self.some_decimal(name)?)
    }
    /// An object.
    #[expect(clippy::missing_errors_doc, reason = "stated once, at `text`")]
    pub fn object(&self, name: &'static str) -> Member<Object<'a>> {
        present(name, self.some_object(name)?)
    }
}

fn present<T>(name: &'static str, value: Option<T>) -> Member<T> {
    value.ok_or(MemberError {
        name,
        what: "it is missing",
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn members_are_read_by_name() {
        let object =
            Object::whole(br#"{"a":"x","n":-5,"d":"1.50","e":2.5,"f":true,"l":[1,"2"],"o":{"z":null},"a":"y\n"}"#)
                .unwrap();
        assert_eq!(object.text("a").unwrap(), "y\n");
        assert_eq!(object.integer("n"), Ok(-5));
        assert_eq!(object.decimal("d").unwrap().to_string(), "1.50");
        assert_eq!(object.decimal("e").unwrap().to_string(), "2.5");
        assert_eq!(object.flag("f"), Ok(true));
        assert_eq!(object.elements("l").unwrap(), [&b"1"[..], b"\"2\""]);
        assert_eq!(object.object("o").unwrap().some_integer("z"), Ok(None));
        assert_eq!(
            object.text("absent").unwrap_err().to_string(),
            "the member \"absent\": it is missing"
        );
        assert!(object.integer("a").is_err());
        assert!(object.decimal("f").is_err());
        assert!(object.elements("o").is_err());
        assert!(Object::whole(b"[]").is_err());
        assert!(Object::whole(br#"{"a":01}"#).is_err());
    }

    #[test]
    fn a_decimal_is_never_rounded() {
        let object = Object::whole(br#"{"d":"0.12345678901234567890123456789012345"}"#).unwrap();
        assert!(object.decimal("d").is_err());
    }
}
