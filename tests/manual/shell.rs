//! A shell on a terminal, as the reader of a page has it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use nix::{sys::stat::Mode, unistd::mkfifo};

use crate::support::{Pukka, terminal::Terminal};

/// What follows the output of a command, with its exit code: a byte that no program here prints.
const END: char = '\x1e';

/// It takes each command from a pipe, so that what is typed belongs to the command alone, and keeps directory, variables and the
/// last exit code between them.
const LOOP: &str = r#"exec 9<>commands; code=0
while IFS= read -r -d '' command <&9; do
  (exit $code); eval "$command" 9<&-; code=$?
  printf '\036%s\036' "$code"
done"#;

/// A shell that waits for the next command.
pub struct Shell {
    terminal: Terminal,
    commands: PathBuf,
    tool: PathBuf,
    shown: usize,
}

impl Shell {
    /// Starts it in `home`, in the environment of `call`, with the tool on its path.
    #[track_caller]
    pub fn start(home: &Path, call: Pukka) -> Self {
        let commands = home.join("commands");
        mkfifo(&commands, Mode::from_bits_truncate(0o600)).unwrap();
        let call = call.command();
        let tool = PathBuf::from(call.get_program());
        let path = format!("{}:{}", tool.parent().unwrap().display(), std::env::var("PATH").unwrap());
        let mut shell = Command::new("bash");
        shell.args(["--norc", "-c", &format!("cd {} && {LOOP}", home.display())]);
        shell.envs(call.get_envs().filter_map(|(name, value)| Some((name, value?)))).env("PATH", path);
        Self { terminal: Terminal::spawn(shell), commands, tool, shown: 0 }
    }

    /// Runs a command; each question is waited for, and answered. Returns its exit code and all that was shown.
    #[track_caller]
    pub fn run(&mut self, command: &str, questions: &[(String, String)]) -> (i32, String) {
        fs::OpenOptions::new()
            .write(true)
            .open(&self.commands)
            .and_then(|mut pipe| std::io::Write::write_all(&mut pipe, format!("{command}\0").as_bytes()))
            .unwrap();
        for (question, answer) in questions {
            self.terminal.expect(question);
            let answer = if answer == "{response}" { &self.response() } else { answer };
            self.terminal.send(answer).send("\r");
        }
        self.terminal.expect(&END.to_string()).expect(&END.to_string());
        let transcript = self.terminal.transcript();
        let shown = transcript[self.shown..].replace("\r\n", "\n");
        self.shown = transcript.len();
        let mut parts = shown.split(END);
        let (shown, code) = (parts.next().unwrap(), parts.next().unwrap());
        (code.parse().unwrap(), shown.lines().fold(String::new(), |text, line| text + line.trim_end() + "\n"))
    }

    /// What the help desk answers to the challenge that was shown last.
    #[track_caller]
    fn response(&self) -> String {
        let shown = self.terminal.transcript();
        let challenge = shown.lines().rev().find_map(|line| line.strip_prefix("challenge: ")).unwrap();
        let mut desk = Command::new(&self.tool);
        desk.args(["respond", "--challenge", challenge.trim(), "--admin-key", "file:admin-key"]);
        let said = desk.current_dir(self.commands.parent().unwrap()).output().unwrap();
        assert!(said.status.success(), "{said:?}");
        String::from_utf8(said.stdout).unwrap().trim().to_owned()
    }
}
