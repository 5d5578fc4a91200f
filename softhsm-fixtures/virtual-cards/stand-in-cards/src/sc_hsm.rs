//! SmartCard-HSM: a user PIN, an SO PIN, initialisation, and the files that say who it is.

mod files;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::{
    apdu::{Command, Reply, Status, Transport, WithoutLe},
    application::Application,
    dialect::{Answer, Bytes, Switches, Text},
    pin::PinDialect,
    secret::Secret,
    store::Stored,
    tlv,
};

use files::Files;

const AID: [u8; 11] = [0xE8, 0x2B, 0x06, 0x01, 0x04, 0x01, 0x81, 0xC3, 0x1F, 0x02, 0x01];

/// As CardContact's cards have it: "HSM1" among its historical bytes.
const ATR: [u8; 24] = [
    0x3B, 0xFE, 0x18, 0x00, 0x00, 0x81, 0x31, 0xFE, 0x45, 0x80, 0x31, 0x81, 0x54, 0x48, 0x53, 0x4D, 0x31, 0x73, 0x80,
    0x21, 0x40, 0x81, 0x07, 0xFA,
];

/// Version of the firmware, major and minor.
const VERSION: [u8; 2] = [3, 5];

/// RESET RETRY COUNTER is allowed.
const RESET_ALLOWED: u16 = 0x0001;
/// The user PIN must be changed before it can be verified.
const TRANSPORT_PIN: u16 = 0x0002;
/// RESET RETRY COUNTER may keep the PIN.
const RESET_ONLY: u16 = 0x0020;

crate::switches! {
    /// What a SmartCard-HSM has beside the PIN commands.
    pub struct ScHsmDialect {
        /// `initialised`, or `new`: no PIN, no SO PIN
        delivered: Delivered = Delivered::Initialised,
        /// user PIN
        pin: Text = Text("648219".to_owned()),
        /// SO PIN: 16 hex digits
        so_pin: Bytes = Bytes(b"57621880".to_vec()),
        /// tries of the user PIN
        tries: u8 = 3,
        /// tries of the SO PIN
        so_tries: u8 = 15,
        /// options in hex, as INITIALIZE sets them: 0001 reset by SO PIN, 0002 transport PIN, 0020 reset keeps the PIN
        options: Bytes = Bytes(vec![0, 1]),
        /// shortest user PIN
        least: usize = 6,
        /// longest user PIN
        most: usize = 16,
        /// PIN commands of a device that was never initialised
        uninitialised: Answer = Answer::Fixed(Status::NO_REFERENCE),
        /// VERIFY, empty or right, of a transport PIN
        transport_pin: Answer = Answer::Fixed(Status::UNUSABLE),
        /// RESET RETRY COUNTER that the options do not allow
        reset_not_allowed: Answer = Answer::Fixed(Status::NOT_ALLOWED),
        /// RESET RETRY COUNTER 02 and 03 without the SO PIN verified
        reset_unauthenticated: Answer = Answer::Fixed(Status::CONDITIONS),
        /// INITIALIZE with a wrong SO PIN, which spends one of its tries
        initialise_wrong: Answer = Answer::Fixed(Status::CONDITIONS),
    }
}

crate::choice! {
    /// The state on delivery.
    pub enum Delivered { Initialised = "initialised", New = "new" }
}

/// What is stored.
#[derive(Default, Serialize, Deserialize)]
struct Memory {
    pin: Secret,
    so_pin: Secret,
    options: u16,
    transport_pin: bool,
    files: Files,
}

/// The application.
pub struct ScHsm {
    dialect: ScHsmDialect,
    pins: PinDialect,
    transport: Transport,
    serial: [u8; 4],
    memory: Memory,
    /// The file selected.
    current: u16,
}

impl Default for ScHsm {
    fn default() -> Self {
        let pins = PinDialect {
            last: Answer::BLOCKED,
            change_last: Answer::BLOCKED,
            change_short: Answer::ACCEPTED,
            reset_last: Answer::BLOCKED,
            reset_short: Answer::ACCEPTED,
            ..PinDialect::default()
        };
        Self {
            dialect: ScHsmDialect::default(),
            pins,
            transport: Transport { without_le: WithoutLe::MoreAvailable, ..Transport::default() },
            serial: [0x00, 0xDE, 0xC0, 0xDE],
            memory: Memory::default(),
            current: 0,
        }
    }
}

impl ScHsm {
    fn is_new(&self) -> bool {
        !self.memory.so_pin.is_set()
    }

    fn allows(&self, option: u16) -> Reply {
        if self.memory.options & option == option {
            return Ok(Vec::new());
        }
        self.dialect.reset_not_allowed.with(self.memory.pin.tries())
    }

