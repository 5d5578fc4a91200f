//! The files of a card, and which is selected.

use super::{dialect::IsoDialect, pkcs15};
use crate::{
    apdu::{Command, Reply, Status},
    tlv,
};

const MASTER_FILE: &[u8] = &[0x3F, 0x00];

/// A path begins at the master file; a directory has no content.
struct File {
    path: Vec<u8>,
    content: Option<Vec<u8>>,
}

/// What is selected: a path.
#[derive(Clone, Debug)]
pub struct Selection(Vec<u8>);

impl Default for Selection {
    fn default() -> Self {
        Self(MASTER_FILE.to_vec())
    }
}

/// Every file that the dialect puts on the card.
fn all(dialect: &IsoDialect, serial: &[u8]) -> Vec<File> {
    let directory = |path: &[u8]| File { path: path.to_vec(), content: None };
    let mut files = vec![directory(MASTER_FILE)];
    if !dialect.inner_file.0.is_empty() {
        files.push(directory(&[MASTER_FILE, &dialect.inner_file.0].concat()));
    }
    if let [above @ .., _, _] = &dialect.serial_file.0[..] {
        let between = (4..=above.len()).step_by(2).filter_map(|length| above.get(..length));
        files.extend(between.map(directory));
        let content = match dialect.serial_tag.0[..] {
            [tag] => tlv::object(u16::from(tag), serial),
            _ => serial.to_vec(),
        };
        files.push(File { path: dialect.serial_file.0.clone(), content: Some(content) });
    }
    if dialect.pkcs15.0 {
        files.push(directory(pkcs15::DIRECTORY));
        for (path, content) in pkcs15::files(dialect, serial) {
            files.push(File { path, content: Some(content) });
        }
    }
    files
}

impl Selection {
    /// SELECT by identifier or path.
    pub fn select(&mut self, command: &Command, dialect: &IsoDialect, serial: &[u8]) -> Reply {
        let name = &command.data[..];
        let directory = |selection: &Self| {
            let is_directory =
                |path: &[u8]| all(dialect, serial).iter().any(|file| file.path == path && file.content.is_none());
            let length = if is_directory(&selection.0) { selection.0.len() } else { selection.0.len() - 2 };
            selection.0.get(..length).unwrap_or(MASTER_FILE).to_vec()
        };
        let paths = match command.p1 {
            0 if name.is_empty() || name == MASTER_FILE => vec![MASTER_FILE.to_vec()],
            0..=2 => vec![[&directory(self), name].concat(), [MASTER_FILE, name].concat()],
            8 if name.starts_with(MASTER_FILE) => vec![name.to_vec()],
            8 => vec![[MASTER_FILE, name].concat()],
            9 => vec![[&directory(self), name].concat()],
            _ => return Err(Status::WRONG_P1_P2),
        };
        let files = all(dialect, serial);
        let file = paths.iter().find_map(|path| files.iter().find(|file| file.path == *path)).ok_or(Status::NO_FILE)?;
        self.0.clone_from(&file.path);
        if command.p2 & 0x0C == 0x0C { Ok(Vec::new()) } else { Ok(control_information(file)) }
    }

    /// Is it the directory with the identifier `inner`, or something in it?
    pub fn is_within(&self, inner: &[u8]) -> bool {
        !inner.is_empty() && self.0.get(MASTER_FILE.len()..).is_some_and(|path| path.starts_with(inner))
    }

    /// Selects the directory with the identifier `inner`, or the master file.
    pub fn enter(&mut self, inner: &[u8]) {
        self.0 = [MASTER_FILE, inner].concat();
    }

    /// READ BINARY of the file selected.
    pub fn read(&self, command: &Command, dialect: &IsoDialect, serial: &[u8]) -> Reply {
        let files = all(dialect, serial);
        let content = files.iter().find(|file| file.path == self.0).and_then(|file| file.content.as_ref());
        let content = content.ok_or(Status::NOT_ALLOWED)?;
        let offset = usize::from(u16::from_be_bytes([command.p1 & 0x7F, command.p2]));
        let rest = content.get(offset..).ok_or(Status::WRONG_OFFSET)?;
        Ok(rest[..rest.len().min(command.le.unwrap_or(256))].to_vec())
    }
}

/// File control information (ISO 7816-4, section 5.3.3).
fn control_information(file: &File) -> Vec<u8> {
    let identifier = tlv::object(0x83, &file.path[file.path.len().saturating_sub(2)..]);
    let kind = match &file.content {
        Some(content) => [tlv::object(0x80, &(content.len() as u16).to_be_bytes()), tlv::object(0x82, &[1])].concat(),
        None => tlv::object(0x82, &[0x38]),
    };
    tlv::object(0x6F, &[kind, identifier].concat())
}
