//! Who asks, and what they may: bearer tokens over TCP, the kernel's word over the Unix socket.
//!
//! Never keeps a token: only its SHA-256, which is compared in constant time. Never says which of
//! the reasons for a refusal it was.

use std::fmt;

use ctutils::CtEq;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// What somebody may do. Each includes [`Role::View`], and no other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Debug)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Look at everything, change nothing.
    View,
    /// Change what is served: tables, participants, the switch itself.
    Operate,
    /// Change keys.
    Keys,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::View, Self::Operate, Self::Keys];

    /// Its word in token files, in configurations and in the document of the interface.
    pub const fn name(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Operate => "operate",
            Self::Keys => "keys",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// How somebody has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// Over TCP: whoever it is says so with a token.
    Network,
    /// Over the Unix socket: the kernel says whose process it is.
    Socket {
        /// Its user.
        user: u32,
    },
}

/// Somebody who may do something.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Caller {
    /// As the token file has it, or `uid N`.
    pub name: String,
    /// Somebody in particular: whoever has a token of a file, or is a user that the configuration
    /// names. The switch's own user, root and a token that was drawn are nobody in particular.
    pub is_person: bool,
    roles: Vec<Role>,
}

impl Caller {
    /// Whether it may do what `role` does.
    pub fn may(&self, role: Role) -> bool {
        role == Role::View || self.roles.contains(&role)
    }

    /// What it may do, [`Role::View`] included.
    pub fn roles(&self) -> Vec<Role> {
        Role::ALL
            .into_iter()
            .filter(|role| self.may(*role))
            .collect()
    }
}

/// One line of a token file: who may do what, and the hash of the token.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenLine {
    role: Role,
    name: String,
    hash: [u8; HASH_BYTES],
}

const HASH_BYTES: usize = 32;

impl fmt::Debug for TokenLine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.role.name(), self.name)
    }
}

impl TokenLine {
    /// Who it is that may change what is served, if it is such a line.
    pub fn operator(&self) -> Option<&str> {
        (self.role == Role::Operate).then_some(self.name.as_str())
    }

    /// A line for each role of somebody with this token.
    pub fn all_roles(name: &str, token: &str) -> Vec<Self> {
        let line = |role| Self {
            role,
            name: name.to_owned(),
            hash: Sha256::digest(token.as_bytes()).into(),
        };
        Role::ALL.into_iter().map(line).collect()
    }
}

/// The lines of a token file: `role name sha256`, blanks between them; `#` begins a comment. The
/// error is the number of the first line that is not so, and what is wrong with it.
pub fn token_lines(text: &str) -> Result<Vec<TokenLine>, (usize, &'static str)> {
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        lines.push(token_line(line).map_err(|what| (number, what))?);
    }
    match lines.len() {
        0 => Err((1, "there is no token")),
        TOKENS_MAX.. => Err((1, "there are more than 1000 lines")),
        _ => Ok(lines),
    }
}

/// Lines from which a file has too many: each request is compared with all of them.
const TOKENS_MAX: usize = 1_001;

fn token_line(line: &str) -> Result<TokenLine, &'static str> {
    let mut cells = line.split_whitespace();
    let (Some(role), Some(name), Some(hash), None) =
        (cells.next(), cells.next(), cells.next(), cells.next())
    else {
        return Err("it is not `role name sha256`");
    };
    let role = Role::from_name(role).ok_or("its role is not view, operate or keys")?;
    let hash = hash_of(hash).ok_or("its hash is not 64 hexadecimal digits")?;
    if name.len() > 64 || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("its name is not 1 to 64 printable characters");
    }
    Ok(TokenLine {
        role,
        name: name.to_owned(),
        hash,
    })
}

fn hash_of(digits: &str) -> Option<[u8; HASH_BYTES]> {
    let (pairs, odd) = digits.as_bytes().as_chunks::<2>();
    if !odd.is_empty() || pairs.len() != HASH_BYTES {
        return None;
    }
    let digit = |digit: u8| char::from(digit).to_digit(16);
    let mut hash = [0; HASH_BYTES];
    for (byte, [high, low]) in hash.iter_mut().zip(pairs) {
        *byte = u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()?;
    }
    Some(hash)
}

