//! THE OFFICE: configuration, admin API, metrics; on its own thread.
