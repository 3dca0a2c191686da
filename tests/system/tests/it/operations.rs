//! `docs/operations.md` knows every metric, problem, error, file and port of the code, and no other.
//!
//! Its tables stand between marks. With `VIGLA_BLESS=1` the tests write what can be known from the code
//! and from a node that runs; the rest of the document is a person's.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use vigla_bus::problem::CODES;
use vigla_system_tests::{DEVICE, NOUNS, Scene, Site, http};

mod acts;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn document() -> String {
    std::fs::read_to_string(repository().join("docs/operations.md")).unwrap()
}

/// The lines between `<!-- name -->` and `<!-- /name -->`.
fn table(text: &str, name: &str) -> String {
    let (_, rest) = text.split_once(&format!("<!-- {name} -->\n")).unwrap();
    rest.split_once(&format!("<!-- /{name} -->"))
        .unwrap()
        .0
        .to_owned()
}

/// Says that the table `name` must be `right`, or writes it.
#[allow(
    clippy::disallowed_methods,
    reason = "a switch, and a document of the repository"
)]
fn hold(name: &str, right: &str) {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock();
    let text = document();
    let written = table(&text, name);
    if written == right {
        return;
    }
    assert!(
        std::env::var("VIGLA_BLESS").is_ok(),
        "the table `{name}` of docs/operations.md should be as follows; run the tests `operations` with VIGLA_BLESS=1\n{right}"
    );
    let marked = |body: &str| format!("<!-- {name} -->\n{body}<!-- /{name} -->");
    let text = text.replace(&marked(&written), &marked(right));
    std::fs::write(repository().join("docs/operations.md"), text).unwrap();
}

/// The first words in backticks of each row.
fn rows(table: &str) -> BTreeMap<String, String> {
    let rows = table.lines().filter_map(|line| {
        let name = line.strip_prefix("| `")?.split('`').next()?;
        Some((name.to_owned(), line.to_owned()))
    });
    rows.collect()
}

/// Whether `name` fits `pattern`, in which one `*` or more stand for anything.
fn fits(name: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        None => name == pattern,
        Some((start, rest)) => name.strip_prefix(start).is_some_and(|left| {
            (0..=left.len()).any(|at| left.is_char_boundary(at) && fits(&left[at..], rest))
        }),
    }
}

/// A metric as a page shows it.
#[derive(Debug, Default)]
struct Metric {
    kind: String,
    help: String,
    labels: BTreeSet<String>,
}

fn metrics(page: &str) -> BTreeMap<String, Metric> {
    let mut metrics: BTreeMap<String, Metric> = BTreeMap::new();
    let mut current = String::new();
    for line in page.lines() {
        if let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|l| l.split_once(' ')) {
            help.clone_into(&mut metrics.entry(name.to_owned()).or_default().help);
        } else if let Some((name, kind)) =
            line.strip_prefix("# TYPE ").and_then(|l| l.split_once(' '))
        {
            name.clone_into(&mut current);
            kind.clone_into(&mut metrics.entry(name.to_owned()).or_default().kind);
        } else if let Some((_, rest)) = line.split_once('{') {
            let metric = metrics.entry(current.clone()).or_default();
            let labels = rest
                .split("=\"")
                .filter_map(|part| part.rsplit(['{', ',', '"']).next());
            let labels = labels.filter(|label| !label.is_empty() && *label != "le");
            let plain = |label: &&str| label.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
            metric.labels.extend(labels.filter(plain).map(String::from));
        }
    }
    metrics
}

/// Whether the sources of its service make the metric `name`.
fn made(name: &str) -> bool {
    let mut words = name.splitn(3, '_').skip(1);
    let (Some(noun), Some(rest)) = (words.next(), words.next()) else {
        return false;
    };
    let stem = rest.strip_suffix("_total").unwrap_or(rest);
    let folders = [
        repository().join("services").join(noun).join("src"),
        repository().join("services/kit/src"),
    ];
    folders.iter().flat_map(|folder| texts(folder)).any(|text| {
        [name, rest, stem]
            .iter()
            .any(|name| text.contains(&format!("\"{name}\"")))
            || name.ends_with("_build_info") && text.contains("_build_info")
            || text.contains(&format!(" {name} "))
    })
}

/// All sources below a folder.
fn texts(folder: &Path) -> Vec<String> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            all.extend(texts(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            all.extend(std::fs::read_to_string(path));
        }
    }
    all
}

