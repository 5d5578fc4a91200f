//! What a card keeps without power: in a file, or nowhere.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::application::Application;

/// What an application keeps, whatever that is.
pub trait Stored {
    /// As it is written down.
    ///
    /// # Errors
    /// It cannot be.
    fn save(&self) -> Result<Value>;

    /// Takes what was saved.
    ///
    /// # Errors
    /// It is not what this application saves.
    fn load(&mut self, saved: Value) -> Result<()>;
}

impl<T: Serialize + DeserializeOwned> Stored for T {
    fn save(&self) -> Result<Value> {
        Ok(serde_json::to_value(self)?)
    }

    fn load(&mut self, saved: Value) -> Result<()> {
        *self = serde_json::from_value(saved)?;
        Ok(())
    }
}

/// A file with what each application saved, by its name.
pub struct Store {
    file: PathBuf,
    written: Vec<u8>,
}

impl Store {
    /// Opens `file` and loads the applications from it; where it does not exist they are as delivered.
    ///
    /// # Errors
    /// It cannot be read, or is not what the applications saved.
    pub fn open(file: &Path, applications: &mut [Box<dyn Application>]) -> Result<Self> {
        let read = || -> Result<Vec<u8>> {
            let written = match fs::read(file) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
                written => written?,
            };
            let mut saved: BTreeMap<String, Value> = serde_json::from_slice(&written)?;
            for application in applications {
                let name = application.name();
                application.stored().load(saved.remove(name).with_context(|| format!("it has no {name}"))?)?;
            }
            Ok(written)
        };
        let written = read().with_context(|| format!("card in {}", file.display()))?;
        Ok(Self { file: file.to_owned(), written })
    }

    /// Writes what has changed; whole or not at all, also where the card is killed.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn keep(&mut self, applications: &mut [Box<dyn Application>]) -> Result<()> {
        let saved: BTreeMap<_, _> =
            applications.iter_mut().map(|one| Ok((one.name(), one.stored().save()?))).collect::<Result<_>>()?;
        let written = serde_json::to_vec_pretty(&saved)?;
        if written != self.written {
            let next = self.file.with_extension("next");
            fs::write(&next, &written).and_then(|()| fs::rename(&next, &self.file)).context("keeping the card")?;
            self.written = written;
        }
        Ok(())
    }
}
