//! Promises that only project quotas can make.
