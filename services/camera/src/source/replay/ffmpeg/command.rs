//! How the child is called: what anybody may read on its command line, and what only it may know.

use std::ffi::OsString;

use super::{Input, Wish};

/// The command line, which anybody may read.
pub(super) fn arguments(input: &Input, wish: Wish) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = ["-hide_banner", "-loglevel", "error", "-threads", "1"]
        .map(OsString::from)
        .into();
    let mut add = |words: &[&str]| arguments.extend(words.iter().map(OsString::from));
    match input {
        Input::File(path) => {
            // Whitelist: a playlist in disguise must not reach the network.
            add(&[
                "-nostdin",
                "-protocol_whitelist",
                "file,pipe",
                "-re",
                "-stream_loop",
                "-1",
                "-i",
            ]);
            let mut name = OsString::from("file:");
            name.push(path);
            arguments.push(name);
        }
        Input::Network(..) => {
            add(&["-f", "concat", "-safe", "0", "-protocol_whitelist"]);
            add(&[
                "pipe,rtsp,rtsps,rtp,srtp,udp,tcp,tls,crypto",
                "-i",
                "pipe:0",
            ]);
        }
    }
    let mut add = |words: &[&str]| arguments.extend(words.iter().map(OsString::from));
    add(&["-map", "0:v:0"]);
    if let Some(filter) = filter(wish) {
        add(&["-vf", &filter]);
    }
    // yuvj420p is what every JPEG decoder takes; quality 4 is about 85 of libjpeg's hundred.
    add(&[
        "-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-q:v", "4", "-f", "mjpeg", "pipe:1",
    ]);
    arguments
}

fn filter(wish: Wish) -> Option<String> {
    let rate = wish.rate.map(|rate| format!("fps={rate}"));
    let size = wish.size.map(|(width, height)| {
        format!(
            "scale=w='min({width},iw)':h='min({height},ih)':force_original_aspect_ratio=decrease:force_divisible_by=2"
        )
    });
    let filters: Vec<String> = rate.into_iter().chain(size).collect();
    (!filters.is_empty()).then(|| filters.join(","))
}

/// What goes in through standard input: for a network camera its address, for nobody else to see.
pub(super) fn playlist(input: &Input) -> String {
    match input {
        Input::File(_) => String::new(),
        Input::Network(address, credentials) => {
            let address = address.with_credentials(credentials.as_ref());
            // Over TCP: lost UDP packets are torn pictures. The timeout is in microseconds.
            format!(
                "ffconcat version 1.0\nfile '{address}'\noption rtsp_transport tcp\noption timeout 10000000\n"
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::replay::url::{Address, Credentials};

    fn network() -> Input {
        let address = Address::parse("rtsp://127.0.0.1:9/live").unwrap();
        Input::Network(address, Credentials::parse("admin:s3cret"))
    }

    #[test]
    fn the_command_line_never_shows_a_password() {
        let line = format!("{:?}", arguments(&network(), Wish::default()));
        assert!(
            !line.contains("s3cret") && !line.contains("127.0.0.1"),
            "{line}"
        );
        assert!(playlist(&network()).contains("admin:s3cret@"));
    }

    #[test]
    fn a_file_name_is_never_an_option() {
        let input = Input::File("-y /tmp/x.mp4".into());
        let wish = Wish {
            rate: Some(5.0),
            size: Some((640, 360)),
        };
        let line = arguments(&input, wish);
        assert!(line.contains(&OsString::from("file:-y /tmp/x.mp4")));
        assert!(
            line.iter()
                .any(|word| word.to_string_lossy().starts_with("fps=5,scale="))
        );
    }
}
