//! A terminal that a program is run on, as its controlling terminal, and the person before it.
//!
//! Not `portable-pty`: its reader knows no deadline, and its writer types a newline and an end of file when dropped.

use std::{
    fs::OpenOptions,
    io::{Read, Write},
    os::{fd::AsFd, unix::fs::OpenOptionsExt},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use nix::{
    fcntl::OFlag,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    pty::{PtyMaster, grantpt, posix_openpt, ptsname_r, unlockpt},
    sys::termios::{LocalFlags, Termios, tcgetattr},
};

use super::Pukka;

/// How long anything here may take that takes milliseconds on an idle machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A program on a terminal of its own.
pub struct Terminal {
    master: PtyMaster,
    child: Child,
    /// All that was shown.
    shown: Vec<u8>,
    /// How much of it [`Terminal::expect`] has seen.
    seen: usize,
    /// Its state before anybody had it.
    before: Termios,
}

impl Terminal {
    /// Starts `command` in a session of its own, with a new terminal as its controlling terminal and its three streams.
    /// Its process is the program itself; a standard input from elsewhere takes a shell: `sh -c 'exec "$@" <FILE' sh …`.
    #[track_caller]
    pub fn spawn(command: Command) -> Self {
        let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC; // a program of another test must not keep it open
        let master = posix_openpt(flags).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname_r(&master).unwrap();
        let slave = OpenOptions::new().read(true).write(true).custom_flags(OFlag::O_NOCTTY.bits()).open(name).unwrap();
        let before = tcgetattr(&slave).unwrap();
        let mut program = Command::new("setsid");
        program.args(["--ctty", "--wait"]).arg(command.get_program()).args(command.get_args()).env_clear();
        program.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let stream = || Stdio::from(slave.try_clone().unwrap());
        let child = program.stdin(stream()).stdout(stream()).stderr(stream()).spawn().unwrap();
        Self { master, child, shown: Vec::new(), seen: 0, before }
    }

    /// Waits till `text` is shown, behind what was expected before.
    #[track_caller]
    pub fn expect(&mut self, text: &str) -> &mut Self {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let news = &self.shown[self.seen..];
            if let Some(start) = news.windows(text.len()).position(|window| window == text.as_bytes()) {
                self.seen += start + text.len();
                return self;
            }
            assert!(self.read(deadline), "{text:?} is never shown: {:?}", self.transcript());
        }
    }

    /// Types `keys`: `\r` is Enter, `\x03` Ctrl-C, `\x04` the end of input.
    #[track_caller]
    pub fn send(&mut self, keys: &str) -> &mut Self {
        self.master.write_all(keys.as_bytes()).unwrap();
        self
    }

    /// The state of the terminal.
    #[track_caller]
    pub fn state(&self) -> Termios {
        tcgetattr(&self.master).unwrap()
    }

    /// Whether what is typed is shown.
    #[track_caller]
    pub fn echoes(&self) -> bool {
        self.state().local_flags.contains(LocalFlags::ECHO)
    }

    /// Gives the window another size, of which the program is told by a signal.
    #[track_caller]
    pub fn resize(&mut self) -> &mut Self {
        let name = ptsname_r(&self.master).unwrap();
        let status = Command::new("stty").args(["-F", &name, "rows", "50", "columns", "31"]).status();
        assert!(status.unwrap().success());
        self
    }

    /// The program's process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// All that was shown so far.
    pub fn transcript(&self) -> String {
        String::from_utf8_lossy(&self.shown).into_owned()
    }

    /// Waits for the program's end. Returns its exit code and all that was shown.
    #[track_caller]
    pub fn wait(mut self) -> (i32, String) {
        self.finish()
    }

    /// As [`Terminal::wait`], and asserts that the terminal is as it was before the program was started.
    #[track_caller]
    pub fn wait_restored(mut self) -> (i32, String) {
        let ended = self.finish();
        assert_eq!(self.state(), self.before, "{ended:?}");
        ended
    }

    #[track_caller]
    fn finish(&mut self) -> (i32, String) {
        let deadline = Instant::now() + PATIENCE;
        while self.read(deadline) {}
        let status = self.child.wait().unwrap();
        let shown = self.transcript();
        super::schema::hold(&shown);
        (status.code().unwrap_or_else(|| panic!("{status}: {shown:?}")), shown)
    }

    /// Closes the terminal, as by its window, and waits for the program's end. Returns its exit code, none where a signal
    /// ended it.
    #[track_caller]
    pub fn close(self) -> Option<i32> {
        let Self { master, mut child, .. } = self;
        drop(master);
        child.wait().unwrap().code()
    }

    /// Reads what is shown next; false once nobody has the terminal open any more.
    #[track_caller]
    fn read(&mut self, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        let mut asked = [PollFd::new(self.master.as_fd(), PollFlags::POLLIN)];
        if poll(&mut asked, PollTimeout::try_from(left).unwrap()).unwrap() == 0 {
            let _ = self.child.kill();
            panic!("nothing more within {PATIENCE:?}: {:?}", self.transcript());
        }
        let mut buffer = [0; 4096];
        match self.master.read(&mut buffer) {
            Ok(0) | Err(_) => false, // Linux says EIO
            Ok(length) => {
                self.shown.extend_from_slice(&buffer[..length]);
                true
            }
        }
    }
}

/// Under a shell on a terminal, which says the exit code and the state of the terminal afterwards.
#[track_caller]
pub fn under_shell(call: Pukka) -> Terminal {
    // The shell survives the signals that are meant for the tool.
    let script = r#"trap : INT TERM QUIT; "$@"; echo "code=$?"; stty -a"#;
    let call = call.command();
    let mut shell = Command::new("bash");
    shell.args(["-c", script, "bash"]).arg(call.get_program()).args(call.get_args()).env_clear();
    shell.envs(call.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Terminal::spawn(shell)
}

/// Asserts that the terminal is as a shell leaves it: what is typed is shown, and signals and line editing work.
#[track_caller]
pub fn is_restored(shown: &str) {
    let state = shown.split("code=").nth(1).unwrap_or_else(|| panic!("{shown}"));
    for flag in [" echo ", " icanon ", " isig ", "susp = ^Z"] {
        assert!(state.replace('\n', " ").contains(flag), "{flag} is not set: {shown}");
    }
}
