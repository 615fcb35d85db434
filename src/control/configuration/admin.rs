//! `[admin]`: where the office is, and who may do what there.

use std::path::PathBuf;

use zeroize::Zeroizing;

use super::AdminConfiguration;
use super::build::socket_address;
use super::cross::Claims;
use super::diagnostic::Diagnostics;
use super::section::{Found, Section};
use super::table_files::remedy;
use crate::control::api::authority::{Role, TokenLine, token_lines};
use crate::control::tables::Reader;

/// All of it; the token file's text is found by `reader`.
pub(super) fn admin(
    section: &Section<'_>,
    reader: Reader<'_>,
    addresses: &mut Claims,
    diagnostics: &mut Diagnostics,
) -> Option<AdminConfiguration> {
    let text = section.text("address")?;
    let address = socket_address(&text, addresses, diagnostics);
    let file = section.text("tokens");
    let named = file.is_some();
    let tokens = file.and_then(|file| tokens(&file, reader, diagnostics));
    if let Some(address) = address
        && !named
        && !address.ip().is_loopback()
    {
        let problem =
            format!("`admin.address` {address} is not a loopback one, and without tokens");
        let remedy = "name a file of tokens as `admin.tokens`, or use 127.0.0.1 or [::1]";
        diagnostics.note(&text.span, problem, remedy);
    }
    if named && tokens.is_none() {
        return None;
    }
    Some(AdminConfiguration {
        address: address?,
        socket: section
            .text("socket")
            .map(|found| PathBuf::from(found.value)),
        tokens,
        users: users(section),
    })
}

fn users(section: &Section<'_>) -> Vec<(Role, u32)> {
    let keys = [
        (Role::View, "view_users"),
        (Role::Operate, "operate_users"),
        (Role::Keys, "keys_users"),
    ];
    let of = |(role, key)| {
        let users = section.numbers(key).into_iter();
        users.map(move |user| {
            (
                role,
                u32::try_from(user.value).expect("the key's bounds fit"),
            )
        })
    };
    keys.into_iter().flat_map(of).collect()
}

fn tokens(
    file: &Found<String>,
    reader: Reader<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<TokenLine>> {
    let text = match reader(&file.value) {
        Ok(text) => Zeroizing::new(text),
        Err(error) => {
            let problem = format!("cannot read the token file \"{}\": {error}", file.value);
            diagnostics.note(&file.span, problem, remedy(error.kind()));
            return None;
        }
    };
    match token_lines(&text) {
        Ok(lines) => Some(lines),
        Err((line, what)) => {
            let problem = format!("line {line} of the token file \"{}\": {what}", file.value);
            let remedy = "write lines `role name sha256`, where the hash is what \
                `printf %s TOKEN | sha256sum` prints";
            diagnostics.note(&file.span, problem, remedy);
            None
        }
    }
}
