//! The card's flash memory as two files, so that its state outlives a kill.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Result, anyhow, ensure};
use trussed::virt::{StorageConfig, StoreConfig};

/// What trussed's virtual flash holds: 128 blocks of 512 bytes.
const SIZE: u64 = 128 * 512;

/// Everything that lasts is in one of these two; what a power cycle forgets stays in RAM.
pub fn on_disk(file: &Path) -> Result<StoreConfig<'static>> {
    let mut store = StoreConfig::ram();
    store.internal = flash(file.to_owned())?;
    store.external = flash(beside(file, ".external"))?;
    Ok(store)
}

fn flash(file: PathBuf) -> Result<StorageConfig<'static>> {
    if !file.try_exists()? {
        // Formatted under another name: a kill on the way must not leave a card that never mounts.
        let blank = beside(&file, ".blank");
        fs::write(&blank, vec![0xFF; SIZE as usize])?;
        let mut storage = StorageConfig::filesystem(blank.clone());
        storage.format = true;
        storage.with_fs(|_| ()).map_err(|error| anyhow!("cannot format {}: {error:?}", blank.display()))?;
        fs::rename(blank, &file)?;
    }
    ensure!(fs::metadata(&file)?.len() == SIZE, "{} is not the store of a virtual card", file.display());
    Ok(StorageConfig::filesystem(file))
}

fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
