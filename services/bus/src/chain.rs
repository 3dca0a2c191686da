//! How an error and its causes are told: one line, the same in journals, replies and terminals.

use std::error::Error;

/// An error and its causes as one line: `outer: inner: innermost`.
///
/// A cause that the line says already is left out: some libraries repeat their source.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let text = inner.to_string();
        if !line.contains(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        source = inner.source();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Layer(&'static str, Option<Box<Layer>>);

    impl std::fmt::Display for Layer {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Layer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|inner| inner as _)
        }
    }

    fn layers(texts: &[&'static str]) -> Option<Box<Layer>> {
        let (first, rest) = texts.split_first()?;
        Some(Box::new(Layer(first, layers(rest))))
    }

    #[test]
    fn reads_as_a_sentence_and_says_nothing_twice() {
        let error = layers(&[
            "load settings",
            "read `x.toml`: no such file",
            "no such file",
        ]);
        let expected = "load settings: read `x.toml`: no such file";
        assert_eq!(chain(&*error.unwrap()), expected);
    }
}
