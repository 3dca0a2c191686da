//! The shipped default file is the manual: it says what is true without it.

use std::path::PathBuf;

use vigla_kit::config;
use vigla_metrics::Settings;

fn place() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("dist/usr/lib/vigla")
}

#[test]
fn the_manual_holds_every_default() {
    let loaded = config::load::<Settings>("metrics", &[place()]).unwrap();
    assert_eq!(loaded.settings, Settings::default());
    let text = std::fs::read_to_string(place().join("metrics.d/10-default.toml")).unwrap();
    let shown: toml::Table = config::show(&Settings::default()).unwrap().parse().unwrap();
    let manual: toml::Table = text.parse().unwrap();
    assert_eq!(
        keys(&manual),
        keys(&shown),
        "a key is missing in the manual"
    );
}

fn keys(table: &toml::Table) -> Vec<String> {
    let mut keys = Vec::new();
    for (key, value) in table {
        match value {
            toml::Value::Table(inner) => {
                keys.extend(self::keys(inner).into_iter().map(|k| format!("{key}.{k}")));
            }
            _ => keys.push(key.clone()),
        }
    }
    keys.sort();
    keys
}

#[test]
fn bad_values_name_file_line_and_choices() {
    let cases = [
        ("brokr = \"a:1\"", "line 1", "expected one of `broker`"),
        (
            "broker = \"localhost\"",
            "line 1",
            "is not a host and port like",
        ),
        ("\nkeep_alive = \"10ms\"", "line 2", "\"1s\" to \"18h\""),
        ("keep_alive = 30", "line 1", "string"),
        ("password_file = \"/x\"", "line 1", "needs `user`"),
        ("[hold]\nmessages = 5", "line 2", "at least 100"),
        ("[hold]\nbytes = 5", "line 2", "at least 131072"),
        ("[legacy]\nprefix = \"a/#\"", "line 2", "start of a topic"),
        ("[legacy]\nlabels = [\"car\", \"\"]", "line 2", "not empty"),
        (
            "[gather]\npatience = \"soon\"",
            "line 2",
            "not a length of time",
        ),
    ];
    for (text, line, message) in cases {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("metrics.d")).unwrap();
        vigla_kit::atomic::write(&dir.path().join("metrics.d/50-site.toml"), text.as_bytes())
            .unwrap();
        let error = config::load::<Settings>("metrics", &[dir.path().to_owned()])
            .unwrap_err()
            .to_string();
        for part in ["50-site.toml", line, message] {
            assert!(error.contains(part), "{text:?}: {error}");
        }
    }
}
