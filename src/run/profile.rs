//! Profiles of cards: read from files, checked, and told what they would send.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use crate::{
    config,
    device::card::iso7816::{self, Profiles, profile::Profile},
    error::{Error, Result},
    selector::{Selection, Selector},
    token::{Preview, Route},
};

/// The longest profile in bytes that is read.
const MOST: u64 = 1 << 18;

/// Reads a profile and tells what it would send for each operation. No reader is asked.
///
/// # Errors
/// [`Error::Usage`], with line and column where the file can be read.
pub fn check_profile(path: &Path) -> Result<Preview> {
    read(path).map(|profile| iso7816::preview(&profile))
}

/// The profile that a call named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its application.
    pub application: String,
    /// Its file.
    pub file: PathBuf,
}

impl Named {
    /// Who names a profile means its card, unless the call says otherwise.
    pub fn narrow(&self, selection: &mut Selection) {
        let says = selection.application.is_some() || selection.via == Some(Route::Pkcs11);
        if !says && selection.selector.as_ref().and_then(Selector::application).is_none() {
            selection.application = Some(self.application.clone());
        }
    }
}

/// The profiles that cards are compared with: the one that was named, those of each directory in turn, and the ones that are
/// compiled in. Of one name the first is used.
///
/// # Errors
/// [`Error::Usage`], with line and column where a file holds no profile; where two of a directory have one name.
pub fn profiles(named: Option<&Path>, directories: &[PathBuf]) -> Result<(Profiles, Option<Named>)> {
    let own = named.map(read).transpose()?;
    let call = named.zip(own.as_ref());
    let call = call.map(|(file, own)| Named { application: own.name.clone(), file: file.to_owned() });
    let mut site: Vec<Profile> = own.into_iter().collect();
    for directory in directories {
        site.extend(folder(directory)?);
    }
    Ok((Profiles::with(site)?, call))
}

/// The profiles of one directory, in the order of their files' names; none where there is no such directory.
fn folder(directory: &Path) -> Result<Vec<Profile>> {
    let unreadable = |error| Error::Usage(format!("the profiles in {} cannot be read: {error}", shown(directory)));
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        // Nor where a user has no home, such as a service's.
        Err(_) if fs::symlink_metadata(directory).is_err_and(|error| error.kind() == ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        entries => entries.map_err(unreadable)?,
    };
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in entries {
        let file = entry.map_err(unreadable)?.path();
        // An editor's own files, and those that a package sets aside, end or begin otherwise.
        let is_hidden = file.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if file.extension().is_some_and(|extension| extension == "toml") && !is_hidden {
            files.push(file);
        }
    }
    files.sort();
    let mut profiles: Vec<Profile> = Vec::new();
    for (index, file) in files.iter().enumerate() {
        let profile = read(file)?;
        let twin = profiles.iter().position(|known| known.name == profile.name);
        if let Some(other) = twin.and_then(|twin| files.get(..index)?.get(twin)) {
            let why = format!("{} and {} are both named {}", shown(other), shown(file), profile.name);
            return Err(Error::Usage(format!("{why}: only one of a directory can be used")));
        }
        profiles.push(profile);
    }
    Ok(profiles)
}

fn read(path: &Path) -> Result<Profile> {
    let shown = shown(path);
    let unreadable = |why: String| Error::Usage(format!("the profile {shown} cannot be read: {why}"));
    let (text, metadata) = config::text(path, MOST).map_err(|error| unreadable(error.to_string()))?;
    let profile = Profile::parse(&text, &shown)?;
    Ok(Profile { is_own: !config::is_administrators_profile(path, &metadata), ..profile })
}

/// A path as messages have it.
fn shown(path: &Path) -> String {
    path.display().to_string().escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CARD: &str = include_str!("../device/card/profiles/isoapplet.toml");

    /// A directory with one file, a card of this title under the name of one that is compiled in.
    fn directory(title: &str) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        let text = CARD.replace("IsoApplet (ISO 7816-15 on a Java Card)", title);
        assert!(text.contains(title));
        fs::write(directory.path().join("own.toml"), text).unwrap();
        directory
    }

    fn title(named: Option<&Path>, directories: &[PathBuf]) -> String {
        let (profiles, _) = profiles(named, directories).unwrap();
        let mut own = profiles.kinds().filter(|kind| kind.profile().name == "isoapplet");
        let title = own.next().unwrap().profile().title.clone();
        assert!(own.next().is_none(), "one name, one profile");
        title
    }

    #[test]
    fn of_one_name_the_file_that_was_named_goes_first_then_the_administrators_then_the_users() {
        let [named, administrator, user] = ["Named", "Administrator", "User"].map(directory);
        let directories = [administrator.path().to_owned(), user.path().to_owned(), "/nonexistent".into()];
        assert_eq!(title(Some(&named.path().join("own.toml")), &directories), "Named");
        assert_eq!(title(None, &directories), "Administrator");
        assert_eq!(title(None, &directories[1..]), "User");
        assert!(title(None, &[]).starts_with("IsoApplet"));
    }

    #[test]
    fn who_names_a_profile_means_its_card_unless_the_call_names_another() {
        let named = Named { application: "staff".into(), file: "staff.toml".into() };
        let narrowed = |selection: Selection| {
            let mut selection = selection;
            named.narrow(&mut selection);
            selection.application
        };
        let by = |selector: &str| Selection { selector: Selector::parse(selector).ok(), ..Selection::default() };
        assert_eq!(narrowed(Selection::default()).as_deref(), Some("staff"));
        assert_eq!(narrowed(by("4711")).as_deref(), Some("staff"));
        assert_eq!(narrowed(by("card:reader=R")).as_deref(), Some("staff"));
        assert_eq!(narrowed(by("card:application=piv")), None);
        assert_eq!(narrowed(by("pkcs11:token=a")), None);
        assert_eq!(narrowed(Selection { via: Some(Route::Pkcs11), ..Selection::default() }), None);
        let piv = Selection { application: Some("piv".into()), ..Selection::default() };
        assert_eq!(narrowed(piv).as_deref(), Some("piv"));
    }
}