/// Everybody who may do something.
#[derive(Clone, Debug, Default)]
pub struct Authority {
    /// The user that the switch runs as: it may do all, as root may.
    pub own_user: u32,
    /// Tokens of those who come over TCP.
    pub tokens: Vec<TokenLine>,
    /// Whether those tokens were drawn at the start, and are nobody's in particular.
    pub drawn: bool,
    /// Other users of this machine.
    pub users: Vec<(Role, u32)>,
}

impl Authority {
    /// Who it is that came this `way` with this header `Authorization`; none: nobody we know.
    pub fn caller(&self, way: Way, authorization: Option<&[u8]>) -> Option<Caller> {
        match (way, authorization) {
            // Who says a token over the socket wants to be that one: a test of a token, say.
            (_, Some(header)) => self.bearer(header.strip_prefix(b"Bearer ")?),
            (Way::Socket { user }, None) => self.user(user),
            (Way::Network, None) => None,
        }
    }

    /// Every line is compared, whichever fits.
    fn bearer(&self, token: &[u8]) -> Option<Caller> {
        let hash: [u8; HASH_BYTES] = Sha256::digest(token).into();
        let mut caller: Option<Caller> = None;
        for line in &self.tokens {
            if line.hash.ct_eq(&hash).to_bool() {
                let caller = caller.get_or_insert_with(|| Caller {
                    name: line.name.clone(),
                    is_person: !self.drawn,
                    roles: Vec::new(),
                });
                caller.roles.push(line.role);
            }
        }
        caller
    }

    fn user(&self, user: u32) -> Option<Caller> {
        let roles: Vec<Role> = if user == 0 || user == self.own_user {
            Role::ALL.to_vec()
        } else {
            let own = self.users.iter().filter(|(_, known)| *known == user);
            own.map(|(role, _)| *role).collect()
        };
        (!roles.is_empty()).then(|| Caller {
            name: format!("uid {user}"),
            is_person: self.users.iter().any(|(_, known)| *known == user),
            roles,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf secret | sha256sum`.
    const SECRET: &str = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";

    #[test]
    fn a_token_has_the_roles_of_its_lines_and_no_other_has() {
        let text = format!("# who\nview  ann {SECRET}\n\noperate ann {SECRET}\n");
        let authority = Authority {
            tokens: token_lines(&text).unwrap(),
            ..Authority::default()
        };
        let caller = authority
            .caller(Way::Network, Some(b"Bearer secret"))
            .unwrap();
        assert_eq!(caller.name, "ann");
        assert_eq!(caller.roles(), [Role::View, Role::Operate]);
        for wrong in [
            &b"Bearer secreT"[..],
            b"Bearer ",
            b"secret",
            b"Basic x",
            b"",
        ] {
            assert_eq!(authority.caller(Way::Network, Some(wrong)), None);
        }
        assert_eq!(authority.caller(Way::Network, None), None);
    }

    #[test]
    fn over_the_socket_the_own_user_and_root_may_all_and_others_what_they_are_given() {
        let authority = Authority {
            own_user: 7,
            users: vec![(Role::View, 8), (Role::Keys, 9)],
            ..Authority::default()
        };
        let roles = |user| {
            let caller = authority.caller(Way::Socket { user }, None);
            caller.map(|caller| caller.roles())
        };
        assert_eq!(roles(0), Some(Role::ALL.to_vec()));
        assert_eq!(roles(7), Some(Role::ALL.to_vec()));
        assert_eq!(roles(8), Some(vec![Role::View]));
        assert_eq!(roles(9), Some(vec![Role::View, Role::Keys]));
        assert_eq!(roles(10), None);
    }

    #[test]
    fn a_bad_line_is_named_and_shows_no_hash() {
        for (text, line) in [
            ("", 1),
            ("# only a comment", 1),
            ("view ann\n", 1),
            (&format!("view a {SECRET}\nboss b {SECRET}"), 2),
            (&format!("view a {SECRET} more"), 1),
            ("view a 2bb80d", 1),
            (&format!("view a {}", SECRET.replace('2', "g")), 1),
        ] {
            assert_eq!(token_lines(text).unwrap_err().0, line, "{text}");
        }
        let lines = token_lines(&format!("view ann {SECRET}")).unwrap();
        assert_eq!(format!("{lines:?}"), "[view ann]");
    }
}
