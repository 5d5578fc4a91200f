//! Who can read or write a file: its mode, and the access control list behind it.

use std::fs::File;

use nix::unistd::geteuid;

/// Reading and writing for group and others.
const OTHERS: u32 = 0o066;
/// The same for others alone.
const WORLD: u32 = 0o006;
/// The same in an entry of a list.
const READ_OR_WRITE: u16 = 0o6;
/// The list as Linux keeps it: a version, then entries of a tag, rights and an id (`linux/posix_acl_xattr.h`).
const LIST: &str = "system.posix_acl_access";
const VERSION: [u8; 4] = [2, 0, 0, 0];
const ENTRY: usize = 8;
/// Far more entries than anybody writes.
const MOST: usize = VERSION.len() + 128 * ENTRY;
const ACL_USER_OBJ: u16 = 0x01;
const ACL_USER: u16 = 0x02;
const ACL_MASK: u16 = 0x10;
const ACL_OTHER: u16 = 0x20;
/// As a service manager gives it to a unit: the file is root's, who can read everything, and a list names the user of the unit.
const ROOT: u32 = 0;

/// Whether group or others can read or write a file of this mode. Where there is a list, the mode shows as rights of the group what
/// is the most that any entry can give, be it to our own user alone; systemd gives credentials so.
pub fn is_open_to_others(file: &File, mode: u32) -> bool {
    if mode & OTHERS == 0 || mode & WORLD != 0 {
        return mode & OTHERS != 0;
    }
    let mut list = [0; MOST];
    match rustix::fs::fgetxattr(file, LIST, &mut list) {
        Ok(length) => list.get(..length).is_none_or(|list| gives_others(list, geteuid().as_raw())),
        // There is none: the group is meant.
        Err(_) => true,
    }
}

/// Whether a list gives anybody but its owner, `me` and root a right; also where it is not understood.
fn gives_others(list: &[u8], me: u32) -> bool {
    let Some(entries) = list.strip_prefix(&VERSION) else { return true };
    let read = |entry: &[u8]| -> Option<(u16, u16, u32)> {
        let (tag, rest) = entry.split_first_chunk()?;
        let (rights, id) = rest.split_first_chunk()?;
        Some((u16::from_le_bytes(*tag), u16::from_le_bytes(*rights), u32::from_le_bytes(id.try_into().ok()?)))
    };
    let Some(entries) = entries.chunks(ENTRY).map(read).collect::<Option<Vec<_>>>() else { return true };
    let mask = entries.iter().find(|(tag, ..)| *tag == ACL_MASK).map_or(u16::MAX, |(_, rights, _)| *rights);
    entries.iter().any(|(tag, rights, id)| match *tag {
        ACL_USER_OBJ | ACL_MASK => false,
        ACL_USER if [me, ROOT].contains(id) => false,
        ACL_OTHER => rights & READ_OR_WRITE != 0,
        _ => rights & mask & READ_OR_WRITE != 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: (u16, u16, u32) = (ACL_USER_OBJ, 0o4, u32::MAX);
    const NOBODY_ELSE: (u16, u16, u32) = (ACL_OTHER, 0, u32::MAX);

    fn list(entries: &[(u16, u16, u32)]) -> Vec<u8> {
        let entry = |(tag, rights, id): &(u16, u16, u32)| {
            [&tag.to_le_bytes()[..], &rights.to_le_bytes(), &id.to_le_bytes()].concat()
        };
        [VERSION.to_vec(), entries.iter().flat_map(entry).collect()].concat()
    }

    #[test]
    fn a_list_that_names_nobody_else_is_private() {
        for me in [1000, 1001] {
            let given = [OWNER, (ACL_USER, 0o4, 1000), (4, 0, u32::MAX), (ACL_MASK, 0o4, u32::MAX), NOBODY_ELSE];
            assert_eq!(gives_others(&list(&given), me), me != 1000, "{me}");
        }
    }

    #[test]
    fn the_group_and_a_named_group_are_others_unless_the_mask_takes_it_away() {
        for entry in [(4, 0o4, u32::MAX), (8, 0o4, 7), (4, 0o2, u32::MAX), (0x40, 0o4, 0)] {
            let with = |mask| list(&[OWNER, entry, (ACL_MASK, mask, u32::MAX)]);
            assert!(gives_others(&with(0o6), 1000), "{entry:?}");
            assert!(!gives_others(&with(0), 1000), "{entry:?}");
        }
    }

    #[test]
    fn the_mask_takes_nothing_from_all_the_others() {
        assert!(gives_others(&list(&[OWNER, (ACL_MASK, 0, u32::MAX), (ACL_OTHER, 0o4, u32::MAX)]), 1000));
    }

    #[test]
    fn what_is_not_understood_is_open() {
        for strange in [&[][..], &[3, 0, 0, 0], &[2, 0, 0, 0, 1, 0, 4]] {
            assert!(gives_others(strange, 1000), "{strange:?}");
        }
    }
}
