//! The options that name sources of secrets, each written down once.

use std::collections::BTreeMap;

use clap::{Args, ValueHint};

use crate::{
    input::Source,
    token::{Need, Role},
};

/// An option that names where one secret comes from.
pub trait Named {
    /// Which secret.
    const NEED: Need;
    /// Its source, where one was named.
    fn source(&self) -> Option<&Source>;
}

/// Defines an option: its type, its field (which clap makes the long name of), its secret, its parser, its help.
macro_rules! option {
    ($type:ident, $field:ident, $need:expr, $parser:path, $help:literal $(, $alias:literal)?) => {
        #[doc = $help]
        #[derive(Debug, Args)]
        pub struct $type {
            #[doc = $help]
            #[arg(long, value_name = "SOURCE", value_hint = ValueHint::Other, value_parser = $parser $(, visible_alias = $alias)?)]
            $field: Option<Source>,
        }

        impl Named for $type {
            const NEED: Need = $need;

            fn source(&self) -> Option<&Source> {
                self.$field.as_ref()
            }
        }
    };
}

option!(
    Pin,
    pin,
    Need::Current(Role::UserPin),
    Source::current,
    "Where the present PIN comes from: prompt, pinentry, env:NAME, file:PATH, fd:N, stdin, credential:NAME or pinpad"
);
option!(
    NewPin,
    new_pin,
    Need::New(Role::UserPin),
    Source::new_value,
    "Where the new PIN comes from: as --pin, or generate or generate:FILE"
);
option!(
    Puk,
    puk,
    Need::Current(Role::Puk),
    Source::current,
    "Where the present PUK comes from: prompt, pinentry, env:NAME, file:PATH, fd:N, stdin, credential:NAME or pinpad"
);
option!(
    NewPuk,
    new_puk,
    Need::New(Role::Puk),
    Source::new_value,
    "Where the new PUK comes from: as --puk, or generate or generate:FILE"
);
option!(
    SoPin,
    so_pin,
    Need::Current(Role::SoPin),
    Source::current,
    "Where the present SO PIN comes from: prompt, pinentry, env:NAME, file:PATH, fd:N, stdin, credential:NAME or pinpad",
    "admin-pin"
);
option!(
    NewSoPin,
    new_so_pin,
    Need::New(Role::SoPin),
    Source::new_value,
    "Where the new SO PIN comes from: as --so-pin, or generate or generate:FILE",
    "new-admin-pin"
);
option!(
    AdminKey,
    admin_key,
    Need::Current(Role::AdminKey),
    Source::current,
    "Where the present admin key comes from, in hexadecimal without blanks: prompt, pinentry, env:NAME, file:PATH, fd:N, stdin or credential:NAME",
    "management-key"
);
option!(
    NewAdminKey,
    new_admin_key,
    Need::New(Role::AdminKey),
    Source::new_value,
    "Where the new admin key comes from: as --admin-key, or generate or generate:FILE",
    "new-management-key"
);
option!(
    ResetCode,
    reset_code,
    Need::Current(Role::ResetCode),
    Source::current,
    "Where the present reset code comes from: prompt, pinentry, env:NAME, file:PATH, fd:N, stdin, credential:NAME or pinpad"
);
option!(
    NewResetCode,
    new_reset_code,
    Need::New(Role::ResetCode),
    Source::new_value,
    "Where the new reset code comes from: as --reset-code, or generate or generate:FILE"
);
option!(
    Response,
    response,
    Need::Current(Role::Response),
    Source::current,
    "Where the response to the challenge comes from, in hexadecimal: prompt, pinentry, env:NAME, file:PATH, fd:N, stdin or credential:NAME"
);

/// The source of one option, to be chained with those of others.
pub fn named<T: Named>(option: &T) -> Option<(Need, Source)> {
    option.source().map(|source| (T::NEED, source.clone()))
}

/// The sources of a command.
pub fn gather<const N: usize>(options: [Option<(Need, Source)>; N]) -> BTreeMap<Need, Source> {
    options.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_is_called_as_its_need() {
        let names = |command: clap::Command| {
            command.get_arguments().filter_map(clap::Arg::get_long).map(str::to_owned).collect::<Vec<_>>()
        };
        let augment = [
            Pin::augment_args,
            NewPin::augment_args,
            Puk::augment_args,
            NewPuk::augment_args,
            SoPin::augment_args,
            NewSoPin::augment_args,
            AdminKey::augment_args,
            NewAdminKey::augment_args,
            ResetCode::augment_args,
            NewResetCode::augment_args,
            Response::augment_args,
        ];
        let needs = [
            Pin::NEED,
            NewPin::NEED,
            Puk::NEED,
            NewPuk::NEED,
            SoPin::NEED,
            NewSoPin::NEED,
            AdminKey::NEED,
            NewAdminKey::NEED,
            ResetCode::NEED,
            NewResetCode::NEED,
            Response::NEED,
        ];
        for (augment, need) in augment.into_iter().zip(needs) {
            assert_eq!(names(augment(clap::Command::new("test"))), [need.option()]);
        }
    }
}
