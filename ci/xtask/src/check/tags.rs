//! As much XML as policy files and introspection have: tags with attributes.

/// One opening (or empty) tag, or a closing one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tag {
    /// `allow`; `/policy` for a closing tag.
    pub(crate) name: String,
    attributes: Vec<(String, String)>,
}

impl Tag {
    /// The value of an attribute.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// The tags of `text` in order, without comments, prologue and doctype.
pub(crate) fn tags(text: &str) -> anyhow::Result<Vec<Tag>> {
    let (mut tags, mut rest) = (Vec::new(), text);
    while let Some(start) = rest.find('<') {
        rest = &rest[start..];
        let end = if rest.starts_with("<!--") { "-->" } else { ">" };
        let Some(length) = rest.find(end) else {
            anyhow::bail!("`{}` never ends", rest.lines().next().unwrap_or_default());
        };
        let inner = &rest[1..length];
        if !inner.starts_with(['!', '?']) {
            tags.push(tag(inner.trim_end_matches('/').trim())?);
        }
        rest = &rest[length + end.len()..];
    }
    Ok(tags)
}

fn tag(inner: &str) -> anyhow::Result<Tag> {
    let (name, mut rest) = inner.split_once(char::is_whitespace).unwrap_or((inner, ""));
    let mut attributes = Vec::new();
    while let Some((key, after)) = rest.split_once('=') {
        let after = after.trim_start();
        let quote = after.chars().next().filter(|c| ['"', '\''].contains(c));
        let value = quote.and_then(|quote| after[1..].split_once(quote));
        let Some((value, after)) = value else {
            anyhow::bail!("`<{inner}>`: the value of `{}` has no quotes", key.trim());
        };
        attributes.push((key.trim().to_owned(), value.to_owned()));
        rest = after;
    }
    Ok(Tag {
        name: name.to_owned(),
        attributes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_tags_and_skips_the_rest() {
        let text =
            "<?xml version=\"1.0\"?><!DOCTYPE x>\n<a one=\"1\" two='b c'><!-- <no/> --><b/></a>";
        let tags = tags(text).unwrap();
        let names: Vec<_> = tags.iter().map(|tag| tag.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "/a"]);
        assert_eq!(tags[0].get("two"), Some("b c"));
    }

    #[test]
    fn what_is_cut_off_is_an_error() {
        assert!(tags("<a one=1>").is_err());
        assert!(tags("<a").is_err());
        assert!(tags("<!-- x").is_err());
    }
}
