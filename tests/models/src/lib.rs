//! What two threads of the switch share, in every order of their steps that the memory model
//! allows: the ring from shard to shard, and the sleep of a shard.
//!
//! ```text
//! cargo test --manifest-path tests/models/Cargo.toml --lib
//! ```
//!
//! The files under test are the switch's own; only their atomics are loom's. Loom tries every
//! interleaving with at most three preemptions, and every value that a load may see.

pub mod sys;

#[cfg(test)]
mod tests {
    use loom::sync::atomic::{AtomicU32, Ordering};
    use loom::sync::{Arc, Notify};
    use loom::thread;

    use crate::sys::doorbell::Doorbell;
    use crate::sys::spsc::{Consumer, Producer, ring};

    /// Bugs of this kind need two; three take minutes instead of seconds.
    const PREEMPTIONS: usize = 3;

    fn model(run: impl Fn() + Sync + Send + 'static) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(PREEMPTIONS);
        builder.check(run);
    }

    /// A shard's bell, and the eventfd behind it.
    struct Door {
        bell: Doorbell,
        eventfd: Notify,
    }

    impl Door {
        fn new() -> Arc<Self> {
            Arc::new(Self {
                bell: Doorbell::default(),
                eventfd: Notify::new(),
            })
        }

        /// As a waker does.
        fn wake(&self) {
            if self.bell.ring() {
                self.eventfd.notify();
            }
        }

        /// As a shard's loop does: turns until `done`, and sleep between them. Loom reports a
        /// deadlock where a wake-up was missed.
        fn turns(&self, mut turn: impl FnMut() -> bool) {
            loop {
                let heard = self.bell.take();
                if heard && turn() {
                    return;
                }
                if !heard && self.bell.begin_park() {
                    self.eventfd.wait();
                    self.bell.end_park();
                }
            }
        }
    }

    fn put(producer: &mut Producer, message: &[u8]) -> bool {
        match producer.room(message.len(), 0) {
            Some(room) => {
                room.copy_from_slice(message);
                producer.push(message.len());
                true
            }
            None => false,
        }
    }

    fn take_all(consumer: &mut Consumer, found: &mut Vec<Vec<u8>>) {
        consumer.refresh();
        while let Some(message) = consumer.take() {
            found.push(message.to_vec());
        }
        consumer.release();
    }

    /// Messages of two sizes in two batches, past the end of the ring: each arrives once, whole and
    /// in order, and the sleeper wakes for the last.
    #[test]
    fn a_ring_loses_and_tears_nothing_and_its_reader_always_wakes() {
        model(|| {
            let (mut producer, mut consumer) = ring(64).unwrap();
            // So that the second message does not fit before the end.
            assert!(put(&mut producer, &[0; 24]));
            producer.publish();
            take_all(&mut consumer, &mut Vec::new());
            let door = Door::new();
            let bell = Arc::clone(&door);
            let sender = thread::spawn(move || {
                assert!(put(&mut producer, &[1; 8]));
                producer.publish();
                bell.wake();
                assert!(put(&mut producer, &[2; 16]));
                producer.publish();
                bell.wake();
            });
            let mut found = Vec::new();
            door.turns(|| {
                take_all(&mut consumer, &mut found);
                found.len() == 2
            });
            assert_eq!(found, [vec![1; 8], vec![2; 16]]);
            sender.join().unwrap();
        });
    }

    /// A full ring takes nothing until its reader has let go; then the room is used again, and
    /// nobody reads what is written over.
    #[test]
    fn room_is_used_again_only_once_it_was_released() {
        model(|| {
            let (mut producer, mut consumer) = ring(64).unwrap();
            for fill in 0..4 {
                assert!(put(&mut producer, &[fill; 8]));
            }
            assert!(!put(&mut producer, &[9; 8]), "it is full");
            producer.publish();
            let sender = thread::spawn(move || {
                let taken = put(&mut producer, &[4; 8]);
                producer.publish();
                taken
            });
            let mut found = Vec::new();
            take_all(&mut consumer, &mut found);
            let taken = sender.join().unwrap();
            take_all(&mut consumer, &mut found);
            assert_eq!(found.len(), 4 + usize::from(taken));
            for (fill, message) in (0..).zip(&found) {
                assert_eq!(*message, [fill; 8]);
            }
        });
    }

    /// Two peers and a mailbox knock at the same door: what was brought is found, and
    /// what was written before the knock is seen, though only the bell orders it.
    #[test]
    fn a_sleeper_hears_everybody() {
        model(|| {
            let door = Door::new();
            let mailbox = Arc::new(AtomicU32::new(0));
            let others: Vec<_> = (0..2)
                .map(|_| {
                    let (door, mailbox) = (Arc::clone(&door), Arc::clone(&mailbox));
                    thread::spawn(move || {
                        mailbox.fetch_add(1, Ordering::Relaxed);
                        door.wake();
                    })
                })
                .collect();
            door.turns(|| mailbox.load(Ordering::Relaxed) == 2);
            for other in others {
                other.join().unwrap();
            }
        });
    }

    /// That the model can fail: a shard that parks without looking again sleeps for ever.
    #[test]
    #[should_panic(expected = "deadlock")]
    fn a_sleeper_that_does_not_look_again_is_caught() {
        model(|| {
            let door = Door::new();
            let other = Arc::clone(&door);
            let knocker = thread::spawn(move || other.wake());
            while !door.bell.take() {
                // What is wrong: it sleeps whatever `begin_park` says.
                door.bell.begin_park();
                door.eventfd.wait();
            }
            knocker.join().unwrap();
        });
    }
}