/// A page of a node that has seen something.
fn page() -> String {
    let mut site = Site::start(Scene::Synthetic).unwrap();
    site.whole().unwrap();
    site.bring("updater").unwrap();
    site.bring("enrolment").unwrap();
    for path in ["/", "/snapshot?boxes=1", "/metrics", "/nowhere"] {
        let _ = http::get(site.port, path).unwrap().status;
    }
    http::get(site.port, "/metrics").unwrap().text().unwrap()
}

#[test]
fn every_metric_stands_in_the_document() {
    let page = page();
    let known = document();
    let patterns = rows(&table(&known, "host metrics"));
    let recorded = repository().join("services/metrics/tests/data/pi4.page.txt");
    let recorded = std::fs::read_to_string(recorded).unwrap();
    for name in metrics(&page).keys().chain(metrics(&recorded).keys()) {
        let known =
            name.starts_with("vigla_") || patterns.keys().any(|pattern| fits(name, pattern));
        assert!(
            known,
            "`{name}` is missing in the table `host metrics` of docs/operations.md"
        );
    }
    let mut lines = rows(&table(&known, "metrics"));
    lines.retain(|name, _| made(name));
    for (name, metric) in metrics(&recorded).into_iter().chain(metrics(&page)) {
        if name.starts_with("vigla_") {
            let labels: Vec<_> = metric
                .labels
                .iter()
                .map(|label| format!("`{label}`"))
                .collect();
            let row = format!(
                "| `{name}` | {} | {} | {} |",
                metric.kind,
                labels.join(" "),
                metric.help.replace('|', "\\|")
            );
            lines.insert(name, row);
        }
    }
    let head = "| metric | type | labels | meaning |\n|---|---|---|---|\n";
    let body: Vec<_> = lines.into_values().collect();
    hold("metrics", &format!("{head}{}\n", body.join("\n")));
    promtool(&page);
}

/// Also of those that no page shows before something goes wrong.
#[test]
fn every_metric_of_the_sources_stands_in_the_document() {
    let known = rows(&table(&document(), "metrics"));
    for noun in NOUNS.into_iter().chain(DEVICE) {
        let path = repository()
            .join("services")
            .join(noun)
            .join("src/metrics.rs");
        let text = std::fs::read_to_string(path).unwrap();
        let names = described(text.split("#[cfg(test)]").next().unwrap());
        assert!(!names.is_empty(), "no metric found in {noun}");
        for name in names {
            let whole = format!("vigla_{noun}_{name}");
            let names = [name.to_owned(), format!("{whole}_total"), whole];
            let found = names.iter().any(|name| known.contains_key(name));
            assert!(
                found,
                "metric `{name}` of {noun} is missing in the table `metrics` of docs/operations.md"
            );
        }
    }
}

/// The literals that are names of metrics: with the product's prefix, or before a help text.
fn described(source: &str) -> Vec<&str> {
    let parts: Vec<_> = source.split('"').collect();
    let literals = (1..parts.len()).step_by(2);
    literals
        .filter(|i| {
            let name = |c: char| c.is_ascii_lowercase() || c == '_';
            let next = parts
                .get(i + 1)
                .is_some_and(|between| between.trim() == ",")
                && parts.get(i + 2).is_some_and(|help| help.contains(' '));
            let whole = parts[*i].starts_with("vigla_") && parts[*i].matches('_').count() > 1;
            parts[*i].chars().all(name) && (next || whole)
        })
        .map(|i| parts[i])
        .collect()
}

/// `promtool check metrics` has nothing to say, except on names that are node-exporter's.
fn promtool(page: &str) {
    let mut command = Command::new("promtool");
    command
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let Ok(mut child) = command.spawn() else {
        vigla_testkit::skip("no promtool; install the package prometheus");
        return;
    };
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), page.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let findings: Vec<_> = said
        .lines()
        .filter(|line| !(line.starts_with("node_") && line.contains("camelCase")))
        .collect();
    assert_eq!(findings, Vec::<&str>::new());
}

#[test]
fn every_problem_stands_in_the_document() {
    let mut right = String::from("| code | what is wrong | what to do |\n|---|---|---|\n");
    let sorted: BTreeMap<_, _> = CODES.iter().map(|text| (text.code, text)).collect();
    for (code, text) in sorted {
        let say = |clause: &str| clause.replace("{}", "...");
        let (what, fix) = (say(text.what), say(text.fix));
        let _ = writeln!(right, "| `{code}` | {what} | {fix} |");
    }
    hold("problems", &right);
}

