//! A table of the file, read key by key: what is of the wrong kind is noted and left out, and so are
//! keys that nobody knows.

use std::ops::Range;

use toml::de::{DeArray, DeTable, DeValue};

use crate::bytes::BROKEN;
use crate::mistake::Notes;

/// A value's place in the text.
pub(crate) type Span = Range<usize>;

/// One table, and where it stands.
#[derive(Debug)]
pub(crate) struct Table<'t> {
    entries: &'t DeTable<'t>,
    /// As it is written, like `[wifi]`.
    pub(crate) title: String,
    pub(crate) span: Span,
}

/// A text and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Text<'t> {
    pub(crate) text: &'t str,
    pub(crate) span: Span,
}

impl<'t> Table<'t> {
    /// Looks at the keys of a table: all that may be there are `known`.
    pub(crate) fn new(
        entries: &'t DeTable<'t>,
        span: Span,
        title: impl Into<String>,
        known: &[&str],
        notes: &mut Notes,
    ) -> Self {
        let title = title.into();
        for key in entries.keys() {
            let name = key.get_ref().as_ref();
            if known.contains(&name) || notes.is_unreadable(&key.span()) {
                continue;
            }
            let fix = nearest(name, known).map_or_else(
                || format!("remove the line; there are {}", list(known)),
                |near| format!("did you mean `{near}`?"),
            );
            let name = shown(name);
            notes.add(&key.span(), format!("unknown key `{name}` in {title}"), fix);
        }
        Self {
            entries,
            title,
            span,
        }
    }

    fn get(&self, key: &str) -> Option<(&'t DeValue<'t>, Span)> {
        let (_, value) = self.entries.iter().find(|(k, _)| k.get_ref() == key)?;
        Some((value.get_ref(), value.span()))
    }

    /// A value of a line that can be read.
    fn sound(&self, key: &str, notes: &Notes) -> Option<(&'t DeValue<'t>, Span)> {
        self.get(key).filter(|(_, span)| !notes.is_unreadable(span))
    }

    /// The names of its keys, for a table whose keys are chosen by the owner.
    pub(crate) fn names(&self) -> impl Iterator<Item = (&'t str, Span)> + use<'t> {
        let keys = self.entries.keys();
        keys.map(|key| (key.get_ref().as_ref(), key.span()))
    }

    pub(crate) fn text(&self, key: &str, notes: &mut Notes) -> Option<Text<'t>> {
        let (value, span) = self.sound(key, notes)?;
        text(value, span, key, notes)
    }

