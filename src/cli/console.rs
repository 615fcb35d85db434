//! Standard input, output and error of a command, and how errors look on it.

use std::io::{self, IsTerminal, Read, Write};

use super::exit::{Exit, Failure};

/// Where a command reads and writes.
pub(super) struct Console<'a> {
    input: Box<dyn Read + 'a>,
    output: Box<dyn Write + 'a>,
    error: Box<dyn Write + 'a>,
    /// Whether the output, and whether errors, may have colours.
    colours: (bool, bool),
}

impl<'a> Console<'a> {
    /// The process's own. Colours only on a terminal.
    pub(super) fn of_process() -> Self {
        Self {
            input: Box::new(io::stdin()),
            output: Box::new(io::BufWriter::new(io::stdout())),
            error: Box::new(io::stderr()),
            colours: (io::stdout().is_terminal(), io::stderr().is_terminal()),
        }
    }

    /// One that tests look into.
    #[cfg(test)]
    pub(super) fn of_test(
        input: impl Read + 'a,
        output: impl Write + 'a,
        error: impl Write + 'a,
    ) -> Self {
        Self {
            input: Box::new(input),
            output: Box::new(output),
            error: Box::new(error),
            colours: (false, false),
        }
    }

    /// All of the input, up to `bytes_max`; one byte more where it is longer.
    pub(super) fn read(&mut self, bytes_max: usize) -> io::Result<Vec<u8>> {
        let most = u64::try_from(bytes_max)
            .unwrap_or(u64::MAX)
            .saturating_add(1);
        let mut bytes = Vec::new();
        self.input.by_ref().take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Writes bytes as they are.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.output.write_all(bytes)?;
        self.output.flush()
    }

    /// Writes text.
    pub(super) fn print(&mut self, text: &str) -> io::Result<()> {
        self.write(text.as_bytes())
    }

    /// Writes a line.
    pub(super) fn print_line(&mut self, line: &str) -> io::Result<()> {
        self.print(&format!("{line}\n"))
    }

    /// Writes a line, some time before [`Console::flush`].
    pub(super) fn buffer_line(&mut self, line: &str) -> io::Result<()> {
        self.output.write_all(line.as_bytes())?;
        self.output.write_all(b"\n")
    }

    /// Everything is written.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }

    /// Says what is wrong with a command line, or what was asked of `--help` and `--version`.
    pub(super) fn usage(&mut self, error: &clap::Error) -> Exit {
        let rendered = error.render();
        let (output, colours) = if error.use_stderr() {
            (&mut self.error, self.colours.1)
        } else {
            (&mut self.output, self.colours.0)
        };
        let text = if colours {
            rendered.ansi().to_string()
        } else {
            rendered.to_string()
        };
        let written = output
            .write_all(text.as_bytes())
            .and_then(|()| output.flush());
        match (error.use_stderr(), written) {
            (true, _) => Exit::Usage,
            (false, Ok(())) => Exit::Good,
            (false, Err(error)) => Failure::from(error).exit,
        }
    }

    /// Says why a command did not end well.
    pub(super) fn failure(&mut self, failure: &Failure) -> Exit {
        let (red, cyan, plain) = if self.colours.1 {
            ("\x1b[1;31m", "\x1b[1;36m", "\x1b[0m")
        } else {
            ("", "", "")
        };
        let mut text = String::new();
        if !failure.message.is_empty() {
            text.push_str(&format!("{red}error:{plain} {}\n", failure.message));
        }
        if let Some(hint) = &failure.hint {
            text.push_str(&format!("{cyan}hint:{plain} {hint}\n"));
        }
        self.complain(&text);
        failure.exit
    }

    /// Shows how far a long command is, on one line that is written over: on a terminal only.
    pub(super) fn progress(&mut self, line: &str) {
        if self.colours.1 {
            drop(write!(self.error, "\r\x1b[K{line}"));
        }
    }

    /// Writes to standard error. Where that is closed, the exit code must do.
    pub(super) fn complain(&mut self, text: &str) {
        drop(self.error.write_all(text.as_bytes()));
    }
}
