//! The profiles that are compiled in, one file each in `src/device/card/profiles`.

use super::Profile;
use crate::error::Result;

/// File names and texts, in the order of names.
const FILES: &[(&str, &str)] = &[
    ("belgium.toml", include_str!("../../profiles/belgium.toml")),
    ("esteid-2018.toml", include_str!("../../profiles/esteid-2018.toml")),
    ("esteid-2025.toml", include_str!("../../profiles/esteid-2025.toml")),
    ("fineid-2022.toml", include_str!("../../profiles/fineid-2022.toml")),
    ("isoapplet.toml", include_str!("../../profiles/isoapplet.toml")),
    ("itacns.toml", include_str!("../../profiles/itacns.toml")),
    ("latvia.toml", include_str!("../../profiles/latvia.toml")),
    ("myeid.toml", include_str!("../../profiles/myeid.toml")),
];

/// Every profile that is compiled in.
///
/// # Errors
/// None, as a test proves by reading them all.
pub fn built_in() -> Result<Vec<Profile>> {
    FILES.iter().map(|(file, text)| Profile::parse(text, file)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_read_and_its_file_has_its_name() {
        let profiles = built_in().unwrap();
        for ((file, _), profile) in FILES.iter().zip(&profiles) {
            assert_eq!(*file, format!("{}.toml", profile.name));
        }
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/device/card/profiles");
        assert_eq!(std::fs::read_dir(folder).unwrap().count(), FILES.len(), "a file is missing in the list");
    }

    #[test]
    fn no_two_are_found_on_one_card_by_the_same_identifier_alone() {
        let profiles = built_in().unwrap();
        for (index, profile) in profiles.iter().enumerate() {
            for other in &profiles[index + 1..] {
                let shared = profile.aid.iter().any(|aid| other.aid.contains(aid));
                assert!(!shared || !profile.atr.is_empty() && !other.atr.is_empty(), "{} {}", profile.name, other.name);
            }
        }
    }
}
