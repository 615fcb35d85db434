//! What the switch says of its journal, from its metrics page (OpenMetrics text over HTTP).

use core::net::SocketAddr;
use core::time::Duration;
use std::io::{Read, Write};
use std::net::TcpStream;

/// The journal's counters at one moment. The switch does not serve how long a commit takes; these
/// say how many there were, how large, and how much waited.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct JournalCounters {
    /// Records appended.
    pub(crate) records: u64,
    /// Their bytes.
    pub(crate) record_bytes: u64,
    /// Writes to segments.
    pub(crate) writes: u64,
    /// Bytes written to segments.
    pub(crate) written_bytes: u64,
    /// Appended and not committed at that moment.
    pub(crate) uncommitted_bytes: u64,
}

/// Asks; `None` where there is no such page, or not within half a second.
pub(crate) fn journal(admin: SocketAddr) -> Option<JournalCounters> {
    let mut stream = TcpStream::connect_timeout(&admin, PATIENCE).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.set_write_timeout(Some(PATIENCE)).ok()?;
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut text = String::new();
    stream.take(PAGE_BYTES_MAX).read_to_string(&mut text).ok()?;
    text.starts_with("HTTP/1.1 200 ").then(|| read(&text))?
}

/// Finds the counters in a page; `None` where one is missing.
fn read(page: &str) -> Option<JournalCounters> {
    let number = |name: &str| {
        let value = |line: &str| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok();
        page.lines().find_map(value)
    };
    Some(JournalCounters {
        records: number("cpg_switch_journal_records_total")?,
        record_bytes: number("cpg_switch_journal_record_bytes_total")?,
        writes: number("cpg_switch_journal_writes_total")?,
        written_bytes: number("cpg_switch_journal_written_bytes_total")?,
        uncommitted_bytes: number("cpg_switch_journal_uncommitted_bytes_now")?,
    })
}

const PATIENCE: Duration = Duration::from_millis(500);
const PAGE_BYTES_MAX: u64 = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_found_by_their_whole_names() {
        let page = "HTTP/1.1 200 OK\r\n\r\n# TYPE cpg_switch_journal_records counter\n\
            cpg_switch_journal_records_total 7\ncpg_switch_journal_record_bytes_total 700\n\
            cpg_switch_journal_writes_total 3\ncpg_switch_journal_written_bytes_total 12288\n\
            cpg_switch_journal_uncommitted_bytes_now 100\n# EOF\n";
        let expected = JournalCounters {
            records: 7,
            record_bytes: 700,
            writes: 3,
            written_bytes: 12_288,
            uncommitted_bytes: 100,
        };
        assert_eq!(read(page), Some(expected));
        assert_eq!(
            read(&page.replace("writes_total 3", "writes_total x")),
            None
        );
        assert_eq!(read(""), None);
    }

    #[test]
    fn a_page_that_is_not_there_is_no_error() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        assert_eq!(journal(address), None);
    }
}
