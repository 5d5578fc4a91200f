//! The tool started and left running, or called by a shell, as scripts call it.

use std::{
    ffi::OsStr,
    fs,
    process::{Child, Command, Stdio},
};

use super::{Pukka, Run, detached};

/// A call that is under way; it dies with the test.
pub struct Running(Option<Child>);

impl Running {
    /// Starts it without a terminal, with nothing on standard input.
    #[track_caller]
    pub fn start(call: Pukka) -> Self {
        Self::spawn(detached(&call.command()).stdin(Stdio::null()))
    }

    /// Starts a command that was made ready otherwise.
    #[track_caller]
    pub fn spawn(command: &mut Command) -> Self {
        Self(Some(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()))
    }

    /// The process, which is the tool itself: `setsid` gives it its own.
    pub fn id(&self) -> u32 {
        self.0.as_ref().unwrap().id()
    }

    /// Waits for its end.
    #[track_caller]
    pub fn finish(mut self) -> Run {
        let output = self.0.take().unwrap().wait_with_output().unwrap();
        Run::of(output.status.code().unwrap_or(-1), output.stdout, output.stderr)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = (child.kill(), child.wait());
        }
    }
}

/// A script of `bash` in the environment of `call`: `"$PUKKA" "$@"` is the call itself.
pub fn script(call: Pukka, script: &str) -> Command {
    let call = call.command();
    let mut shell = Command::new("setsid");
    shell.args(["--wait", "bash", "-c", script, "bash"]).args(call.get_args()).env_clear();
    shell.envs(call.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.env("PUKKA", call.get_program()).stdin(Stdio::null());
    shell
}

/// Runs such a script to its end.
#[track_caller]
pub fn shell(call: Pukka, text: impl AsRef<OsStr>) -> Run {
    Running::spawn(&mut script(call, text.as_ref().to_str().unwrap())).finish()
}

/// The process in which the tool of this process id has loaded its module.
#[track_caller]
pub fn worker(tool: u32) -> u32 {
    let workers = workers(tool);
    assert_eq!(workers.len(), 1, "{workers:?}");
    workers[0]
}

/// All of them.
pub fn workers(tool: u32) -> Vec<u32> {
    // A thread of the tool may have started it.
    let children = |thread: fs::DirEntry| fs::read_to_string(thread.path().join("children")).unwrap_or_default();
    let threads = fs::read_dir(format!("/proc/{tool}/task")).unwrap();
    let listed: String = threads.map(|thread| children(thread.unwrap())).collect();
    listed.split_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

/// Kills a process that is no child of the test.
#[track_caller]
pub fn kill(pid: u32) {
    let pid = nix::unistd::Pid::from_raw(pid.try_into().unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
}

/// Whether a process is there, if only as a zombie.
pub fn is_there(pid: u32) -> bool {
    fs::exists(format!("/proc/{pid}")).unwrap()
}

/// Waits till a process that is no child of the test is there no more; its lock goes with it.
#[track_caller]
pub fn wait_for_end(pid: u32) {
    let start = std::time::Instant::now();
    while is_there(pid) {
        assert!(start.elapsed().as_secs() < 60, "process {pid} does not end");
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}
