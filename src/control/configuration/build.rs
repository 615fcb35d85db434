//! From a file of the right shape to a [`Configuration`]: what each value means.
//!
//! A value that the shape check has refused is skipped in silence here.

use std::net::SocketAddr;
use std::path::PathBuf;

use toml::Spanned;
use toml::de::DeTable;

use super::cross::Claims;
use super::diagnostic::Diagnostics;
use super::section::{Found, Section};
use super::shape::size;
use super::table_files::TableFiles;
use super::{
    CommitMode, Configuration, Idle, JournalConfiguration, Limits, Listener, Source, admin,
    allowed, fx, participants,
};
use crate::control::tables::{Reader, rates, routes, standing};
use crate::model::limits::BLOCK_BYTES;
use crate::model::participant::Protocol;
use crate::wire::frame::{Framing, MESSAGE_HEADER_BYTES_MAX, MessageHeader};

/// All of the file; `None` only where something was noted.
pub(super) fn configuration<'a>(
    name: &'a str,
    document: &'a Spanned<DeTable<'a>>,
    reader: Reader<'a>,
    diagnostics: &mut Diagnostics,
) -> Option<Configuration> {
    let root = Section::root(document);
    let mut addresses = Claims::new("address");
    let admin = admin::admin(&root.section("admin"), reader, &mut addresses, diagnostics);
    let shard = shard(&root.section("shard"), diagnostics);
    let journal = journal(&root.section("journal"), diagnostics);
    let limits = limits(&root.section("limits"), diagnostics);
    let listeners = listeners(&root.sections("listeners"), &mut addresses, diagnostics);
    let spoken: Vec<_> = root
        .sections("listeners")
        .iter()
        .filter_map(|section| Protocol::from_name(&section.text("protocol")?.value))
        .collect();
    let (participants, table_hash) =
        participants::read(&root.sections("participants"), &spoken, diagnostics);
    let fx = fx::fx(&root.section("fx"), diagnostics);
    let quotes = fx::quotes(&root.section("quotes"), reader, diagnostics);
    let mut files = TableFiles::new(name, root.section("tables"), reader);
    let mut fx = fx?;
    fx.rates = files.take("rates", diagnostics, |name, text| {
        rates::read(name, text, &fx.settings)
    });
    // Routes name participants: a participant that was refused would be called a stranger.
    let is_whole = participants.len() == root.sections("participants").len();
    let rules = is_whole.then(|| {
        files.take("routes", diagnostics, |name, text| {
            routes::read(name, text, &participants)
        })
    });
    let tables = root.section("tables");
    let stated = allowed::rules(&mut files, &tables, reader, diagnostics);
    let standing = is_whole.then(|| {
        let without = standing::WITHOUT_FILE;
        files.take_or("standing", without, diagnostics, |name, text| {
            standing::read(name, text, &participants)
        })
    });
    let standing = standing.flatten().unwrap_or_default();
    let (table_files, table_hash) = files.finish(table_hash, &fx);
    let stated = (stated, &standing);
    let guard = allowed::guard(&participants, stated, &tables.span, diagnostics);
    let (shards, cores, idle) = shard?;
    Some(Configuration {
        shards,
        cores,
        idle,
        journal: journal?,
        limits: limits?,
        admin: admin?,
        table_version: root.number_u32("table_version")?,
        table_hash,
        table_files,
        fx,
        quotes: quotes?,
        listeners,
        participants,
        routes: rules.flatten().unwrap_or_default(),
        guard: guard?,
        standing,
        source: Source::default(),
    })
}

fn shard(section: &Section<'_>, diagnostics: &mut Diagnostics) -> Option<(u16, Vec<usize>, Idle)> {
    let count = section.number("count");
    let cores = section.numbers("cores");
    let forward = section.text("forward")?;
    if forward.value == "written" {
        let problem = "`shard.forward` = \"written\" is not supported yet".to_owned();
        diagnostics.note(&forward.span, problem, "use \"committed\"");
    }
    let count = count?.value;
    if let Some(last) = cores.last()
        && cores.len() as u64 != count
    {
        let problem = format!("{} cores for {count} shard(s)", cores.len());
        diagnostics.note(&last.span, problem, "name one core for each shard, or none");
    }
    let mut claims = Claims::new("core");
    for core in &cores {
        claims.claim(&core.value.to_string(), &core.span, diagnostics);
    }
    let idle = match section.text("idle")?.value.as_str() {
        "spin" => Idle::Spin,
        "park" => Idle::Park,
        "adaptive" => Idle::Adaptive {
            spin_us: section.number_u32("spin_us")?,
        },
        _ => return None,
    };
    let count = u16::try_from(count).expect("the key's bounds fit in 16 bits");
    let cores = cores
        .iter()
        .map(|core| usize::try_from(core.value).expect("the key's bounds fit"))
        .collect();
    Some((count, cores, idle))
}

