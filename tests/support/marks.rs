//! Secrets that stand out, and a search for them in all their forms.

use std::{
    fs::{self, File},
    ops::Range,
    os::unix::fs::FileExt,
    path::Path,
};

use memchr::memmem;

/// The forms in which text may give a secret away: as it is, in hexadecimal and as a list of bytes.
fn forms(mark: &str) -> Vec<String> {
    let bytes = mark.as_bytes();
    let joined = |format: &dyn Fn(u8) -> String, between: &str| {
        bytes.iter().map(|byte| format(*byte)).collect::<Vec<_>>().join(between)
    };
    let mut forms = vec![mark.to_owned(), joined(&|byte| byte.to_string(), ", ")];
    for between in ["", " ", ":", ", "] {
        forms.push(joined(&|byte| format!("{byte:02x}"), between));
        forms.push(joined(&|byte| format!("{byte:02X}"), between));
        forms.push(joined(&|byte| format!("0x{byte:02x}"), between));
    }
    forms
}

/// The first of `marks` that `text` gives away, in whichever form.
pub fn found<'m>(text: &str, marks: &[&'m str]) -> Option<&'m str> {
    marks.iter().copied().find(|mark| forms(mark).iter().any(|form| text.contains(form)))
}

/// Asserts that no file below `folder` gives a mark away, by content or by name.
#[track_caller]
pub fn none_in_files(folder: &Path, marks: &[&str]) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(found(path.to_str().unwrap(), marks), None, "{}", path.display());
        if path.is_dir() {
            none_in_files(&path, marks);
        } else if path.is_file() {
            let content = fs::read(&path).unwrap();
            assert_eq!(found(&String::from_utf8_lossy(&content), marks), None, "{}", path.display());
        }
    }
}

/// How many bytes of a mark in a row give it away in memory, where what was freed is soon written over in part: the
/// allocator alone takes the first sixteen bytes.
const PART: usize = 8;

/// Bytes of a page, or a part of a larger one.
const PAGE: usize = 4096;
/// What is read of one that was never used.
const UNUSED: [u8; PAGE] = [0; PAGE];

/// A piece of a process's memory.
#[derive(Debug)]
pub struct Mapping {
    /// The file behind it, or what the system calls it: `[stack]`.
    pub name: String,
    /// Two letters each, as in `/proc/PID/smaps`: `lo` is locked.
    pub flags: Vec<String>,
}

/// A range of a process's memory, as `/proc/PID/maps` and `smaps` write it.
fn range(written: &str) -> Option<Range<u64>> {
    let (from, to) = written.split_once('-')?;
    Some(u64::from_str_radix(from, 16).ok()?..u64::from_str_radix(to, 16).ok()?)
}

/// The memory of a process, without the environment that it was started with: that is its caller's.
struct Memory {
    file: File,
    environment: Range<u64>,
}

impl Memory {
    fn of(process: u32) -> Self {
        let file = File::open(format!("/proc/{process}/mem")).unwrap();
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
        // env_start and env_end are fields 50 and 51 (proc(5)), counted from 1; the second is a name, in parentheses.
        let behind_name = stat.rsplit_once(") ").unwrap().1;
        let mut field = behind_name.split_ascii_whitespace().skip(50 - 3).map(|field| field.parse().unwrap());
        let environment = field.next().unwrap()..field.next().unwrap();
        assert!(environment.start < environment.end, "{stat}");
        Self { file, environment }
    }

    /// What stands there, and how much of it can be read: of memory that was promised and never used, nothing.
    fn read(&self, range: &Range<u64>) -> (Vec<u8>, usize) {
        let within = |address: u64| usize::try_from(address.clamp(range.start, range.end) - range.start).unwrap();
        let mut content = vec![0; within(range.end)];
        let read = self.file.read_at(&mut content, range.start).unwrap_or_default();
        content[within(self.environment.start)..within(self.environment.end)].fill(0);
        (content, read)
    }
}

/// The writable mappings of a process in which `mark` stands, whole or in part; all for an empty one.
pub fn mappings(process: u32, mark: &str) -> Vec<Mapping> {
    let memory = Memory::of(process);
    let smaps = fs::read_to_string(format!("/proc/{process}/smaps")).unwrap();
    let (mut found, mut here) = (Vec::new(), None);
    for line in smaps.lines() {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        if let Some(range) = range(words[0]) {
            let is_writable = words[1].starts_with("rw");
            let content = if is_writable { memory.read(&range).0 } else { Vec::new() };
            // Most pages were never used, and of the parts of a mark no more than one can lie across two.
            let mut used = content.chunks(PAGE).filter(|page| *page != &UNUSED[..page.len()]);
            let parts = || mark.as_bytes().chunks_exact(PART);
            let has_part = mark.is_empty() || used.any(|page| parts().any(|part| memmem::find(page, part).is_some()));
            here = (is_writable && has_part).then(|| words.get(5).copied().unwrap_or_default().to_owned());
        } else if let Some(flags) = line.strip_prefix("VmFlags:") {
            let flags = flags.split_ascii_whitespace().map(str::to_owned).collect();
            found.extend(here.take().map(|name| Mapping { name, flags }));
        }
    }
    found
}

/// Which of `marks` stand in the writable memory of a process, whole or in part.
pub fn in_memory<'m, M: AsRef<[u8]> + ?Sized>(process: u32, marks: &[&'m M]) -> Vec<&'m M> {
    let memory = Memory::of(process);
    let maps = fs::read_to_string(format!("/proc/{process}/maps")).unwrap();
    let (mut seen, mut read) = (vec![false; marks.len()], 0);
    for line in maps.lines() {
        let mut words = line.split_ascii_whitespace();
        let (written, rights) = (words.next().unwrap(), words.next().unwrap());
        if !rights.starts_with("rw") {
            continue;
        }
        let (content, length) = memory.read(&range(written).unwrap());
        read += length;
        let has_part = |mark: &&M| mark.as_ref().chunks_exact(PART).any(|part| memmem::find(&content, part).is_some());
        seen.iter_mut().zip(marks).for_each(|(seen, mark)| *seen = *seen || has_part(mark));
    }
    assert!(maps.contains("[stack]") && maps.contains("[heap]") && read > 100_000, "only {read} bytes of {maps}");
    marks.iter().zip(seen).filter_map(|(mark, seen)| seen.then_some(*mark)).collect()
}
