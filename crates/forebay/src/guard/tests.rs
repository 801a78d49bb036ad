//! The guards beside naive models, on many threads, and given up half-way.
