// SPDX-License-Identifier: GPL-2.0

//! The independent evaluator, `tests/evaluate.py`, as one co-process of all tests.

use serde_json::{json, Value};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{channel, Receiver};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

/// Longer than any answer takes on a busy machine: a co-process that hangs must fail the test.
const PATIENCE: Duration = Duration::from_secs(120);

static EVALUATOR: LazyLock<Mutex<Evaluator>> = LazyLock::new(|| Mutex::new(Evaluator::start()));

/// The number of the rule that decides, 0 for an acceptance, and the errno's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) rule: u8,
    pub(crate) name: String,
    pub(crate) errno: String,
}

struct Evaluator {
    questions: ChildStdin,
    answers: Receiver<String>,
}

impl Evaluator {
    fn start() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/evaluate.py");
        let mut child = Command::new("python3")
            .arg(&script)
            .arg("--batch")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("python3 {} does not start: {e}", script.display()));
        let questions = child.stdin.take().expect("its input is a pipe");
        let output = BufReader::new(child.stdout.take().expect("its output is a pipe"));
        let (send, answers) = channel();
        // A thread, as reading from a pipe knows no time limit. Both end with this process, whose
        // end closes the pipe.
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    break;
                }
            }
            // Its output has ended: so has the co-process, or will.
            drop(child.wait());
        });
        Self { questions, answers }
    }

    fn ask(&mut self, source: &[u8], accepts: &str) -> Value {
        // A byte is the code point of its number.
        let source: String = source.iter().map(|&b| char::from(b)).collect();
        let question = json!({"source": source, "accepts": accepts});
        writeln!(self.questions, "{question}").expect("evaluate.py has ended");
        let answer = self.answers.recv_timeout(PATIENCE);
        let answer = answer.unwrap_or_else(|e| panic!("no answer to {question}: {e}"));
        serde_json::from_str(&answer).unwrap_or_else(|e| panic!("{answer}: {e}"))
    }
}

/// What the evaluator says of `source` at a place with this accepts line; `Err` if it says that
/// this is no accepts line.
pub(crate) fn evaluate(source: &[u8], accepts: &str) -> Result<Answer, String> {
    let answer = EVALUATOR
        .lock()
        // A failed test of another thread is no reason to fail here.
        .unwrap_or_else(PoisonError::into_inner)
        .ask(source, accepts);
    if let Some(error) = answer["error"].as_str() {
        return Err(error.to_owned());
    }
    let rule = answer["rule"].as_u64().and_then(|n| u8::try_from(n).ok());
    Ok(Answer {
        rule: rule.unwrap_or_else(|| panic!("no rule in {answer}")),
        name: answer["name"].as_str().unwrap_or_default().to_owned(),
        errno: answer["errno"].as_str().unwrap_or_default().to_owned(),
    })
}