    /// The same, and a mistake when the key is not there.
    pub(crate) fn needed(&self, key: &str, example: &str, notes: &mut Notes) -> Option<Text<'t>> {
        if self.get(key).is_none() {
            notes.add(
                &self.span,
                format!("{} has no `{key}`", self.title),
                format!("add a line like `{key} = {example}`"),
            );
        }
        self.text(key, notes)
    }

    pub(crate) fn flag(&self, key: &str, notes: &mut Notes) -> Option<bool> {
        let (value, span) = self.sound(key, notes)?;
        if let DeValue::Boolean(flag) = value {
            return Some(*flag);
        }
        let what = format!("`{key}` is neither true nor false");
        notes.add(&span, what, "write `true` or `false`, without quotes");
        None
    }

    pub(crate) fn number(&self, key: &str, notes: &mut Notes) -> Option<(f64, Span)> {
        let (value, span) = self.sound(key, notes)?;
        let number = match value {
            DeValue::Integer(number) if number.radix() == 10 => number.as_str().parse().ok(),
            DeValue::Float(number) => number.as_str().parse().ok(),
            _ => None,
        };
        if number.is_none() {
            let fix = format!("write a number without quotes, like `{key} = 15`");
            notes.add(&span, format!("`{key}` is no number"), fix);
        }
        number.map(|number| (number, span))
    }

    /// A list of texts; a single text counts as a list of one.
    pub(crate) fn texts(&self, key: &str, notes: &mut Notes) -> Vec<Text<'t>> {
        match self.sound(key, notes) {
            None => Vec::new(),
            Some((DeValue::Array(items), _)) => items
                .iter()
                .filter_map(|item| {
                    let readable = !notes.is_unreadable(&item.span());
                    readable.then(|| text(item.get_ref(), item.span(), key, notes))?
                })
                .collect(),
            Some((value, span)) => text(value, span, key, notes).into_iter().collect(),
        }
    }

    /// A table below this one, with the keys that it may have.
    pub(crate) fn table(&self, key: &str, known: &[&str], notes: &mut Notes) -> Option<Table<'t>> {
        let (value, span) = self.get(key)?;
        let title = self.titled(key);
        if let DeValue::Table(entries) = value {
            return Some(Table::new(entries, span, title, known, notes));
        }
        let fix = format!("begin a table with a line `{title}`");
        notes.add(&span, format!("`{key}` is no table"), fix);
        None
    }

    /// The same for a table whose keys are chosen by the owner.
    pub(crate) fn free_table(&self, key: &str, notes: &mut Notes) -> Option<Table<'t>> {
        let (value, span) = self.get(key)?;
        if let DeValue::Table(entries) = value {
            let title = self.titled(key);
            return Some(Table {
                entries,
                title,
                span,
            });
        }
        notes.add(
            &span,
            format!("`{key}` is no table"),
            format!("begin a table with a line like `[{key}.front]`"),
        );
        None
    }

    /// Tables that are repeated, like `[[wifi.network]]`; a single one counts too.
    pub(crate) fn tables(&self, key: &str, known: &[&str], notes: &mut Notes) -> Vec<Table<'t>> {
        let inner = self.titled(key);
        let title = format!("[{inner}]");
        match self.get(key) {
            None => Vec::new(),
            Some((DeValue::Array(items), _)) => each(items, &title, known, notes),
            Some((DeValue::Table(entries), span)) => {
                vec![Table::new(entries, span, inner, known, notes)]
            }
            Some((_, span)) => {
                let fix = format!("begin each with a line `{title}`");
                notes.add(&span, format!("`{key}` is no table"), fix);
                Vec::new()
            }
        }
    }

    fn titled(&self, key: &str) -> String {
        match self.title.strip_prefix('[') {
            Some(outer) => format!("[{}.{key}]", outer.trim_end_matches(']')),
            None => format!("[{key}]"),
        }
    }
}

fn each<'t>(
    items: &'t DeArray<'t>,
    title: &str,
    known: &[&str],
    notes: &mut Notes,
) -> Vec<Table<'t>> {
    let mut tables = Vec::new();
    for item in items {
        if let DeValue::Table(entries) = item.get_ref() {
            tables.push(Table::new(entries, item.span(), title, known, notes));
        } else {
            let fix = format!("begin each with a line `{title}`");
            notes.add(&item.span(), "this is no table", fix);
        }
    }
    tables
}

fn text<'t>(value: &'t DeValue<'t>, span: Span, key: &str, notes: &mut Notes) -> Option<Text<'t>> {
    let DeValue::String(text) = value else {
        let what = format!("`{key}` is no text");
        notes.add(&span, what, "put it in quotes, like `\"this\"`");
        return None;
    };
    // What is no UTF-8 has been noted by its line, but for the later lines of a long text.
    (!text.contains(BROKEN)).then_some(Text { text, span })
}

/// The known key that was probably meant.
pub(crate) fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    let name = name.to_ascii_lowercase().replace(['-', ' '], "_");
    let likeness = |key: &&'k str| strsim::jaro_winkler(&name, key);
    let best = known
        .iter()
        .copied()
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(&best) > 0.8).then_some(best)
}

/// What the owner wrote, as it may stand in a message: short, on one line.
pub(crate) fn shown(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .map(|c| if c.is_control() { BROKEN } else { c })
        .take(60)
        .collect();
    if text.chars().count() > 60 {
        shown.push_str("...");
    }
    shown
}

fn list(known: &[&str]) -> String {
    let known: Vec<_> = known.iter().map(|key| format!("`{key}`")).collect();
    known.join(", ")
}
