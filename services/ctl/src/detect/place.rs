//! Where annotated files go: one file for one, a folder for several.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::media::{self, Kind};
use crate::fault::Fault;

/// A place for each of `files`.
pub(super) fn targets(
    files: &[PathBuf],
    annotate: Option<&Path>,
) -> Result<Vec<Option<PathBuf>>, Fault> {
    let Some(annotate) = annotate else {
        return Ok(vec![None; files.len()]);
    };
    if let ([file], false) = (files, annotate.is_dir()) {
        return apart(file, annotate.to_owned()).map(|target| vec![Some(target)]);
    }
    std::fs::create_dir_all(annotate).map_err(|error| {
        Fault::failed(format!("make the folder `{}`", annotate.display()), error)
    })?;
    let mut taken = BTreeSet::new();
    let targets = files
        .iter()
        .map(|file| apart(file, annotate.join(name(file, &mut taken))).map(Some));
    targets.collect()
}

/// The name in a folder: two `a/1.jpg` and `b/1.jpg` do not meet.
fn name(file: &Path, taken: &mut BTreeSet<String>) -> String {
    let video = matches!(media::kind(file), Ok(Kind::Video));
    let end = if video { "avi" } else { "jpg" };
    let stem = file
        .file_stem()
        .map_or_else(|| "picture".into(), |stem| stem.to_string_lossy());
    let candidates = (1..).map(|n| {
        if n == 1 {
            format!("{stem}.{end}")
        } else {
            format!("{stem}-{n}.{end}")
        }
    });
    for candidate in candidates {
        if taken.insert(candidate.clone()) {
            return candidate;
        }
    }
    String::new()
}

fn apart(file: &Path, target: PathBuf) -> Result<PathBuf, Fault> {
    let same = file
        .canonicalize()
        .is_ok_and(|file| target.canonicalize().is_ok_and(|target| file == target));
    if same {
        Err(Fault::usage(format!(
            "`{}` would be overwritten",
            file.display()
        )))
    } else {
        Ok(target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_files_of_one_name_do_not_meet() {
        let mut taken = BTreeSet::new();
        let names = ["a/1.png", "b/1.jpg", "c/1.gif"].map(|file| name(Path::new(file), &mut taken));
        assert_eq!(names, ["1.jpg", "1-2.jpg", "1-3.jpg"]);
    }

    #[test]
    fn the_file_itself_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.jpg");
        std::fs::File::create(&file).unwrap();
        assert!(targets(std::slice::from_ref(&file), Some(&file)).is_err());
        assert!(targets(&[file.clone(), file.clone()], Some(dir.path())).is_err());
        let out = dir.path().join("out.jpg");
        assert_eq!(targets(&[file], Some(&out)).unwrap(), [Some(out)]);
    }
}
