//! Files and descriptors that are none of the ordinary ones.

use std::{io::Write, net::TcpListener};

use super::*;

/// `pin verify` by a shell: `"$PUKKA" "$@"` is the call.
fn by_shell(desk: &Desk, source: &str, text: &str) -> Run {
    shell(desk.logged(&["pin", "verify", "--pin", source]), text)
}

#[test]
fn a_link_is_followed_to_a_file_that_is_held_to_the_same_rule() {
    let desk = Desk::new();
    let file = desk.file("pin", "123456\n");
    let link = desk.at_home("link");
    std::os::unix::fs::symlink(&file, &link).unwrap();
    verify(&desk, &format!("file:{}", link.display())).code(0);
    set_mode(&file, 0o644);
    verify(&desk, &format!("file:{}", link.display())).code(2);
    fs::remove_file(&file).unwrap();
    verify(&desk, &format!("file:{}", link.display())).code(2);
}

#[test]
fn a_device_is_no_file_and_an_endless_one_is_not_read() {
    let desk = Desk::new();
    for device in ["/dev/zero", "/dev/null", "/dev/random"] {
        let run = verify(&desk, &format!("file:{device}")).code(2);
        assert!(run.err.contains("neither a file nor a pipe"), "{device}: {run:?}");
        desk.nothing_was_opened();
    }
}

#[test]
fn a_file_far_larger_than_any_secret_is_refused_and_not_repeated() {
    let desk = Desk::new();
    let file = desk.file("pin", "123456\n".repeat(100_000));
    let run = verify(&desk, &format!("file:{}", file.display())).code(2);
    assert!(run.err.contains("far too much") && !run.err.contains(PIN), "{run:?}");
    desk.nothing_was_opened();
}

#[test]
fn the_name_of_standard_input_as_a_file_is_what_stands_behind_it() {
    let desk = Desk::new();
    desk.file("pin", "123456\n");
    by_shell(&desk, "file:/dev/stdin", r#"printf '123456\n' | "$PUKKA" "$@""#).code(0);
    by_shell(&desk, "file:/dev/stdin", r#""$PUKKA" "$@" <"$HOME/pin""#).code(0);
    by_shell(&desk, "file:/dev/stdin", r#"chmod 644 "$HOME/pin"; "$PUKKA" "$@" <"$HOME/pin""#).code(2);
}

#[test]
fn a_descriptor_that_cannot_give_a_line_is_exit_2_and_opens_nothing() {
    let desk = Desk::new();
    desk.calls();
    for open in ["3<\"$HOME\"", "3>\"$HOME/new\"", "3</dev/null", "3< <(true)", "3< <(yes 123456)"] {
        let run = by_shell(&desk, "fd:3", &format!(r#""$PUKKA" "$@" {open}"#)).code(2);
        assert!(run.err.contains("--pin") && !run.err.contains(PIN), "{open}: {run:?}");
        desk.nothing_was_opened();
    }
}

#[test]
fn a_socket_that_nobody_can_open_anew_gives_its_line() {
    let desk = Desk::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let sender = thread::spawn(move || listener.accept().unwrap().0.write_all(b"123456\n").unwrap());
    by_shell(&desk, "fd:3", &format!(r#"exec 3<>/dev/tcp/127.0.0.1/{port}; "$PUKKA" "$@""#)).code(0);
    sender.join().unwrap();
}

#[test]
fn two_options_share_a_descriptor_whose_last_line_has_no_end_and_leave_what_follows() {
    let desk = Desk::new();
    let change = ["pin", "change", "--pin", "fd:3", "--new-pin", "fd:3"];
    shell(desk.logged(&change), r#""$PUKKA" "$@" 3< <(printf '123456\n86420975')"#).code(0);
    assert!(desk.is_pin(NEW));
    let run = shell(desk.logged(&change), r#""$PUKKA" "$@" 3< <(printf '86420975')"#).code(2);
    assert!(run.err.contains("--new-pin"), "{run:?}");
}
