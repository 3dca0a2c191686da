//! The node's own sentence, on the terminal too: what is wrong and what to do, when it changes.

use std::time::{Duration, Instant};

use serde::Deserialize;

use super::http;
use crate::say;

/// Between two questions.
const PERIOD: Duration = Duration::from_secs(1);

/// What the page has at its top.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Sentence {
    state: String,
    text: String,
    fix: String,
}

/// The part of `/api/v1/state` that is wanted.
#[derive(Debug, Deserialize)]
struct State {
    sentence: Sentence,
}

/// Follows the sentence of the page on `port`.
#[derive(Debug)]
pub(super) struct Follower {
    port: u16,
    asked: Instant,
    news: News,
}

impl Follower {
    pub(super) fn new(port: u16) -> Self {
        Self {
            port,
            asked: Instant::now(),
            news: News::default(),
        }
    }

    /// Asks when it is time, and prints what is new. A page that does not answer is none: whoever
    /// looks after the services says so.
    pub(super) fn look(&mut self) {
        if self.asked.elapsed() < PERIOD {
            return;
        }
        let body = http::get(self.port, "/api/v1/state").map(|answer| answer.body);
        self.asked = Instant::now();
        let state = body
            .ok()
            .and_then(|body| serde_json::from_str::<State>(&body).ok());
        if let Some(line) = state.and_then(|state| self.news.hear(state.sentence)) {
            say::trouble(format_args!("  {:<10} {line}", "node"));
        }
    }
}

/// Tells news from what is known, and from what is over at the second look.
#[derive(Debug, Default)]
struct News {
    heard: Option<Sentence>,
    told: Option<Sentence>,
}

impl News {
    /// The line to print. A node that starts well is not worth one; its recovery is.
    fn hear(&mut self, now: Sentence) -> Option<String> {
        let lasts = self.heard.as_ref() == Some(&now);
        self.heard = Some(now.clone());
        let first = self.told.is_none() && now.state == "ok";
        if !lasts || first || self.told.as_ref() == Some(&now) {
            return None;
        }
        let line = format!("{} {}", now.text, now.fix);
        self.told = Some(now);
        Some(line.trim_end().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentence(state: &str, text: &str, fix: &str) -> Sentence {
        Sentence {
            state: state.to_owned(),
            text: text.to_owned(),
            fix: fix.to_owned(),
        }
    }

    #[test]
    fn each_change_that_lasts_is_told_once() {
        let well = sentence("ok", "All is well.", "");
        let bad = sentence("degraded", "Degraded.", "Mend it.");
        let said = [&well, &well, &bad, &well, &bad, &bad, &bad, &well, &well];
        let mut news = News::default();
        let told: Vec<_> = said.iter().map(|s| news.hear((*s).clone())).collect();
        let expected = [
            None,
            None,
            None,
            None,
            None,
            Some("Degraded. Mend it."),
            None,
            None,
            Some("All is well."),
        ];
        assert_eq!(
            told.iter().map(Option::as_deref).collect::<Vec<_>>(),
            expected
        );
    }

    #[test]
    fn reads_what_the_gateway_says() {
        let text = r#"{"node_id":"n","sentence":{"state":"ok","text":"a","fix":""},"problems":[]}"#;
        let state: State = serde_json::from_str(text).unwrap();
        assert_eq!(state.sentence, sentence("ok", "a", ""));
    }
}