    /// Whoever presents a secret is nobody till it is right, and then only whom it belongs to.
    fn logout(&mut self) {
        self.memory.pin.verified = false;
        self.memory.so_pin.verified = false;
    }

    fn verify(&mut self, so: bool, value: &[u8]) -> Reply {
        let Memory { pin, so_pin, transport_pin, .. } = &mut self.memory;
        let secret = if so { so_pin } else { pin };
        let transport = !so && *transport_pin;
        if value.is_empty() {
            if transport && !secret.is_blocked() {
                return self.dialect.transport_pin.with(secret.tries());
            }
            return self.pins.query(secret);
        }
        let good_length =
            if so { value.len() == 8 } else { (self.dialect.least..=self.dialect.most).contains(&value.len()) };
        self.logout();
        let Memory { pin, so_pin, .. } = &mut self.memory;
        let secret = if so { so_pin } else { pin };
        self.pins.verify(secret, value, good_length)?;
        if transport {
            secret.verified = false;
            return self.dialect.transport_pin.with(secret.tries());
        }
        Ok(Vec::new())
    }

    /// CHANGE REFERENCE DATA: old and new are told apart by the length that is stored.
    fn change(&mut self, so: bool, both: &[u8]) -> Reply {
        let ScHsmDialect { least, most, .. } = self.dialect;
        let secret = if so { &self.memory.so_pin } else { &self.memory.pin };
        let new = both.len().checked_sub(secret.value().len()).filter(|new| *new > 0).ok_or(Status::WRONG_LENGTH)?;
        if new > most || (so && new != 8) {
            return Err(Status::WRONG_LENGTH);
        }
        self.logout();
        let secret = if so { &mut self.memory.so_pin } else { &mut self.memory.pin };
        let (old, new) = both.split_at(both.len() - new);
        self.pins.change(secret, old)?;
        if new.len() < least {
            self.pins.change_short.with(secret.tries())?;
        }
        secret.replace(new);
        secret.verified = true;
        self.memory.transport_pin &= so;
        Ok(Vec::new())
    }

    /// RESET RETRY COUNTER of the user PIN: by the SO PIN at hand (00, 01) or verified (02, 03), with a new PIN (00, 02)
    /// or without.
    fn reset_counter(&mut self, form: u8, data: &[u8]) -> Reply {
        self.allows(RESET_ALLOWED)?;
        let keeps = form & 1 == 1;
        if keeps {
            self.allows(RESET_ONLY)?;
        }
        let by_value = form < 2;
        let (code, new) = data.split_at(if by_value { data.len().min(self.memory.so_pin.value().len()) } else { 0 });
        if keeps != new.is_empty() || new.len() > self.dialect.most {
            return Err(Status::WRONG_LENGTH);
        }
        if by_value {
            self.logout();
            self.pins.reset(&mut self.memory.so_pin, code)?;
            self.memory.so_pin.verified = true;
        } else if !self.memory.so_pin.verified {
            return self.dialect.reset_unauthenticated.with(self.memory.so_pin.tries());
        }
        if keeps {
            self.memory.pin.unblock();
            return Ok(Vec::new());
        }
        if new.len() < self.dialect.least {
            self.pins.reset_short.with(self.memory.pin.tries())?;
        }
        self.memory.pin.replace(new);
        self.memory.pin.verified = true;
        self.memory.transport_pin = false;
        Ok(Vec::new())
    }

    /// INITIALIZE: everything goes, by the SO PIN that stands or, on a new device, that is set.
    fn initialise(&mut self, data: &[u8]) -> Reply {
        let field = |tag| tlv::find(data, &[tag]);
        let (Some(&[high, low]), Some(pin), Some(so_pin), Some(&[tries])) =
            (field(0x80), field(0x81), field(0x82), field(0x91))
        else {
            return Err(Status::BAD_DATA);
        };
        if !(self.dialect.least..=self.dialect.most).contains(&pin.len()) || so_pin.len() != 8 || tries == 0 {
            return Err(Status::BAD_DATA);
        }
        self.logout();
        if self.is_new() {
            self.memory.so_pin = Secret::new(so_pin, self.dialect.so_tries);
        } else {
            let wrong = self.dialect.initialise_wrong;
            let dialect = PinDialect { reset_wrong: wrong, reset_last: wrong, ..self.pins.clone() };
            dialect.reset(&mut self.memory.so_pin, so_pin)?;
        }
        self.memory.options = u16::from_be_bytes([high, low]);
        self.memory.pin = Secret::new(pin, tries);
        self.memory.transport_pin = self.memory.options & TRANSPORT_PIN != 0;
        self.memory.files = Files::new(self.serial);
        Ok(Vec::new())
    }