#[test]
fn every_item_of_health_stands_in_the_document() {
    let known = rows(&table(&document(), "health"));
    let text =
        std::fs::read_to_string(repository().join("services/metrics/src/health.rs")).unwrap();
    let items: BTreeSet<_> = text
        .split("item(\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert!(items.contains("disk"), "{items:?}");
    for item in items {
        assert!(
            known.contains_key(item),
            "`{item}` is missing in the table `health` of docs/operations.md"
        );
    }
}

#[test]
fn every_error_and_exit_code_stands_in_the_document() {
    let source = |path: &str| std::fs::read_to_string(repository().join(path)).unwrap();
    let errors = rows(&table(&document(), "errors"));
    let text = source("services/bus/src/error.rs");
    let variants = text
        .lines()
        .filter_map(|line| line.strip_prefix("    ")?.strip_suffix("(String),"));
    let variants: BTreeSet<_> = variants
        .map(|name| format!("org.vigla.Error.{name}"))
        .collect();
    assert_eq!(variants, errors.keys().cloned().collect());

    let codes = rows(&table(&document(), "exit codes"));
    let text = source("services/kit/src/exit.rs");
    let values = text.lines().filter_map(|line| {
        line.strip_prefix("pub const ")?
            .split_once("u8 = ")?
            .1
            .strip_suffix(';')
    });
    let values: BTreeSet<_> = values.map(String::from).collect();
    assert_eq!(values, codes.keys().cloned().collect());
}

/// Everything below `services` that a device gets: the daemons, and what is none.
fn nouns() -> Vec<String> {
    let folders = std::fs::read_dir(repository().join("services")).unwrap();
    let folders = folders.map(|entry| entry.unwrap().path());
    let shipped = folders.filter(|folder| folder.join("dist").is_dir());
    let mut nouns: Vec<_> = shipped
        .map(|folder| folder.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    nouns.sort();
    assert!(NOUNS.iter().all(|noun| nouns.iter().any(|n| n == noun)));
    nouns
}

#[test]
fn every_unit_stands_in_the_document() {
    let mut right = String::from("| unit | what it is |\n|---|---|\n");
    for noun in nouns() {
        let folder = repository().join("services").join(noun);
        let units = folder.join("dist/usr/lib/systemd/system");
        let units: BTreeSet<_> = paths(&units).into_iter().filter(|p| p.is_file()).collect();
        for path in units {
            let text = std::fs::read_to_string(&path).unwrap();
            let mut lines = text.lines();
            let what = lines.find_map(|line| line.strip_prefix("Description="));
            let unit = path.file_name().unwrap().to_string_lossy().into_owned();
            let what = what.unwrap_or_else(|| panic!("`{unit}` has no description"));
            let what = what.replacen("Vigla ", "", 1);
            let _ = writeln!(right, "| `{unit}` | {what} |");
        }
    }
    hold("units", &right);
}

#[test]
fn every_file_and_port_stands_in_the_document() {
    let text = document();
    let files = rows(&table(&text, "files"));
    for noun in nouns() {
        let dist = repository().join("services").join(&noun).join("dist");
        for path in paths(&dist) {
            let path = format!("/{}", path.strip_prefix(&dist).unwrap().display());
            let known = files.keys().any(|pattern| fits(&path, pattern));
            assert!(
                known,
                "`{path}` is missing in the table `files` of docs/operations.md"
            );
            if path.ends_with("10-default.toml") {
                ports(
                    &noun,
                    &std::fs::read_to_string(dist.join(&path[1..])).unwrap(),
                    &text,
                );
            }
        }
    }
}

/// Each port that the shipped settings name.
fn ports(noun: &str, settings: &str, document: &str) {
    let known = rows(&table(document, "ports"));
    let lines = settings.lines().filter(|line| !line.starts_with('#'));
    for line in lines {
        let Some((_, port)) = line
            .strip_suffix('"')
            .and_then(|line| line.rsplit_once(':'))
        else {
            continue;
        };
        // "02:30" is a time of the day.
        if port.parse::<u16>().is_ok_and(|port| port > 59) {
            assert!(
                known.contains_key(port),
                "port {port} of {noun} is missing in docs/operations.md"
            );
        }
    }
}

fn paths(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(paths(&path));
        } else {
            all.push(path);
        }
    }
    all
}

#[test]
fn a_pattern_stands_for_any_name() {
    for (name, pattern, expected) in [
        ("a", "a", true),
        ("a", "b", false),
        (
            "/usr/lib/vigla/x.d/10-default.toml",
            "/usr/lib/vigla/*.d/*.toml",
            true,
        ),
        ("ab", "a*", true),
        ("ba", "a*", false),
        ("axbxc", "a*b*d", false),
    ] {
        assert_eq!(fits(name, pattern), expected, "{name} {pattern}");
    }
}
