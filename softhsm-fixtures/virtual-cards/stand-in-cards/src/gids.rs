//! Microsoft's Generic Identity Device Specification 2.0, as the applet answers that was recorded.

mod admin;
mod files;

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use crate::{
    apdu::{Command, Reply, Status, Transport},
    application::Application,
    dialect::{Answer, Bytes, Switches, Text, YesNo},
    pin::PinDialect,
    secret::Secret,
    store::Stored,
    symmetric::Algorithm,
    tlv,
};

use admin::Admin;
use files::Files;

const AID: [u8; 11] = [0xA0, 0x00, 0x00, 0x03, 0x97, 0x42, 0x54, 0x46, 0x59, 0x02, 0x01];

/// A card that says nothing of itself: T=0 and T=1, no historical bytes.
const ATR: [u8; 5] = [0x3B, 0x80, 0x80, 0x01, 0x01];

crate::switches! {
    /// What GIDS cards have beside the PIN commands.
    pub struct GidsDialect {
        /// `operational`, or `blank`: in initialisation mode, where nothing is refused and files can be made
        delivered: Delivered = Delivered::Operational,
        /// user PIN; `none`: to be set by `24 01`
        pin: Text = Text("123456".to_owned()),
        /// empty VERIFY while there is no PIN
        unset: Answer = Answer::Fixed(Status::UNUSABLE),
        /// tries of the user PIN
        tries: u8 = 3,
        /// shortest PIN
        least: usize = 4,
        /// longest PIN
        most: usize = 16,
        /// PIN status 7F71 by GET DATA; `no`: 6A88
        counter: YesNo = YesNo(true),
        /// CHANGE with fewer bytes than two PINs have, which the applet refuses before it looks at the old PIN
        change_bytes: Answer = Answer::Counted,
        /// RESET RETRY COUNTER with a new PIN too short uses the admin authentication up
        reset_short_ends: YesNo = YesNo(false),
        /// admin key in hex
        admin_key: Bytes = Bytes(vec![0; 24]),
        /// cipher of the admin key: `3des` with a challenge of 8 bytes, `aes` with one of 16
        admin_cipher: Algorithm = Algorithm::Tdes,
        /// request of an external challenge; a status word refuses, as virtual smart cards do
        external: Answer = Answer::ACCEPTED,
        /// request of a mutual challenge; a status word refuses
        mutual: Answer = Answer::ACCEPTED,
    }
}

crate::choice! {
    /// The life-cycle state on delivery.
    pub enum Delivered { Operational = "operational", Blank = "blank" }
}

/// What is stored.
#[derive(Serialize, Deserialize)]
struct Memory {
    operational: bool,
    pin: Secret,
    #[serde(with = "crate::hex")]
    admin_key: Vec<u8>,
    files: Files,
}

/// The application.
pub struct Gids {
    dialect: GidsDialect,
    pins: PinDialect,
    transport: Transport,
    serial: [u8; 16],
    memory: Memory,
    admin: Admin,
}

impl Default for Gids {
    fn default() -> Self {
        let pins =
            PinDialect { verify_length: Answer::Counted, query_verified: Answer::Counted, ..PinDialect::default() };
        let memory =
            Memory { operational: false, pin: Secret::default(), admin_key: Vec::new(), files: Files::default() };
        Self {
            dialect: GidsDialect::default(),
            pins,
            transport: Transport::default(),
            serial: *b"a GIDS card.\x00\xDE\xC0\xDE",
            memory,
            admin: Admin::None,
        }
    }
}

impl Gids {
    fn verify(&mut self, command: &Command) -> Reply {
        let Memory { pin, operational, .. } = &mut self.memory;
        match &command.data[..] {
            [] if !*operational => Ok(Vec::new()),
            [] if !pin.is_set() => self.dialect.unset.with(pin.tries()),
            [] => self.pins.query(pin),
            value => {
                let good_length = (self.dialect.least..=self.dialect.most).contains(&value.len());
                self.pins.verify(pin, value, good_length)
            }
        }
    }

    /// CHANGE REFERENCE DATA: the old value has the length that is stored, or all there is.
    fn change(&mut self, both: &[u8]) -> Reply {
        let GidsDialect { least, most, change_bytes, .. } = self.dialect;
        let pin = &mut self.memory.pin;
        if !(2 * least..=2 * most).contains(&both.len()) && !pin.is_blocked() && !change_bytes.is_acceptance() {
            return change_bytes.with(pin.tries());
        }
        let (old, new) = both.split_at(both.len().min(pin.value().len()));
        self.pins.change(pin, old)?;
        if new.is_empty() || new.len() > most {
            return Err(Status::WRONG_LENGTH);
        }
        if new.len() < least {
            self.pins.change_short.with(pin.tries())?;
        }
        pin.replace(new);
        pin.verified = true;
        Ok(Vec::new())
    }

    /// The first PIN, or a new one for a user who has given the old one.
    fn set(&mut self, new: &[u8]) -> Reply {
        let pin = &mut self.memory.pin;
        if self.memory.operational && pin.is_set() && !pin.verified {
            return Err(Status::SECURITY);
        }
        if !(self.dialect.least..=self.dialect.most).contains(&new.len()) {
            return Err(Status::WRONG_LENGTH);
        }
        pin.replace(new);
        Ok(Vec::new())
    }