fn journal(section: &Section<'_>, diagnostics: &mut Diagnostics) -> Option<JournalConfiguration> {
    let mut blocks = |name: &str| {
        let found = section.number(name)?;
        if !found.value.is_multiple_of(BLOCK_BYTES as u64) {
            diagnostics.note(
                &found.span,
                format!("`journal.{name}` is not a multiple of {BLOCK_BYTES}"),
                "use whole KiB that four divides, such as \"64 MiB\"",
            );
        }
        Some(found)
    };
    let (tail, segment, most) = (
        blocks("tail_bytes")?,
        blocks("segment_bytes")?,
        blocks("bytes_max")?,
    );
    if segment
        .value
        .checked_mul(2)
        .is_none_or(|two| two > most.value)
    {
        diagnostics.note(
            &most.span,
            "`journal.bytes_max` has no room for two segments",
            format!(
                "use at least {}, or smaller segments",
                size(segment.value.saturating_mul(2))
            ),
        );
    }
    let data = section.text("data")?;
    if data.value.is_empty() {
        diagnostics.note(&data.span, "`journal.data` is empty", "name a directory");
    }
    Some(JournalConfiguration {
        data: PathBuf::from(data.value),
        commit: match section.text("commit")?.value.as_str() {
            "disk" => CommitMode::Disk,
            "memory" => CommitMode::Memory,
            _ => return None,
        },
        tail_bytes: tail.value,
        segment_bytes: segment.value,
        bytes_max: most.value,
        tail_dir: section
            .text("tail_dir")
            .map(|found| PathBuf::from(found.value)),
        archive: section
            .section("archive")
            .text("path")
            .map(|found| PathBuf::from(found.value)),
    })
}

fn limits(section: &Section<'_>, diagnostics: &mut Diagnostics) -> Option<Limits> {
    let unsigned = section.number("unsigned_links_max")?;
    let limits = Limits {
        links_max: section.number_u32("links_max")?,
        unsigned_links_max: section.number_u32("unsigned_links_max")?,
        in_flight_max: section.number_u32("in_flight_max")?,
        remembered_keys_max: section.number_u32("remembered_keys_max")?,
    };
    if limits.unsigned_links_max > limits.links_max {
        diagnostics.note(
            &unsigned.span,
            format!(
                "`limits.unsigned_links_max` ({}) is more than `limits.links_max` ({})",
                limits.unsigned_links_max, limits.links_max
            ),
            "links that have not signed on are part of all links: lower it, or raise `links_max`",
        );
    }
    if limits.in_flight_max > limits.remembered_keys_max {
        let span = section.number("in_flight_max")?.span;
        diagnostics.note(
            &span,
            "`limits.in_flight_max` is more than `limits.remembered_keys_max`",
            "what is in flight is remembered too: raise `remembered_keys_max`",
        );
    }
    Some(limits)
}

