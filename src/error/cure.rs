//! What a person can do about a machine that keeps them from a token, on each system.
//!
//! Those for Linux were tried there. Those for macOS and Windows were not: this program has run on neither, and parts of it (`/proc`,
//! locked pages, the signals of its worker) are written for Linux.

/// The processor that this program was built for, as Rust calls it; nothing for one whose libraries stand nowhere in particular.
const ARCH: &str = if cfg!(target_arch = "x86_64") {
    "x86_64"
} else if cfg!(target_arch = "aarch64") {
    "aarch64"
} else if cfg!(target_arch = "x86") {
    "x86"
} else if cfg!(target_arch = "arm") {
    "arm"
} else if cfg!(target_arch = "riscv64") {
    "riscv64"
} else {
    ""
};

/// A system, as far as cures differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    /// Linux, whoever distributes it.
    Linux,
    /// macOS.
    MacOs,
    /// Windows.
    Windows,
    /// Any other with pcsc-lite, as the BSDs are.
    Other,
}

impl System {
    /// The one that this program was built for.
    pub const HERE: Self = if cfg!(target_os = "linux") {
        Self::Linux
    } else if cfg!(target_os = "macos") {
        Self::MacOs
    } else if cfg!(windows) {
        Self::Windows
    } else {
        Self::Other
    };
}

/// What keeps somebody from a token, and a person can mend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The smart-card service does not run.
    NoService,
    /// It runs, and does not answer as it should.
    ServiceFails,
    /// It admits others, and not this user.
    TurnedAway,
    /// No card reader is attached.
    NoReader,
    /// No reader holds a card.
    NoCard,
    /// Another program has the card for itself.
    Held,
    /// The card was pulled.
    Pulled,
    /// The card does not answer.
    Unresponsive,
    /// A module is not there, or is none.
    NoModule,
    /// The module is p11-kit's proxy, which is not there.
    NoProxy,
    /// A module that loads does not begin.
    CannotBegin,
}

impl Trouble {
    /// What cures it here.
    pub fn cure(self) -> String {
        self.on(System::HERE, ARCH)
    }

    /// What cures it on `system`, on a processor that Rust calls `arch`.
    pub fn on(self, system: System, arch: &str) -> String {
        use System::{Linux, MacOs, Other, Windows};
        match (self, system) {
            (Self::NoService, Linux) => {
                "start it with `systemctl start pcscd.socket`, or install it with `apt install pcscd` (Fedora: `dnf install pcsc-lite`)"
            }
            (Self::NoService, MacOs) => "it is a part of macOS, com.apple.ifdreader: plug the reader in again, which starts it",
            (Self::NoService, Windows) => "start the service Smart Card with `sc start SCardSvr`",
            (Self::NoService, Other) => "start pcscd, which is in the package pcsc-lite",

            (Self::ServiceFails, Linux) => "start it again with `systemctl restart pcscd.socket pcscd`",
            (Self::ServiceFails, MacOs) => "plug the reader in again, or restart the machine",
            (Self::ServiceFails, Windows) => "start it again with `sc stop SCardSvr` and `sc start SCardSvr`",
            (Self::ServiceFails, Other) => "start pcscd again",

            (Self::TurnedAway, Linux | Other) => {
                "in a remote login pcscd admits nobody without a polkit rule for org.debian.pcsc-lite.access_pcsc; log in at the machine, or ask its administrator for the rule"
            }
            (Self::TurnedAway, MacOs) => "let no sandbox hold this program: it takes the entitlement com.apple.security.smartcard",
            (Self::TurnedAway, Windows) => {
                "in a remote session only the readers of the client's machine are there; log in at the machine itself"
            }

            (Self::NoReader, Linux) => {
                "plug one in; where the system sees it (`lsusb`), its driver is missing: `apt install libccid` (Fedora: `dnf install pcsc-lite-ccid`)"
            }
            (Self::NoReader, MacOs) => {
                "plug one in; `system_profiler SPSmartCardsDataType` shows the readers and drivers that macOS knows"
            }
            (Self::NoReader, Windows) => "plug one in; Device Manager shows it under Smart card readers once its driver is there",
            (Self::NoReader, Other) => "plug one in; its driver is in the package ccid",

            (Self::NoCard, _) => "insert the card, or lay it on the reader where it is contactless",

            (Self::Held, Linux | MacOs | Other) => {
                "end that program, then try again: `pukka doctor` tells which it can be, and GnuPG's scdaemon lets the card go with `gpgconf --kill scdaemon`"
            }
            (Self::Held, Windows) => {
                "end that program, then try again: GnuPG's scdaemon lets the card go with `gpgconf --kill scdaemon`"
            }
            (Self::Pulled, _) => "insert the card again and look at it with `pukka status`",
            (Self::Unresponsive, _) => "take the card out, look which way round it goes, and insert it again",

            (Self::NoModule, Linux) => {
                return format!(
                    "name the module's shared library with --module, for instance one that `p11-kit list-modules` shows; most stand in /usr/lib/{} (Fedora: /usr/lib64/pkcs11)",
                    multiarch(arch)
                );
            }
            (Self::NoModule, MacOs) => {
                let brew = if arch == "aarch64" { "/opt/homebrew/lib" } else { "/usr/local/lib" };
                return format!(
                    "name the module's shared library with --module: OpenSC's is /Library/OpenSC/lib/opensc-pkcs11.so, and those of Homebrew stand in {brew}"
                );
            }
            (Self::NoModule, Windows) => {
                r"name the module's library with --module: OpenSC's is C:\Program Files\OpenSC Project\OpenSC\pkcs11\opensc-pkcs11.dll"
            }
            (Self::NoModule, Other) => {
                "name the module's shared library with --module; most stand in /usr/local/lib or /usr/local/lib/pkcs11"
            }

            (Self::NoProxy, Linux) => {
                "install it with `apt install p11-kit-modules` (Fedora: `dnf install p11-kit`), or name another module with --module"
            }
            (Self::NoProxy, MacOs) => "install it with `brew install p11-kit`, or name another module with --module",
            (Self::NoProxy, Windows) => "name a module with --module",
            (Self::NoProxy, Other) => "install the package p11-kit, or name another module with --module",

            (Self::CannotBegin, Linux) => {
                "see that the module's own configuration is right, and that you may read what it names (for SoftHSM2: the file that SOFTHSM2_CONF names, and its directories; those of the whole machine are open to the group softhsm alone: `usermod -aG softhsm USER`)"
            }
            (Self::CannotBegin, MacOs | Windows | Other) => {
                "see that the module's own configuration is right (for SoftHSM2: the file that SOFTHSM2_CONF names, and its directories)"
            }
        }
        .to_owned()
    }
}

