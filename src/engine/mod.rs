//! WHAT HAPPENS TO A TRANSACTION: duplicates, deadlines, reversals, advices, replay.
