//! Writes the man pages and the completions of pukka into a directory, from its own command line.

use std::{fs, io, path::PathBuf};

use clap_complete::Shell;

fn main() -> io::Result<()> {
    let directory = std::env::args_os().nth(1).map(PathBuf::from);
    let directory = directory.ok_or_else(|| io::Error::other("usage: pages DIRECTORY"))?;
    let (manual, completions) = (directory.join("man"), directory.join("completions"));
    // A page of a command that is gone must not stay.
    for directory in [&manual, &completions] {
        fs::remove_dir_all(directory).or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        })?;
        fs::create_dir_all(directory)?;
    }
    for (name, page) in pages::manual()? {
        fs::write(manual.join(name), page)?;
    }
    // Each is called as its shell looks for it.
    for (name, shell) in [("pukka", Shell::Bash), ("_pukka", Shell::Zsh), ("pukka.fish", Shell::Fish)] {
        fs::write(completions.join(name), pukka::cli::completions(shell))?;
    }
    Ok(())
}
