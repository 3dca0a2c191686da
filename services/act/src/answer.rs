//! What became of the last request, for whoever asked.

use std::io;

use serde_json::json;

use crate::{Error, Places, Verb, file};

/// Everybody may read it: it holds no secret, and the asker is not root.
const MODE: u32 = 0o644;

/// Writes the answer to the request `id` (empty when it could not be read).
pub(crate) fn write(
    verb: Verb,
    places: &Places,
    id: &str,
    result: Result<&String, &Error>,
) -> io::Result<()> {
    let (result, detail) = match result {
        Ok(done) => ("done", done.clone()),
        Err(error @ Error::Refused(_)) => ("refused", error.to_string()),
        Err(error) => ("failed", error.to_string()),
    };
    let answer = json!({ "id": id, "verb": verb.name(), "result": result, "detail": detail });
    file::replace(&places.answer(verb), answer.to_string().as_bytes(), MODE)
}
