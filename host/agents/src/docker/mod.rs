//! Programs as containers of a Docker engine, or of one that speaks its language.
