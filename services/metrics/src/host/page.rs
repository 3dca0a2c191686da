//! The Prometheus text format, written in order.

use std::fmt::{Display, Write as _};

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only ever rises, until it starts again at 0.
    Counter,
    /// Goes up and down.
    Gauge,
    /// node-exporter does not say which.
    Untyped,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Untyped => "untyped",
        }
    }
}

/// A page of metrics. Families come one after the other, each whole.
#[derive(Debug, Default)]
pub struct Page {
    text: String,
}

/// One metric of a page; without a sample it leaves no trace.
#[derive(Debug)]
pub struct Family<'a> {
    page: &'a mut Page,
    name: &'a str,
    kind: Kind,
    help: &'a str,
    begun: bool,
}

impl Page {
    /// An empty page with room for `bytes`.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self {
            text: String::with_capacity(bytes),
        }
    }

    /// What was written.
    #[must_use]
    pub fn into_text(self) -> String {
        self.text
    }

    /// The next metric.
    pub fn family<'a>(&'a mut self, name: &'a str, kind: Kind, help: &'a str) -> Family<'a> {
        Family {
            page: self,
            name,
            kind,
            help,
            begun: false,
        }
    }

    /// A counter without labels, when there is a value.
    pub fn counter(&mut self, name: &str, help: &str, value: Option<impl Display>) {
        self.single(name, Kind::Counter, help, value);
    }

    /// A gauge without labels, when there is a value.
    pub fn gauge(&mut self, name: &str, help: &str, value: Option<impl Display>) {
        self.single(name, Kind::Gauge, help, value);
    }

    fn single(&mut self, name: &str, kind: Kind, help: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.family(name, kind, help).put(&[], value);
        }
    }
}

impl Family<'_> {
    /// A sample. Labels in the order of their names, as everybody writes them.
    pub fn put(&mut self, labels: &[(&str, &str)], value: impl Display) {
        let text = &mut self.page.text;
        if !self.begun {
            self.begun = true;
            let (name, kind) = (self.name, self.kind.word());
            // Writing to a string cannot fail.
            let _ = writeln!(text, "# HELP {name} {}\n# TYPE {name} {kind}", self.help);
        }
        text.push_str(self.name);
        for (i, (label, value)) in labels.iter().enumerate() {
            text.push(if i == 0 { '{' } else { ',' });
            text.push_str(label);
            text.push_str("=\"");
            escape(value, text);
            text.push('"');
        }
        if !labels.is_empty() {
            text.push('}');
        }
        let _ = writeln!(text, " {value}");
    }
}

fn escape(value: &str, text: &mut String) {
    for c in value.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            c => text.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_has_one_head_and_none_without_samples() {
        let mut page = Page::default();
        let mut family = page.family("a_bytes", Kind::Gauge, "A.");
        family.put(&[("device", "x"), ("path", "a\"b\\c\nd")], 1);
        family.put(&[], 0.25);
        let _ = page.family("nothing", Kind::Gauge, "Never.");
        page.counter("b_total", "B.", Some(7));
        page.counter("c_total", "C.", None::<u64>);
        let expected = "# HELP a_bytes A.\n# TYPE a_bytes gauge\n\
            a_bytes{device=\"x\",path=\"a\\\"b\\\\c\\nd\"} 1\na_bytes 0.25\n\
            # HELP b_total B.\n# TYPE b_total counter\nb_total 7\n";
        assert_eq!(page.into_text(), expected);
    }
}
