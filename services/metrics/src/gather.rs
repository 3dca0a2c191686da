//! One page of all metrics of this node: ours, what each service says on its socket, and the host's.
//!
//! The text format wants all lines of a metric together, so pages are merged by metric family. A
//! service that does not answer, or answers nonsense, is a comment and a 0 in
//! `vigla_metrics_scrape_up`; the others are not held up.

use std::collections::HashMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::join_all;
use prometheus::Registry;
use vigla_bus::names::{DEVICE, METRICS, SERVICES, Service};
use vigla_kit::metrics::{SOCKET, scrape, text};

use crate::host::Host;

/// Where to ask, and how long to wait.
#[derive(Debug, Clone)]
pub struct Gatherer {
    /// Folder with a folder per service.
    pub sockets: PathBuf,
    /// For each service; they are asked at the same time.
    pub patience: Duration,
    /// Our own metrics.
    pub registry: Registry,
    /// The machine.
    pub host: Host,
}

impl Gatherer {
    /// The page now.
    pub async fn page(&self) -> String {
        // Those that only a device has are missed nowhere else: they are asked where they have a socket.
        let there = |service: &Service| self.sockets.join(service.noun).join(SOCKET).exists();
        let of_device = DEVICE.into_iter().filter(there);
        let others = SERVICES.into_iter().filter(|service| *service != METRICS);
        let others = others.chain(of_device);
        let (answers, host) = tokio::join!(
            join_all(others.map(|service| self.ask(service))),
            self.host()
        );
        let own = Ok(String::from_utf8_lossy(&text(&self.registry)).into_owned());
        let pages: Vec<_> = std::iter::once((METRICS.noun, own))
            .chain(answers)
            .collect();
        let mut page = merge(&pages, host.len());
        // Nobody else has metrics of these names, so they need not be sorted in.
        page.push_str(&host);
        page
    }

    /// The host's metrics. On a thread of its own: a disk may keep us waiting.
    async fn host(&self) -> String {
        let host = self.host.clone();
        let look = tokio::task::spawn_blocking(move || host.page());
        match tokio::time::timeout(self.patience, look).await {
            Ok(Ok(Some(page))) => page,
            Ok(Ok(None)) | Err(_) => String::from("# host: no answer in time\n"),
            Ok(Err(error)) => format!("# host: {error}\n"),
        }
    }

    async fn ask(&self, service: Service) -> (&'static str, Result<String, String>) {
        let path = self.sockets.join(service.noun).join(SOCKET);
        let answer = match tokio::time::timeout(self.patience, scrape(&path)).await {
            Ok(Ok(page)) if page.lines().all(sound) => Ok(page),
            Ok(Ok(_)) => Err(String::from("the answer is not a page of metrics")),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(String::from("no answer in time")),
        };
        (service.noun, answer)
    }
}

/// A comment, an empty line, or a sample: name, perhaps labels, a value.
fn sound(line: &str) -> bool {
    line.is_empty() || line.starts_with('#') || (!name(line).is_empty() && line.contains(' '))
}

/// The metric's name at the start of a sample.
fn name(sample: &str) -> &str {
    let end = sample.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'));
    &sample[..end.unwrap_or(sample.len())]
}

/// The lines of one metric, from all pages.
#[derive(Debug)]
struct Family<'a> {
    name: &'a str,
    help: Option<&'a str>,
    kind: Option<&'a str>,
    samples: Vec<&'a str>,
}

/// The families in the order in which they came, and where each is.
#[derive(Debug, Default)]
struct Families<'a> {
    all: Vec<Family<'a>>,
    places: HashMap<&'a str, usize>,
}