    /// The control information that SELECT answers with; the host reads options and version there.
    fn control_information(&self) -> Vec<u8> {
        let [high, low] = self.memory.options.to_be_bytes();
        let fields = [
            tlv::object(0x81, &[0, 0]),
            tlv::object(0x82, &[0x78]),
            tlv::object(0x83, &[0x3F, 0x00]),
            tlv::object(0x84, &AID),
            tlv::object(0x85, &[high, low, 0xFF, VERSION[0], VERSION[1]]),
            tlv::object(0x8A, &[0x05]),
        ];
        tlv::object(0x6F, &fields.concat())
    }

    fn select_file(&mut self, command: &Command) -> Reply {
        let &[high, low] = &command.data[..] else { return Err(Status::NO_FILE) };
        let file = u16::from_be_bytes([high, low]);
        let size = self.memory.files.size(file).ok_or(Status::NO_FILE)?;
        self.current = file;
        if command.p2 == 0x0C {
            return Ok(Vec::new());
        }
        let size = u16::try_from(size).unwrap_or(u16::MAX).to_be_bytes();
        Ok(tlv::object(
            0x6F,
            &[tlv::object(0x81, &size), tlv::object(0x82, &[1]), tlv::object(0x83, &[high, low])].concat(),
        ))
    }

    /// The file that the odd instructions of READ and UPDATE BINARY name: 0000 is the one selected.
    fn file(&self, command: &Command) -> u16 {
        match u16::from_be_bytes([command.p1, command.p2]) {
            0 => self.current,
            file => file,
        }
    }

    fn pin_command(&mut self, command: &Command) -> Reply {
        let so = match command.p2 {
            0x81 => false,
            0x88 if command.ins != 0x2C => true,
            _ => return Err(Status::NO_REFERENCE),
        };
        if self.is_new() {
            return self.dialect.uninitialised.with(0);
        }
        match (command.ins, command.p1) {
            (0x20, 0) => self.verify(so, &command.data),
            (0x24, 0) => self.change(so, &command.data),
            (0x2C, form @ 0..=3) => self.reset_counter(form, &command.data),
            _ => Err(Status::WRONG_P1_P2),
        }
    }
}

impl Application for ScHsm {
    fn name(&self) -> &'static str {
        "sc-hsm"
    }

    fn dialect(&mut self) -> Vec<&mut dyn Switches> {
        vec![&mut self.dialect, &mut self.pins, &mut self.transport]
    }

    /// Four bytes: the end of the holder's name in the device certificate, in hex.
    fn set_serial(&mut self, serial: &[u8]) -> Result<()> {
        self.serial = serial.try_into().context("a serial number is four bytes: eight hex digits")?;
        Ok(())
    }

    fn deliver(&mut self) {
        let ScHsmDialect { delivered, pin, so_pin, tries, so_tries, options, .. } = &self.dialect;
        let options = options.0.iter().fold(0, |options, byte| options << 8 | u16::from(*byte));
        self.memory = Memory { files: Files::new(self.serial), ..Memory::default() };
        if *delivered == Delivered::Initialised {
            self.memory.pin = Secret::new(pin.0.as_bytes(), *tries);
            self.memory.so_pin = Secret::new(&so_pin.0, *so_tries);
            self.memory.options = options;
            self.memory.transport_pin = options & TRANSPORT_PIN != 0;
        }
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
        name == AID
    }

    fn select(&mut self, command: &Command) -> Reply {
        self.reset();
        Ok(if command.p2 == 0x0C { Vec::new() } else { self.control_information() })
    }

    fn transmit(&mut self, command: &Command) -> Reply {
        let data = &command.data;
        match (command.cla, command.header()) {
            (0x00, (0x20 | 0x24 | 0x2C, ..)) => self.pin_command(command),
            (0x00, (0xA4, 0, _)) => self.select_file(command),
            (0x00, (0xB1, ..)) => {
                let length = command.le.unwrap_or(256);
                let offset = tlv::find(data, &[0x54]).ok_or(Status::BAD_DATA)?;
                self.memory.files.read(self.file(command), offset, length)
            }
            (0x00, (0xD7, ..)) if self.memory.pin.verified => {
                let (offset, text) = (tlv::find(data, &[0x54]), tlv::find(data, &[0x53]));
                let (offset, text) = offset.zip(text).ok_or(Status::BAD_DATA)?;
                let file = self.file(command);
                self.memory.files.write(file, offset, text)
            }
            (0x00, (0xD7, ..)) => Err(Status::SECURITY),
            (0x80, (0x50, 0, 0)) => self.initialise(data),
            (0x80, (0x58, 0, 0)) => Ok(self.memory.files.list()),
            (0x00 | 0x80, _) => Err(Status::NO_INSTRUCTION),
            _ => Err(Status::NO_CLASS),
        }
    }

    fn reset(&mut self) {
        self.logout();
        self.current = 0;
    }
}
