//! Nothing in this test binary loads the real library, so "not loaded" can be tested here.

use std::process::Command;

use super::*;
use crate::engine::{Engine, ModelError};
use crate::manifest::tests::example;

/// Builds a shared library from C that claims to be ONNX Runtime.
fn library(folder: &tempfile::TempDir, name: &str, body: &str) -> PathBuf {
    let (source, path) = (
        folder.path().join(format!("{name}.c")),
        folder.path().join(format!("{name}.so")),
    );
    #[allow(clippy::disallowed_methods, reason = "a temporary file of one test")]
    std::fs::write(&source, body).unwrap();
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .args([&path, &source])
        .status()
        .unwrap();
    assert!(built.success());
    path
}

fn of_version(version: &str) -> String {
    format!(
        "struct base {{ const void *(*api)(unsigned); const char *(*version)(void); }};
         static const void *api(unsigned v) {{ (void)v; return 0; }}
         static const char *version(void) {{ return {version}; }}
         static struct base base = {{ api, version }};
         struct base *OrtGetApiBase(void) {{ return &base; }}"
    )
}

#[test]
fn each_wrong_file_is_its_own_error() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.so");
    #[allow(clippy::disallowed_methods, reason = "a temporary file of one test")]
    std::fs::write(&text, "not a library").unwrap();
    assert!(matches!(
        examine(&text),
        Err(LibraryError::Unloadable { .. })
    ));
    let missing = folder.path().join("missing.so");
    assert!(matches!(
        examine(&missing),
        Err(LibraryError::Unloadable { .. })
    ));

    let foreign = |name: &str, body: &str| match examine(&library(&folder, name, body)) {
        Err(LibraryError::Foreign { message, .. }) => message,
        other => panic!("{name}: {other:?}"),
    };
    assert!(foreign("other", "int answer(void) { return 42; }").contains("does not export"));
    let nothing = "void *OrtGetApiBase(void) { return 0; }";
    assert!(foreign("nothing", nothing).contains("gave nothing"));
    let empty = "static void *base[2]; void *OrtGetApiBase(void) { return base; }";
    assert!(foreign("empty", empty).contains("empty"));
    assert!(foreign("silent", &of_version("0")).contains("no version"));
    assert!(foreign("apiless", &of_version("\"1.27.0\"")).contains("does not serve"));

    let old = examine(&library(&folder, "old", &of_version("\"1.17.3\"")));
    let text = old.unwrap_err().to_string();
    assert!(
        text.contains("ONNX Runtime 1.17.3; version 1.27 is needed"),
        "{text}"
    );
}

#[test]
fn an_absent_library_is_an_error_that_says_where_it_was_looked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE_NAME);
    let error = Library::load(Some(&path)).unwrap_err();
    assert!(error.to_string().contains(&path.display().to_string()));
    assert!(
        error
            .to_string()
            .contains("install `libonnxruntime.so.1.27.0`")
    );
    assert_eq!(Library::loaded().map(|library| library.path), None);
}

#[test]
fn without_the_library_a_model_does_not_open_and_nothing_panics() {
    assert!(matches!(
        Engine::open(&example(), 1),
        Err(ModelError::NoLibrary { .. })
    ));
}
