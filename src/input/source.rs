//! A SOURCE: where one secret comes from, in the manner of openssl's pass phrase arguments.

use std::path::PathBuf;

use super::credential;

/// Where one secret comes from. Its `Debug` names the kind alone: what stood there may have been a secret.
#[derive(Clone, PartialEq, Eq)]
pub enum Source {
    /// The controlling terminal.
    Prompt,
    /// An environment variable.
    Env(String),
    /// A file that only its owner can read.
    File(PathBuf),
    /// An open descriptor.
    Descriptor(u32),
    /// Standard input.
    Stdin,
    /// The desktop's pinentry.
    Pinentry,
    /// A credential of systemd.
    Credential(String),
    /// The token's own keys.
    Pad,
    /// Made by us, and written to standard output.
    Generate,
    /// Made by us, and written to a new file before the token gets it.
    GenerateTo(PathBuf),
}

/// Why a word is no SOURCE. It never repeats the word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// Most likely the secret itself.
    #[error(
        "takes the name of a source, never the secret itself, since every process on this machine can read a command line; \
         use prompt, pinentry, env:NAME, file:PATH, fd:N, stdin, credential:NAME or pinpad"
    )]
    Literal,
    /// One that is to come.
    #[error("names a source that this version does not have yet")]
    Later,
    /// `generate` where a present value is wanted.
    #[error("wants the value that the token has now, and that cannot be generated")]
    NotNew,
    /// Nothing behind the colon.
    #[error("names nothing behind the colon, or no number where one belongs")]
    Incomplete,
    /// No name that systemd gives.
    #[error("names no credential: that is a file's name, in printable ASCII without a slash or a colon")]
    Credential,
}

impl Source {
    /// Reads a SOURCE for a value that the token has now.
    ///
    /// # Errors
    /// [`SourceError`].
    pub fn current(word: &str) -> Result<Self, SourceError> {
        match Self::new_value(word)? {
            Self::Generate | Self::GenerateTo(_) => Err(SourceError::NotNew),
            source => Ok(source),
        }
    }

    /// Reads a SOURCE for a value that the token is to get.
    ///
    /// # Errors
    /// [`SourceError`].
    pub fn new_value(word: &str) -> Result<Self, SourceError> {
        let named = |rest: &str| if rest.is_empty() { Err(SourceError::Incomplete) } else { Ok(rest.to_owned()) };
        match word.split_once(':') {
            None => match word {
                "prompt" => Ok(Self::Prompt),
                "stdin" => Ok(Self::Stdin),
                "pinentry" => Ok(Self::Pinentry),
                "pinpad" => Ok(Self::Pad),
                "generate" => Ok(Self::Generate),
                "escrow" => Err(SourceError::Later),
                _ => Err(SourceError::Literal),
            },
            Some(("env", name)) if name.contains('=') => Err(SourceError::Literal),
            Some(("env", name)) => named(name).map(Self::Env),
            Some(("file", path)) => named(path).map(|path| Self::File(path.into())),
            Some(("fd", number)) => number.parse().map(Self::Descriptor).map_err(|_| SourceError::Incomplete),
            Some(("generate", path)) => named(path).map(|path| Self::GenerateTo(path.into())),
            Some(("credential", "")) => Err(SourceError::Incomplete),
            Some(("credential", name)) if credential::is_name(name) => Ok(Self::Credential(name.to_owned())),
            Some(("credential", _)) => Err(SourceError::Credential),
            Some(_) => Err(SourceError::Literal),
        }
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Prompt => "prompt",
            Self::Env(_) => "env:…",
            Self::File(_) => "file:…",
            Self::Descriptor(_) => "fd:…",
            Self::Stdin => "stdin",
            Self::Pinentry => "pinentry",
            Self::Credential(_) => "credential:…",
            Self::Pad => "pinpad",
            Self::Generate => "generate",
            Self::GenerateTo(_) => "generate:…",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_is_read() {
        assert_eq!(Source::current("env:PIN"), Ok(Source::Env("PIN".into())));
        assert_eq!(Source::current("file:/a:b"), Ok(Source::File("/a:b".into())));
        assert_eq!(Source::current("fd:3"), Ok(Source::Descriptor(3)));
        assert_eq!(Source::current("pinentry"), Ok(Source::Pinentry));
        assert_eq!(Source::new_value("credential:desk-7.pin"), Ok(Source::Credential("desk-7.pin".into())));
        assert_eq!(Source::new_value("generate:out"), Ok(Source::GenerateTo("out".into())));
        assert_eq!(Source::new_value("generate"), Ok(Source::Generate));
    }

    #[test]
    fn a_literal_secret_is_refused_and_not_repeated() {
        for word in ["271828", "PROMPT", "pass:271828", "env:PIN=271828", ""] {
            let error = Source::current(word).unwrap_err();
            assert_eq!(error, SourceError::Literal);
            assert!(!error.to_string().contains("271828"));
        }
    }

    #[test]
    fn a_credential_has_a_name_that_systemd_gives() {
        for name in ["a/b", "..", ".", "a:b", "zoë", "a\tb", &"n".repeat(256)] {
            assert_eq!(Source::current(&format!("credential:{name}")), Err(SourceError::Credential), "{name}");
        }
        assert_eq!(Source::current("credential:"), Err(SourceError::Incomplete));
    }

    #[test]
    fn a_present_value_cannot_be_generated() {
        assert_eq!(Source::current("generate"), Err(SourceError::NotNew));
        assert_eq!(Source::current("generate:F"), Err(SourceError::NotNew));
    }

    #[test]
    fn debug_does_not_show_what_was_typed() {
        assert_eq!(format!("{:?}", Source::Env("271828".into())), "env:…");
    }
}
