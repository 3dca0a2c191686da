//! Settings: what is wrong is said with file and line, and the exit code is 78.

use std::process::Command;

fn check(settings: &str) -> (Option<i32>, String) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("gateway.d/50-site.toml");
    std::fs::create_dir(file.parent().unwrap()).unwrap();
    vigla_kit::atomic::write(&file, settings.as_bytes()).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_vigla-gateway"))
        .arg("--config-dir")
        .arg(dir.path())
        .arg("--check")
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.code(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

#[test]
fn the_effective_settings_are_shown() {
    let (code, said) = check("[stream]\nrotate = \"2s\"");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("rotate = \"2s\"") && said.contains("listen = \"127.0.0.1:8080\""));
}

#[test]
fn mistakes_are_refused_with_file_and_line() {
    for (settings, told) in [
        ("[tls]\nkey = \"/etc/vigla.key\"", "needs `tls.certificate`"),
        ("\nlisten = \"localhost\"", "line 2"),
        ("[limits]\nconections = 4", "connections"),
        ("[limits]\nwrite_stall = \"5 parsecs\"", "length of time"),
        ("[limits]\nconnections = 0", "1 to 4096"),
        ("[stream]\nboxes_quality = 5", "30 to 100"),
    ] {
        let (code, said) = check(settings);
        assert_eq!(code, Some(78), "{said}");
        assert!(said.contains(told), "{said}");
        assert!(said.contains("50-site.toml"), "{said}");
    }
}
