//! `/proc/meminfo` and the part of `/proc/vmstat` that tells of want.

use super::page::{Kind, Page};
use super::probe::Probe;

/// A field of `/proc/meminfo`: its name, and bytes or a number of pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// As the kernel writes it: `MemTotal`, `Active(anon)`.
    pub name: &'a str,
    /// Bytes if `bytes`, else a number.
    pub value: u64,
    /// Whether it stood in kB.
    pub bytes: bool,
}

/// The sound lines of `/proc/meminfo`.
pub fn fields(text: &str) -> impl Iterator<Item = Field<'_>> {
    text.lines().filter_map(|line| {
        let (name, rest) = line.split_once(':')?;
        let sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '(' | ')');
        if name.is_empty() || !name.chars().all(sound) {
            return None;
        }
        let mut words = rest.split_ascii_whitespace();
        let value: u64 = words.next()?.parse().ok()?;
        match words.next() {
            None => Some(Field {
                name,
                value,
                bytes: false,
            }),
            Some("kB") => Some(Field {
                name,
                value: value.checked_mul(1024)?,
                bytes: true,
            }),
            Some(_) => None,
        }
    })
}

/// The bytes of the field `name`.
#[must_use]
pub fn bytes(text: &str, name: &str) -> Option<u64> {
    fields(text)
        .find(|field| field.name == name)
        .map(|field| field.value)
}

pub(super) fn write(probe: &dyn Probe, page: &mut Page) {
    let text = probe.read("/proc/meminfo").unwrap_or_default();
    let mut name = String::new();
    for field in fields(&text) {
        let shown = shown(field, &mut name);
        let help = format!(
            "Memory information field {}.",
            shown.trim_start_matches("node_memory_")
        );
        page.gauge(shown, &help, Some(field.value));
    }
    let text = probe.read("/proc/vmstat").unwrap_or_default();
    for (field, value) in wants(&text) {
        let help = format!("/proc/vmstat information field {field}.");
        page.family(&format!("node_vmstat_{field}"), Kind::Untyped, &help)
            .put(&[], value);
    }
}

/// The name as node-exporter makes it: `Active(anon)` is `node_memory_Active_anon_bytes`.
fn shown<'a>(field: Field<'_>, name: &'a mut String) -> &'a str {
    name.clear();
    name.push_str("node_memory_");
    for c in field.name.chars().filter(|c| *c != ')') {
        name.push(if c == '(' { '_' } else { c });
    }
    if field.bytes {
        name.push_str("_bytes");
    }
    name
}

/// Paging, swapping, faults and kills.
fn wants(text: &str) -> impl Iterator<Item = (&str, u64)> {
    text.lines().filter_map(|line| {
        let (name, value) = line.split_once(' ')?;
        let wanted = matches!(
            name,
            "oom_kill" | "pgpgin" | "pgpgout" | "pswpin" | "pswpout" | "pgfault" | "pgmajfault"
        );
        wanted.then(|| value.trim().parse().ok().map(|value| (name, value)))?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_node_exporter() {
        let text = "MemTotal:  8 kB\nActive(anon):  2 kB\nHugePages_Total:  3\nOdd: x kB\nMb: 3 MB\n: 1\nA-b: 1\n";
        let mut name = String::new();
        let shown: Vec<_> = fields(text)
            .map(|field| (shown(field, &mut name).to_owned(), field.value))
            .collect();
        let expected = [
            ("node_memory_MemTotal_bytes", 8192),
            ("node_memory_Active_anon_bytes", 2048),
            ("node_memory_HugePages_Total", 3),
        ];
        assert_eq!(
            shown,
            expected.map(|(name, value)| (name.to_owned(), value))
        );
        assert_eq!(bytes(text, "MemTotal"), Some(8192));
    }
}