    /// A new PIN by admin authentication, which is spent by it.
    fn reset_counter(&mut self, new: &[u8]) -> Reply {
        if !self.memory.operational {
            return Err(Status::NOT_ALLOWED);
        }
        if self.admin != Admin::Authenticated {
            return Err(Status::SECURITY);
        }
        let GidsDialect { least, most, .. } = self.dialect;
        if !(least..=most).contains(&new.len()) {
            if self.dialect.reset_short_ends.0 {
                self.reset();
            }
            if new.is_empty() || new.len() > most {
                return Err(Status::WRONG_LENGTH);
            }
            self.pins.reset_short.with(self.memory.pin.tries())?;
        }
        self.memory.pin.replace(new);
        self.reset();
        Ok(Vec::new())
    }

    fn get_data(&self, file: u16, data: &[u8]) -> Reply {
        let tag = match tlv::find(data, &[0x5C]) {
            Some(&[high, low]) => u16::from_be_bytes([high, low]),
            _ => return Err(Status::BAD_DATA),
        };
        if file != files::APPLICATION {
            return self.memory.files.read(file, tag);
        }
        let pin = &self.memory.pin;
        match tag {
            0x7F71 if self.dialect.counter.0 => Ok(tlv::object(tag, &[0x97, 1, pin.tries(), 0x93, 1, pin.limit()])),
            _ => Err(Status::NO_REFERENCE),
        }
    }

    fn put_data(&mut self, file: u16, data: &[u8]) -> Reply {
        let admin = self.admin == Admin::Authenticated;
        let user = self.memory.pin.verified;
        if file != files::APPLICATION {
            let may = !self.memory.operational || if file == files::ADMIN_WRITES { admin } else { user };
            return if may { self.memory.files.write(file, data) } else { Err(Status::SECURITY) };
        }
        if self.memory.operational && !admin {
            return Err(Status::SECURITY);
        }
        let reference = tlv::find(data, &[0x70, 0x84]);
        let key = tlv::find(data, &[0x70, 0xA5, 0x87]);
        match (reference, key) {
            (Some([0x80]), Some(key)) if self.key(key).is_some() => {
                self.memory.admin_key = key.to_vec();
                Ok(Vec::new())
            }
            _ => Err(Status::BAD_DATA),
        }
    }

    fn select_file(&self, command: &Command) -> Reply {
        let known = |file: u16| file == files::APPLICATION || self.memory.files.has(file);
        match &command.data[..] {
            &[high, low] if known(u16::from_be_bytes([high, low])) => Ok(Vec::new()),
            _ => Err(Status::NO_FILE),
        }
    }
}

impl Application for Gids {
    fn name(&self) -> &'static str {
        "gids"
    }

    fn dialect(&mut self) -> Vec<&mut dyn Switches> {
        vec![&mut self.dialect, &mut self.pins, &mut self.transport]
    }

    /// Up to 16 bytes: the end of the card identifier.
    fn set_serial(&mut self, serial: &[u8]) -> Result<()> {
        ensure!((1..=16).contains(&serial.len()), "a card identifier has up to 16 bytes");
        let start = self.serial.len() - serial.len();
        self.serial[start..].copy_from_slice(serial);
        Ok(())
    }

    fn deliver(&mut self) {
        let operational = self.dialect.delivered == Delivered::Operational;
        self.memory = Memory {
            operational,
            pin: Secret::new(if operational { self.dialect.pin.0.as_bytes() } else { &[] }, self.dialect.tries),
            admin_key: self.dialect.admin_key.0.clone(),
            files: if operational { Files::initialised(self.serial) } else { Files::default() },
        };
    }

    fn stored(&mut self) -> &mut dyn Stored {
        &mut self.memory
    }

    fn atr(&self) -> &'static [u8] {
        &ATR
    }

    fn transport(&self) -> &Transport {
        &self.transport
    }

    fn answers_to(&self, name: &[u8]) -> bool {
        name.len() >= 9 && AID.starts_with(name)
    }

    fn select(&mut self, _: &Command) -> Reply {
        self.reset();
        let discretionary = tlv::object(0x73, &[0x40, 0x01, 0xC0]);
        Ok(tlv::object(0x61, &[tlv::object(0x4F, &AID), discretionary].concat()))
    }

    fn transmit(&mut self, command: &Command) -> Reply {
        if command.cla != 0 {
            return Err(Status::NO_CLASS);
        }
        let Command { p1, p2, data, .. } = command;
        match command.header() {
            (0x20, 0, 0x82) => {
                self.reset();
                Ok(Vec::new())
            }
            (0x20, 0, 0x00 | 0x80) => self.verify(command),
            (0x24, 0, 0x00 | 0x80) => self.change(data),
            (0x24, 1, 0x00 | 0x80) => self.set(data),
            (0x2C, 2, 0x80) => self.reset_counter(data),
            (0x20 | 0x24, 0 | 1, _) | (0x2C, 2, _) => Err(Status::NO_REFERENCE),
            (0x20 | 0x24 | 0x2C, ..) => Err(Status::WRONG_P1_P2),
            (0x22, ..) => self.set_environment(command),
            (0x87, 0, 0) => self.authenticate(data),
            (0x87, ..) => Err(Status::WRONG_P1_P2),
            (0xCB, ..) => self.get_data(u16::from_be_bytes([*p1, *p2]), data),
            (0xDB, ..) => self.put_data(u16::from_be_bytes([*p1, *p2]), data),
            (0xA4, 0, _) => self.select_file(command),
            (0xE0, ..) if !self.memory.operational => self.memory.files.create(data),
            (0x44, ..) if !self.memory.operational => {
                // Each file is activated when it was made; the one without a file is that of the application.
                self.memory.operational = self.memory.files.activate();
                Ok(Vec::new())
            }
            (0xE0 | 0x44, ..) => Err(Status::SECURITY),
            _ => Err(Status::NO_INSTRUCTION),
        }
    }

    fn reset(&mut self) {
        self.memory.pin.verified = false;
        self.admin = Admin::None;
    }
}