fn listeners(
    sections: &[Section<'_>],
    addresses: &mut Claims,
    diagnostics: &mut Diagnostics,
) -> Vec<Listener> {
    let mut names = Claims::new("listener name");
    sections
        .iter()
        .filter_map(|section| listener(section, &mut names, addresses, diagnostics))
        .collect()
}

fn listener(
    section: &Section<'_>,
    names: &mut Claims,
    addresses: &mut Claims,
    diagnostics: &mut Diagnostics,
) -> Option<Listener> {
    let name = section
        .text("name")
        .filter(|name| checked_name(name, diagnostics));
    if let Some(name) = &name {
        names.claim(&name.value, &name.span, diagnostics);
    }
    let protocol = section
        .text("protocol")
        .and_then(|protocol| Protocol::from_name(&protocol.value));
    let framing = framing(section, protocol?, diagnostics);
    let address = section
        .text("address")
        .and_then(|address| socket_address(&address, addresses, diagnostics));
    let frame_bytes_max = section.number("frame_bytes_max")?.value;
    Some(Listener {
        name: name?.value,
        protocol: protocol?,
        framing: framing?,
        address: address?,
        frame_bytes_max: usize::try_from(frame_bytes_max).expect("the key's bounds fit"),
    })
}

fn framing(
    section: &Section<'_>,
    protocol: Protocol,
    diagnostics: &mut Diagnostics,
) -> Option<Framing> {
    let word = section.text("framing");
    let tpdu = section.flag("tpdu")?;
    let framing = match (protocol, word.as_ref().map(|word| word.value.as_str())) {
        (Protocol::Sbe, None | Some("sofh")) => Framing::Sofh,
        (Protocol::Iso8583Ascii | Protocol::Iso8583Binary, None | Some("len2")) => Framing::LEN2,
        (Protocol::Iso8583Ascii | Protocol::Iso8583Binary, Some("len4")) => Framing::LEN4,
        (_, Some(other)) => {
            let remedy = match protocol {
                Protocol::Sbe => "use \"sofh\", or leave it out",
                Protocol::Iso8583Ascii | Protocol::Iso8583Binary => "use \"len2\" or \"len4\"",
            };
            if ["sofh", "len2", "len4"].contains(&other) {
                let problem = format!("{} cannot be framed with `{other}`", protocol.name());
                diagnostics.note(&word?.span, problem, remedy);
            }
            return None;
        }
    };
    if protocol == Protocol::Sbe && tpdu.value {
        diagnostics.note(&tpdu.span, "sbe has no TPDU", "remove `tpdu`");
    }
    let framing = framing.with_message_header(message_header(section, protocol, diagnostics)?);
    Some(if tpdu.value {
        framing.with_tpdu()
    } else {
        framing
    })
}

/// The bytes that its hexadecimal digits write.
fn message_header(
    section: &Section<'_>,
    protocol: Protocol,
    diagnostics: &mut Diagnostics,
) -> Option<MessageHeader> {
    let Some(text) = section.text("message_header") else {
        return Some(MessageHeader::NONE);
    };
    if protocol == Protocol::Sbe {
        let problem = "sbe has no message header before its own";
        diagnostics.note(&text.span, problem, "remove `message_header`");
        return None;
    }
    let (pairs, odd) = text.value.as_bytes().as_chunks::<2>();
    let bytes: Option<Vec<u8>> = pairs
        .iter()
        .map(|[high, low]| {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()
        })
        .collect();
    let header = bytes
        .filter(|bytes| odd.is_empty() && !bytes.is_empty())
        .and_then(|bytes| MessageHeader::new(&bytes));
    if header.is_none() {
        let problem = format!("\"{}\" is not a message header", text.value);
        let remedy = format!(
            "write 1 to {MESSAGE_HEADER_BYTES_MAX} bytes in hexadecimal, such as \"603100311000\""
        );
        diagnostics.note(&text.span, problem, remedy);
    }
    header
}

/// Whether a name is one that metrics and logs can carry.
pub(super) fn checked_name(name: &Found<String>, diagnostics: &mut Diagnostics) -> bool {
    let text = &name.value;
    let good = (1..=32).contains(&text.len())
        && text
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        && !text.starts_with('-')
        && !text.ends_with('-');
    if !good {
        diagnostics.note(
            &name.span,
            format!("\"{text}\" is not a name"),
            "use 1 to 32 lower-case letters, digits and hyphens, such as \"kakao-pay\"",
        );
    }
    good
}

pub(super) fn socket_address(
    text: &Found<String>,
    addresses: &mut Claims,
    diagnostics: &mut Diagnostics,
) -> Option<SocketAddr> {
    let Ok(address) = text.value.parse::<SocketAddr>() else {
        diagnostics.note(
            &text.span,
            format!("\"{}\" is not an IP address and a port", text.value),
            "write it as \"127.0.0.1:7100\" or \"[::1]:7100\"; host names are not looked up",
        );
        return None;
    };
    if address.port() != 0 {
        addresses.claim(&address.to_string(), &text.span, diagnostics);
    }
    Some(address)
}