/// What Debian calls the directory of libraries for a processor, where it is not Rust's own word for it.
fn multiarch(arch: &str) -> String {
    match arch {
        "x86" => "i386-linux-gnu".into(),
        "arm" => "arm-linux-gnueabihf".into(),
        "" => "*-linux-gnu".into(),
        other => format!("{other}-linux-gnu"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYSTEMS: [System; 4] = [System::Linux, System::MacOs, System::Windows, System::Other];
    const TROUBLES: [Trouble; 11] = [
        Trouble::NoService,
        Trouble::ServiceFails,
        Trouble::TurnedAway,
        Trouble::NoReader,
        Trouble::NoCard,
        Trouble::Held,
        Trouble::Pulled,
        Trouble::Unresponsive,
        Trouble::NoModule,
        Trouble::NoProxy,
        Trouble::CannotBegin,
    ];

    fn says(trouble: Trouble, system: System, words: &[&str]) {
        let cure = trouble.on(system, "x86_64");
        for word in words {
            assert!(cure.contains(word), "{trouble:?} on {system:?}: {cure}");
        }
    }

    #[test]
    fn the_service_is_started_as_each_system_starts_it() {
        says(
            Trouble::NoService,
            System::Linux,
            &["`systemctl start pcscd.socket`", "`apt install pcscd`", "pcsc-lite"],
        );
        says(Trouble::NoService, System::MacOs, &["com.apple.ifdreader"]);
        says(Trouble::NoService, System::Windows, &["Smart Card", "`sc start SCardSvr`"]);
        says(Trouble::NoService, System::Other, &["pcscd"]);
    }

    #[test]
    fn a_reader_that_is_not_seen_lacks_the_driver_of_its_system() {
        says(Trouble::NoReader, System::Linux, &["`lsusb`", "`apt install libccid`", "pcsc-lite-ccid"]);
        says(Trouble::NoReader, System::MacOs, &["`system_profiler SPSmartCardsDataType`"]);
        says(Trouble::NoReader, System::Windows, &["Device Manager"]);
    }

    #[test]
    fn who_is_turned_away_learns_what_admits_him() {
        says(Trouble::TurnedAway, System::Linux, &["polkit rule", "org.debian.pcsc-lite.access_pcsc"]);
        says(Trouble::TurnedAway, System::MacOs, &["com.apple.security.smartcard"]);
        says(Trouble::TurnedAway, System::Windows, &["remote session"]);
        says(Trouble::CannotBegin, System::Linux, &["group softhsm", "SOFTHSM2_CONF"]);
    }

    #[test]
    fn gnupg_lets_a_card_go_on_every_system() {
        for system in SYSTEMS {
            says(Trouble::Held, system, &["end that program", "`gpgconf --kill scdaemon`"]);
        }
    }

    #[test]
    fn modules_stand_where_system_and_processor_put_them() {
        let on = |system, arch| Trouble::NoModule.on(system, arch);
        assert!(on(System::Linux, "x86_64").contains("/usr/lib/x86_64-linux-gnu "));
        assert!(on(System::Linux, "aarch64").contains("/usr/lib/aarch64-linux-gnu "));
        assert!(on(System::Linux, "x86").contains("/usr/lib/i386-linux-gnu "));
        assert!(on(System::Linux, "arm").contains("/usr/lib/arm-linux-gnueabihf "));
        assert!(on(System::Linux, "").contains("/usr/lib/*-linux-gnu "));
        assert!(on(System::MacOs, "aarch64").contains("/opt/homebrew/lib"));
        assert!(on(System::MacOs, "x86_64").contains("/usr/local/lib"));
        assert!(on(System::Windows, "x86_64").contains("opensc-pkcs11.dll"));
        says(Trouble::NoProxy, System::Linux, &["`apt install p11-kit-modules`", "`dnf install p11-kit`"]);
        says(Trouble::NoProxy, System::MacOs, &["`brew install p11-kit`"]);
    }

    #[test]
    fn no_system_is_told_the_commands_of_another() {
        let foreign = |system: System| -> &[&str] {
            match system {
                System::Linux => &["brew", "SCardSvr", "com.apple"],
                System::MacOs | System::Other => &["systemctl", "apt install", "dnf", "SCardSvr"],
                System::Windows => &["systemctl", "apt install", "dnf", "brew", "polkit", "pcscd"],
            }
        };
        for system in SYSTEMS {
            for trouble in TROUBLES {
                let cure = trouble.on(system, "x86_64");
                assert!(!cure.is_empty() && !cure.ends_with('.'), "{cure}");
                assert!(!foreign(system).iter().any(|word| cure.contains(word)), "{trouble:?} on {system:?}: {cure}");
            }
        }
    }
}
