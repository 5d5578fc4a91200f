//! Command APDUs, status words, and what the transport does to both: chaining and GET RESPONSE (ISO 7816-4).

/// A status word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(pub u16);

impl Status {
    pub const OK: Self = Self(0x9000);
    pub const WRONG_LENGTH: Self = Self(0x6700);
    pub const CHAINING_EXPECTED: Self = Self(0x6883);
    pub const SECURITY: Self = Self(0x6982);
    pub const BLOCKED: Self = Self(0x6983);
    pub const UNUSABLE: Self = Self(0x6984);
    pub const CONDITIONS: Self = Self(0x6985);
    pub const NOT_ALLOWED: Self = Self(0x6986);
    pub const BAD_DATA: Self = Self(0x6A80);
    pub const UNSUPPORTED: Self = Self(0x6A81);
    pub const NO_FILE: Self = Self(0x6A82);
    pub const WRONG_P1_P2: Self = Self(0x6A86);
    pub const NO_REFERENCE: Self = Self(0x6A88);
    pub const WRONG_OFFSET: Self = Self(0x6B00);
    pub const NO_INSTRUCTION: Self = Self(0x6D00);
    pub const NO_CLASS: Self = Self(0x6E00);

    /// 63Cx: wrong, and `tries` are left; no more than 15 can be said.
    #[must_use]
    pub fn tries(tries: u8) -> Self {
        Self(0x63C0 | u16::from(tries.min(15)))
    }
}

/// The data of a response, or what went wrong. An error carries no data.
pub type Reply = Result<Vec<u8>, Status>;

/// A command APDU.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Command {
    pub cla: u8,
    pub ins: u8,
    pub p1: u8,
    pub p2: u8,
    pub data: Vec<u8>,
    /// How many bytes of response are wanted at most; 256 for a byte of zero. `None` where no such field was sent.
    pub le: Option<usize>,
}

impl Command {
    /// Cases 1 to 4, short and extended; `None` for anything else.
    #[must_use]
    pub fn parse(apdu: &[u8]) -> Option<Self> {
        let (&[cla, ins, p1, p2], body) = apdu.split_first_chunk()?;
        let short = |le: u8| if le == 0 { 256 } else { usize::from(le) };
        let extended = |le: [u8; 2]| if le == [0, 0] { 65_536 } else { usize::from(u16::from_be_bytes(le)) };
        let (data, le) = match *body {
            [] => (&[][..], None),
            [le] => (&[][..], Some(short(le))),
            [0, high, low] => (&[][..], Some(extended([high, low]))),
            [0, high, low, ref rest @ ..] => {
                match rest.split_at_checked(usize::from(u16::from_be_bytes([high, low])))? {
                    (data, []) => (data, None),
                    (data, &[high, low]) => (data, Some(extended([high, low]))),
                    _ => return None,
                }
            }
            [lc, ref rest @ ..] => match rest.split_at_checked(usize::from(lc))? {
                (data, []) => (data, None),
                (data, &[le]) => (data, Some(short(le))),
                _ => return None,
            },
        };
        Some(Self { cla, ins, p1, p2, data: data.to_vec(), le })
    }

    /// Instruction and parameters, to match on; the class is for the application to check where it has more than one.
    #[must_use]
    pub fn header(&self) -> (u8, u8, u8) {
        (self.ins, self.p1, self.p2)
    }
}

crate::switches! {
    /// How whole responses reach the host.
    pub struct Transport {
        /// response data without an Le field: `data` at once, or `61xx` and GET RESPONSE
        without_le: WithoutLe = WithoutLe::Data,
        /// where Le is not the length of the response: `data` up to Le, or `6Cxx` with the right length
        with_le: WithLe = WithLe::Data,
        /// command chaining (class 1x): `yes`, or `no` and 6884
        chaining: crate::dialect::YesNo = crate::dialect::YesNo(true),
    }
}

crate::choice! {
    /// What comes of response data that nobody asked for.
    pub enum WithoutLe { Data = "data", MoreAvailable = "61xx" }
}

crate::choice! {
    /// What comes of an Le that is not the length of the data.
    pub enum WithLe { Data = "data", Exact = "6Cxx" }
}

/// Joins chained commands, and cuts responses into the pieces that the host asks for.
#[derive(Default)]
pub struct Channel {
    chained: Option<Command>,
    rest: Vec<u8>,
}

impl Channel {
    /// The response to one command APDU, status word included; `handle` answers whole commands.
    pub fn answer(&mut self, apdu: &[u8], transport: &Transport, handle: impl FnOnce(&Command) -> Reply) -> Vec<u8> {
        let (mut response, status) = match self.respond(apdu, transport, handle) {
            Ok((piece, 0)) => (piece, Status::OK),
            Ok((piece, left)) => (piece, Status(0x6100 | left)),
            Err(status) => (Vec::new(), status),
        };
        response.extend(status.0.to_be_bytes());
        response
    }