/// All pages as one, in a text with room for `more` bytes.
fn merge(pages: &[(&str, Result<String, String>)], more: usize) -> String {
    let mut families = Families::default();
    let bytes: usize = pages
        .iter()
        .flat_map(|(_, page)| page)
        .map(String::len)
        .sum();
    let mut out = String::with_capacity(bytes + more + (1 << 10));
    out.push_str(
        "# HELP vigla_metrics_scrape_up Whether the service answered on its socket. 0: it is down, or hangs.\n\
         # TYPE vigla_metrics_scrape_up gauge\n",
    );
    for (noun, page) in pages {
        let up = u8::from(page.is_ok());
        let _ = writeln!(out, "vigla_metrics_scrape_up{{service=\"{noun}\"}} {up}");
    }
    for (noun, page) in pages {
        match page {
            Ok(page) => families.sort_in(page),
            Err(why) => {
                let _ = writeln!(out, "# {noun}: {}", why.replace('\n', " "));
            }
        }
    }
    for family in &families.all {
        let head = family.help.iter().chain(&family.kind);
        for line in head.chain(&family.samples) {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

impl<'a> Families<'a> {
    /// Adds the lines of `page` to the families they belong to. Samples follow the `# TYPE` of their
    /// family (`x_bucket`, `x_sum` and `x_count` belong to `x`).
    fn sort_in(&mut self, page: &'a str) {
        let mut current: Option<usize> = None;
        for line in page.lines().filter(|line| !line.is_empty()) {
            if let Some(comment) = line.strip_prefix("# ") {
                let mut words = comment.splitn(3, ' ');
                let (Some(word @ ("HELP" | "TYPE")), Some(name)) = (words.next(), words.next())
                else {
                    continue;
                };
                let at = self.find(name);
                let family = &mut self.all[at];
                let known = if word == "HELP" {
                    &mut family.help
                } else {
                    &mut family.kind
                };
                known.get_or_insert(line);
                current = Some(at);
            } else if !line.starts_with('#') {
                let own = name(line);
                let at = match current {
                    Some(at) if own.starts_with(self.all[at].name) => at,
                    _ => self.find(own),
                };
                self.all[at].samples.push(line);
            }
        }
    }

    fn find(&mut self, name: &'a str) -> usize {
        *self.places.entry(name).or_insert_with(|| {
            self.all.push(Family {
                name,
                help: None,
                kind: None,
                samples: Vec::new(),
            });
            self.all.len() - 1
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::host::Machine;

    use super::*;

    #[test]
    fn families_of_several_pages_stay_together() {
        let page = |text: &str| Ok(text.to_owned());
        let merged = merge(
            &[
                (
                    "camera",
                    page(
                        "# HELP up Up.\n# TYPE up gauge\nup{s=\"camera\"} 1\n# HELP a A.\n# TYPE a histogram\na_bucket{le=\"1\"} 2\na_sum 1\na_count 2\n",
                    ),
                ),
                (
                    "detector",
                    page("# HELP up Up.\n# TYPE up gauge\nup{s=\"detector\"} 1\n"),
                ),
                ("gateway", Err(String::from("no such file"))),
            ],
            0,
        );
        let expected = "vigla_metrics_scrape_up{service=\"camera\"} 1\n\
            vigla_metrics_scrape_up{service=\"detector\"} 1\n\
            vigla_metrics_scrape_up{service=\"gateway\"} 0\n\
            # gateway: no such file\n\
            # HELP up Up.\n# TYPE up gauge\nup{s=\"camera\"} 1\nup{s=\"detector\"} 1\n\
            # HELP a A.\n# TYPE a histogram\na_bucket{le=\"1\"} 2\na_sum 1\na_count 2\n";
        assert!(merged.ends_with(expected), "{merged}");
    }

    #[test]
    fn tells_a_page_from_nonsense() {
        for (line, good) in [
            ("", true),
            ("# x", true),
            ("a 1", true),
            ("a{b=\"c\"} 1", true),
            ("<html>", false),
            ("{", false),
        ] {
            assert_eq!(sound(line), good, "{line}");
        }
    }

    #[tokio::test]
    async fn a_dead_socket_is_a_comment_and_a_zero() {
        let dir = tempfile::tempdir().unwrap();
        let registry = Registry::new();
        let gatherer = Gatherer {
            sockets: dir.path().to_owned(),
            patience: Duration::from_secs(5),
            registry,
            host: Host::new(Machine::new(dir.path())),
        };
        let page = gatherer.page().await;
        assert!(
            page.contains("vigla_metrics_scrape_up{service=\"metrics\"} 1"),
            "{page}"
        );
        assert!(
            page.contains("vigla_metrics_scrape_up{service=\"camera\"} 0"),
            "{page}"
        );
        assert!(page.contains("\n# camera: "), "{page}");
    }

    #[test]
    fn any_damage_to_a_page_is_survived() {
        vigla_testkit::fuzz(env!("CARGO_MANIFEST_DIR"), "page", |bytes| {
            let text = String::from_utf8_lossy(bytes).into_owned();
            if text.lines().all(sound) {
                let merged = merge(&[("camera", Ok(text))], 0);
                assert!(merged.lines().all(sound));
            }
        });
    }
}
