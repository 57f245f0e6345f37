//! C programs, compiled with the header of this checkout and run with the library of this build.

// Each test file uses a part of this.
#![allow(dead_code)]

use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use smbgw_testing::run;
use tempfile::TempDir;

/// Where the crate is.
pub(crate) fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The shared library that cargo built beside this program.
pub(crate) fn library() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    let library = program.with_file_name("libsmbgw.so");
    assert!(library.exists(), "{} is missing", library.display());
    library
}

/// What a program is compiled as.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Language {
    C99,
    C11,
    Cxx11,
}

/// A folder with the library as it is installed, and the programs made for it.
#[derive(Debug)]
pub(crate) struct Workshop {
    folder: TempDir,
}

impl Workshop {
    pub(crate) fn new() -> Self {
        // Not in /tmp, which a light host does not share.
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        for name in ["libsmbgw.so", "libsmbgw.so.0"] {
            symlink(library(), folder.path().join(name)).unwrap();
        }
        Self { folder }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A new, empty folder.
    pub(crate) fn empty_folder(&self, name: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir(&path).unwrap();
        path
    }

    /// Compiles files of this folder to a program that finds the library by itself.
    pub(crate) fn compile(&self, language: Language, sources: &[&str], more: &[&str]) -> PathBuf {
        let folder = here().join("tests/c");
        let sources = sources.iter().map(|source| folder.join(source));
        let sources: Vec<PathBuf> = sources.collect();
        self.compile_files(language, &sources, more)
    }

    /// Compiles any files.
    pub(crate) fn compile_files(
        &self,
        language: Language,
        sources: &[PathBuf],
        more: &[&str],
    ) -> PathBuf {
        let (compiler, standard) = match language {
            Language::C99 => ("gcc", "-std=c99"),
            Language::C11 => ("gcc", "-std=c11"),
            Language::Cxx11 => ("g++", "-std=c++11"),
        };
        let name = format!(
            "{}{}",
            sources[0].file_stem().unwrap().display(),
            more.concat().replace(['/', '='], "")
        );
        let program = self.path().join(name);
        let mut command = Command::new(compiler);
        command
            .args([standard, "-Wall", "-Wextra", "-Werror", "-pedantic"])
            .args(["-g", "-pthread"])
            .arg(format!("-I{}", here().join("include").display()))
            .arg(concat!(
                "-DEXPECTED_VERSION=\"",
                env!("CARGO_PKG_VERSION"),
                "\""
            ))
            .args(more)
            .arg("-o")
            .arg(&program)
            .args(sources)
            .arg(format!("-L{}", self.path().display()))
            .arg("-lsmbgw")
            .arg(format!("-Wl,-rpath,{}", self.path().display()));
        run(&mut command).unwrap_or_else(|error| panic!("{error}"));
        program
    }
}

/// How `command` ends with `input`.
pub(crate) fn ended(command: &mut Command, input: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may have ended before it read all.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

/// What `command` prints with `input`; what it said is in the message where it fails.
#[track_caller]
pub(crate) fn succeeds(command: &mut Command, input: &str) -> String {
    let output = ended(command, input);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{command:?}: {}\n{said}\n{told}",
        output.status
    );
    said
}