    /// The next piece, and the second byte of 61xx: how much is left, or 0 where all is said.
    fn respond(
        &mut self,
        apdu: &[u8],
        transport: &Transport,
        handle: impl FnOnce(&Command) -> Reply,
    ) -> Result<(Vec<u8>, u16), Status> {
        let link = Command::parse(apdu).ok_or(Status::WRONG_LENGTH)?;
        let Some(command) = self.join(link, transport)? else { return Ok((Vec::new(), 0)) };
        if command.header() == (0xC0, 0, 0) {
            return Ok(self.piece(command.le.unwrap_or(256)));
        }
        self.rest.clear();
        let data = handle(&command)?;
        let length = data.len();
        match (command.le, transport.without_le, transport.with_le) {
            (Some(le), _, WithLe::Exact) if length > 0 && length <= 256 && le != length => {
                Err(Status(0x6C00 | (length & 0xFF) as u16))
            }
            (None, WithoutLe::MoreAvailable, _) if length > 0 => {
                self.rest = data;
                Ok((Vec::new(), more(length)))
            }
            (le, ..) => {
                self.rest = data;
                Ok(self.piece(le.unwrap_or(256)))
            }
        }
    }

    fn piece(&mut self, most: usize) -> (Vec<u8>, u16) {
        let rest = self.rest.split_off(self.rest.len().min(most));
        let left = if rest.is_empty() { 0 } else { more(rest.len()) };
        (std::mem::replace(&mut self.rest, rest), left)
    }

    /// The whole command once its last link is here.
    fn join(&mut self, link: Command, transport: &Transport) -> Result<Option<Command>, Status> {
        // Bit 5 of an interindustry class of the first kind, or of a proprietary class.
        let more_follow = link.cla & 0x10 != 0 && link.cla & 0x60 == 0;
        if more_follow && !transport.chaining.0 {
            return Err(Status(0x6884));
        }
        let whole = match self.chained.take() {
            None => Command { cla: link.cla & !0x10, ..link },
            Some(mut chained) if chained.header() == link.header() => {
                chained.data.extend(&link.data);
                chained.le = link.le;
                chained
            }
            Some(_) => return Err(Status::CHAINING_EXPECTED),
        };
        if more_follow {
            self.chained = Some(whole);
            return Ok(None);
        }
        Ok(Some(whole))
    }
}

/// The second byte of 61xx: 00 stands for 256 and more, which is no "nothing is left" here, so 255 is said then.
fn more(left: usize) -> u16 {
    u16::try_from(left).map_or(0xFF, |left| left.min(0xFF))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

    use super::*;

    #[test]
    fn every_case_is_told_apart() {
        let cases: [(&[u8], usize, Option<usize>); 7] = [
            (&[0, 0x20, 0, 0x80], 0, None),
            (&[0, 0x20, 0, 0x80, 0], 0, Some(256)),
            (&[0, 0x20, 0, 0x80, 1, 9], 1, None),
            (&[0, 0x20, 0, 0x80, 1, 9, 5], 1, Some(5)),
            (&[0, 0x20, 0, 0x80, 0, 0, 0], 0, Some(65_536)),
            (&[0, 0x20, 0, 0x80, 0, 0, 1, 9], 1, None),
            (&[0, 0x20, 0, 0x80, 0, 0, 1, 9, 1, 0], 1, Some(256)),
        ];
        for (apdu, data, le) in cases {
            let command = Command::parse(apdu).unwrap();
            assert_eq!((command.data.len(), command.le), (data, le), "{apdu:02X?}");
        }
        assert_eq!(Command::parse(&[0, 0x20, 0]), None);
        assert_eq!(Command::parse(&[0, 0x20, 0, 0x80, 3, 1]), None);
    }

    #[test]
    fn a_chained_command_is_answered_whole_and_a_long_response_in_pieces() {
        let mut channel = Channel::default();
        let transport = Transport::default();
        assert_eq!(channel.answer(&[0x10, 0xDB, 0, 0, 1, 1], &transport, |_| panic!("not yet")), [0x90, 0]);
        let response = channel.answer(&[0, 0xDB, 0, 0, 1, 2, 0], &transport, |command| {
            assert_eq!((command.cla, &command.data[..]), (0, &[1, 2][..]));
            Ok(vec![7; 300])
        });
        assert_eq!((response.len(), &response[256..]), (258, &[0x61, 44][..]));
        let rest = channel.answer(&[0, 0xC0, 0, 0, 44], &transport, |_| panic!("already answered"));
        assert_eq!((rest.len(), &rest[44..]), (46, &[0x90, 0][..]));
    }

    #[test]
    fn unasked_data_waits_for_get_response_where_the_dialect_says_so() {
        let mut channel = Channel::default();
        let transport = Transport { without_le: WithoutLe::MoreAvailable, ..Transport::default() };
        assert_eq!(channel.answer(&[0, 0xA4, 4, 0, 1, 1], &transport, |_| Ok(vec![1, 2])), [0x61, 2]);
        assert_eq!(channel.answer(&[0, 0xC0, 0, 0, 2], &transport, |_| Err(Status::OK)), [1, 2, 0x90, 0]);
    }
}
