//! The log: one line per call, its name and what came back, and never an argument.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

pub struct Log(Option<PathBuf>);

impl Log {
    /// Makes sure that the file can be written, so that a wrong path is told at once.
    pub fn open(path: Option<PathBuf>) -> Result<Self, String> {
        if let Some(path) = &path {
            append(path).map_err(|error| format!("{}: {error}", path.display()))?;
        }
        Ok(Self(path))
    }

    /// Opens the file anew for each line: several processes may write to it, and one write appends whole.
    pub fn line(&self, call: &str, outcome: &str) {
        let Some(path) = &self.0 else { return };
        let written = append(path).and_then(|mut file| file.write_all(format!("{call} = {outcome}\n").as_bytes()));
        if let Err(error) = written {
            eprintln!("fault-module: {}: {error}", path.display());
        }
    }
}

fn append(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}
