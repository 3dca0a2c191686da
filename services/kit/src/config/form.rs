//! Values that say what they look like: one text answers a wrong value and one of a wrong type.
//!
//! The text follows "expected": `a share, 0.0 to 1.0`. serde's own words for plain types (`f64`,
//! `struct Gate`) mean nothing to whoever wrote the file; [`plain`] says them in TOML's terms.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

/// Reads a number, with or without a decimal point, that `take` finds good.
pub fn number<'de, D: Deserializer<'de>, T>(
    from: D,
    form: &str,
    take: impl FnOnce(f64) -> Option<T>,
) -> Result<T, D::Error> {
    from.deserialize_f64(Number { form, take })
}

/// Reads a whole number that `take` finds good.
pub fn whole<'de, D: Deserializer<'de>, T>(
    from: D,
    form: &str,
    take: impl FnOnce(i64) -> Option<T>,
) -> Result<T, D::Error> {
    from.deserialize_i64(Whole { form, take })
}

/// Reads text; `take` says what is wrong with one that is not good, and what is good.
pub fn text<'de, D: Deserializer<'de>, T>(
    from: D,
    form: &str,
    take: impl FnOnce(&str) -> Result<T, String>,
) -> Result<T, D::Error> {
    from.deserialize_str(Text { form, take })
}

/// Reads a list, whose parts serde describes in words of Rust (`an array of length 2`).
pub fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
    form: &str,
) -> Result<T, D::Error> {
    T::deserialize(from).map_err(|error| {
        let said = error.to_string();
        let what = said.split(", expected ").next().unwrap_or_default();
        D::Error::custom(format_args!("{}, expected {form}", what.trim()))
    })
}

struct Number<'f, F> {
    form: &'f str,
    take: F,
}

impl<T, F: FnOnce(f64) -> Option<T>> Visitor<'_> for Number<'_, F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.form)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<T, E> {
        let wrong = || E::invalid_value(Unexpected::Float(value), &self.form);
        (self.take)(value).ok_or_else(wrong)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<T, E> {
        let wrong = || E::invalid_value(Unexpected::Signed(value), &self.form);
        #[allow(
            clippy::cast_precision_loss,
            reason = "every range ends far below 2^52"
        )]
        (self.take)(value as f64).ok_or_else(wrong)
    }
}

struct Whole<'f, F> {
    form: &'f str,
    take: F,
}

impl<T, F: FnOnce(i64) -> Option<T>> Visitor<'_> for Whole<'_, F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.form)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<T, E> {
        let wrong = || E::invalid_value(Unexpected::Signed(value), &self.form);
        (self.take)(value).ok_or_else(wrong)
    }
}

struct Text<'f, F> {
    form: &'f str,
    take: F,
}

impl<T, F: FnOnce(&str) -> Result<T, String>> Visitor<'_> for Text<'_, F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.form)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.take)(text).map_err(E::custom)
    }
}

/// What a table looks like in a file.
pub(super) const TABLE: &str = "a table: `[name]` on a line, its keys below";

/// What serde calls a plain type, and what it looks like in a file.
const PLAIN: [(&str, &str); 6] = [
    ("a boolean", "true or false"),
    ("a string", "text in quotes"),
    ("path string", "a path in quotes, like \"/srv/vigla\""),
    ("a sequence", "a list in brackets, like [\"one\", \"two\"]"),
    ("a map", TABLE),
    ("f64", "a number, like 0.5"),
];

/// The message of a parse error with each plain type in the words of a settings file.
pub(super) fn plain(message: &str) -> String {
    let message = message.replace('\n', ", ");
    let Some((said, wanted)) = message.rsplit_once(", expected ") else {
        return message;
    };
    let wanted = match PLAIN.iter().find(|(name, _)| *name == wanted) {
        Some((_, words)) => words,
        None if wanted.starts_with("struct ") => TABLE,
        None => wanted,
    };
    format!("{said}, expected {wanted}")
}
