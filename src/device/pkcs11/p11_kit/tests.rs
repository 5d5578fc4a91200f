//! What p11-kit 0.24.1 was seen to do with files like these.

use super::*;
use crate::finding::Condition;

/// A configuration in a directory of its own, with one module that is there.
struct Desk {
    directory: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let desk = Self { directory: tempfile::tempdir().unwrap() };
        desk.write("lib/good.so", "");
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn examine(&self) -> Kit {
        examine(&Places {
            system: self.path("system"),
            system_modules: self.path("system/modules"),
            package_modules: self.path("package"),
            user: User::At(self.path("user")),
            user_modules: Some(self.path("user/modules")),
            modules: vec![self.path("lib")],
            environment: Vec::new(),
        })
    }

    /// The sentences of this state.
    fn said(kit: &Kit, state: Condition) -> Vec<&str> {
        kit.findings.iter().filter(|finding| finding.state == state).map(|finding| finding.what.as_str()).collect()
    }
}

#[test]
fn a_module_is_found_by_its_path_or_in_the_directory_of_modules() {
    let desk = Desk::new();
    desk.write("package/a.module", "# a comment\n\nmodule: good.so\n");
    desk.write("package/b.module", &format!("module:{}\ncritical: yes\n", desk.path("lib/good.so").display()));
    let kit = desk.examine();
    assert_eq!(kit.modules, [desk.path("lib/good.so"), desk.path("lib/good.so")]);
    assert!(kit.findings.iter().all(|finding| finding.state == Condition::Ok), "{kit:?}");
}

#[test]
fn a_module_that_is_not_there_is_told_and_the_others_are_loaded() {
    let desk = Desk::new();
    desk.write("package/a.module", "module: good.so");
    desk.write("package/b.module", "module: /nowhere/missing.so");
    let kit = desk.examine();
    assert_eq!(kit.modules.len(), 1);
    assert_eq!(Desk::said(&kit, Condition::Problem).len(), 1, "{kit:?}");
    assert!(Desk::said(&kit, Condition::Problem)[0].contains("there is no module /nowhere/missing.so"), "{kit:?}");
}

#[test]
fn a_critical_module_that_is_not_there_and_a_file_that_does_not_parse_keep_all_others_out() {
    for (text, why) in [
        ("module: /nowhere/missing.so\ncritical: yes", "there is no module"),
        ("module: good.so\nmodule good.so", "line 2"),
        ("[section]\nmodule: good.so", "line 1"),
    ] {
        let desk = Desk::new();
        desk.write("package/a.module", "module: good.so");
        desk.write("system/modules/b.module", text);
        let kit = desk.examine();
        assert!(kit.modules.is_empty(), "{text}: {kit:?}");
        let problems = Desk::said(&kit, Condition::Problem);
        assert!(problems.iter().any(|what| what.contains(why) && what.contains("b.module")), "{text}: {problems:?}");
        assert!(problems.iter().any(|what| what.contains("loads no module at all")), "{text}: {problems:?}");
        assert!(kit.findings.iter().all(|one| one.state != Condition::Problem || one.cure.is_some()), "{kit:?}");
    }
}

#[test]
fn the_users_file_goes_before_one_of_the_same_name_and_alone_where_it_says_so() {
    let desk = Desk::new();
    desk.write("lib/other.so", "");
    desk.write("package/a.module", "module: good.so");
    desk.write("package/b.module", "module: good.so");
    desk.write("user/modules/a.module", "module: other.so");
    assert_eq!(desk.examine().modules, [desk.path("lib/other.so"), desk.path("lib/good.so")]);
    desk.write("user/pkcs11.conf", "user-config: only");
    assert_eq!(desk.examine().modules, [desk.path("lib/other.so")]);
    desk.write("system/pkcs11.conf", "user-config: none");
    assert_eq!(desk.examine().modules, [desk.path("lib/good.so"), desk.path("lib/good.so")]);
    desk.write("system/pkcs11.conf", "user-config: sometimes");
    let kit = desk.examine();
    assert!(kit.modules.is_empty() && Desk::said(&kit, Condition::Problem)[0].contains("sometimes"), "{kit:?}");
}

#[test]
fn what_is_not_for_the_proxy_is_left_out_and_is_no_problem() {
    for (line, is_for_proxy) in [
        ("disable-in: p11-kit-proxy", false),
        ("disable-in: firefox, p11-kit-proxy", false),
        ("disable-in: firefox", true),
        ("enable-in: firefox", false),
        ("enable-in: firefox,p11-kit-proxy", true),
    ] {
        let desk = Desk::new();
        desk.write("package/a.module", &format!("module: good.so\n{line}\n"));
        let kit = desk.examine();
        assert_eq!(kit.modules.len(), usize::from(is_for_proxy), "{line}");
        assert!(Desk::said(&kit, Condition::Problem).is_empty(), "{line}: {kit:?}");
    }
}

#[test]
fn without_any_configuration_the_proxy_loads_nothing() {
    let kit = Desk::new().examine();
    assert!(kit.modules.is_empty());
    assert_eq!(Desk::said(&kit, Condition::Warning).len(), 1, "{kit:?}");
}
