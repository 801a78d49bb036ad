//! Sentinels, Clusters and TLS.
