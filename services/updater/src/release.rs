//! The version that runs, as the image says it.

use semver::Version;

const RELEASE: &str = "/usr/lib/os-release";

/// That of the image; on another system, that of this program.
#[must_use]
pub fn running() -> Version {
    let text = std::fs::read_to_string(RELEASE).unwrap_or_default();
    of(&text).unwrap_or_else(|| {
        Version::parse(env!("CARGO_PKG_VERSION")).unwrap_or(Version::new(0, 0, 0))
    })
}

fn of(text: &str) -> Option<Version> {
    let value = |key: &str| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        line.map(|value| value.trim_matches('"'))
    };
    (value("ID") == Some("vigla")).then_some(())?;
    Version::parse(value("VERSION_ID")?).ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_an_image_of_ours_has_our_version() {
        let of = |text| super::of(text).map(|version| version.to_string());
        assert_eq!(
            of("ID=vigla\nVERSION_ID=1.2.3-rc.1\n"),
            Some("1.2.3-rc.1".into())
        );
        assert_eq!(
            of("ID=\"vigla\"\nVERSION_ID=\"1.2.3\"\n"),
            Some("1.2.3".into())
        );
        assert_eq!(of("ID=debian\nVERSION_ID=\"12\"\n"), None);
        assert_eq!(of("ID=vigla\nVERSION_ID=later\n"), None);
        assert_eq!(of(""), None);
    }
}
