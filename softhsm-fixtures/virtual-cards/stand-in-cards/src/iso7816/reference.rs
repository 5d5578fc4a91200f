//! The reference data of a card: which there are, and what unblocks which.

use std::{fmt, ops::RangeInclusive, str::FromStr};

use anyhow::{Context, Error, Result, bail};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Pin,
    Puk,
    /// A PUK without a reference of its own: it stands in RESET RETRY COUNTER only.
    Code,
}

impl Role {
    const NAMES: [(&'static str, Self); 3] = [("pin", Self::Pin), ("puk", Self::Puk), ("code", Self::Code)];
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    pub role: Role,
    pub reference: u8,
    /// As typed.
    pub value: String,
    pub tries: u8,
    /// In characters.
    pub length: RangeInclusive<usize>,
    /// What unblocks it, by its reference.
    pub puk: Option<u8>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct References(pub Vec<Reference>);

impl FromStr for Reference {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parts = || -> Option<Self> {
            let (head, rest) = text.split_once('=')?;
            let (role, reference) = head.split_once('@')?;
            let mut rest = rest.split('/');
            let (value, tries, length, puk) = (rest.next()?, rest.next()?, rest.next()?, rest.next());
            let (least, most) = length.split_once('-')?;
            let hex = |text| u8::from_str_radix(text, 16).ok();
            Some(Self {
                role: Role::NAMES.into_iter().find(|(name, _)| *name == role)?.1,
                reference: hex(reference)?,
                value: value.to_owned(),
                tries: tries.parse().ok()?,
                length: least.parse().ok()?..=most.parse().ok()?,
                puk: puk.map_or(Some(None), |puk| hex(puk).map(Some))?,
            })
        };
        parts().with_context(|| format!("{text}: not as in pin@01=123456/3/4-8/02"))
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let role = Role::NAMES.into_iter().find(|(_, role)| *role == self.role).map_or("", |(name, _)| name);
        let (least, most) = (self.length.start(), self.length.end());
        write!(formatter, "{role}@{:02X}={}/{}/{least}-{most}", self.reference, self.value, self.tries)?;
        self.puk.map_or(Ok(()), |puk| write!(formatter, "/{puk:02X}"))
    }
}

impl FromStr for References {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let references = text.split(',').map(str::parse).collect::<Result<Vec<Reference>>>()?;
        let known = |puk| references.iter().any(|one| one.reference == puk && one.role != Role::Pin);
        if let Some(puk) = references.iter().filter_map(|one| one.puk).find(|puk| !known(*puk)) {
            bail!("{text}: there is no PUK {puk:02X}");
        }
        Ok(Self(references))
    }
}

impl fmt::Display for References {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.iter().map(ToString::to_string).collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_shown_as_they_are_read() -> Result<()> {
        let text = "pin@01=1234/3/4-12/02,puk@02=12345678/3/8-12,pin@85=12345/3/5-12/02";
        assert_eq!(text.parse::<References>()?.to_string(), text);
        for bad in ["", "pin@01", "pin@01=1234/3/4", "so@01=1234/3/4-8", "pin@01=1234/3/4-8/02"] {
            assert!(bad.parse::<References>().is_err(), "{bad}");
        }
        Ok(())
    }
}
