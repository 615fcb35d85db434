//! `[admin]`: where the office is, and who may do what there.

use std::collections::BTreeSet;
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
    let users = users(section);
    let two_people = two_people(section, tokens.as_deref(), &users, diagnostics);
    Some(AdminConfiguration {
        address: address?,
        socket: section
            .text("socket")
            .map(|found| PathBuf::from(found.value)),
        tokens,
        users,
        two_people,
    })
}

/// Where two could not come together, nothing would ever be approved.
fn two_people(
    section: &Section<'_>,
    tokens: Option<&[TokenLine]>,
    users: &[(Role, u32)],
    diagnostics: &mut Diagnostics,
) -> bool {
    let with_tokens = tokens.into_iter().flatten().filter_map(TokenLine::operator);
    let mut people: BTreeSet<String> = with_tokens.map(str::to_owned).collect();
    let operators = users.iter().filter(|(role, _)| *role == Role::Operate);
    people.extend(operators.map(|(_, user)| format!("uid {user}")));
    let are_two = people.len() > 1;
    let Some(asked) = section.flag("two_people") else {
        return are_two;
    };
    if asked.value && !are_two {
        let problem = format!(
            "`admin.two_people`, and {} have the role `operate`",
            match people.len() {
                0 => "none",
                _ => "not two",
            }
        );
        let remedy = "give two people tokens with that role (`admin.tokens`), or name two users \
            as `admin.operate_users`";
        diagnostics.note(&asked.span, problem, remedy);
    }
    asked.value
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
