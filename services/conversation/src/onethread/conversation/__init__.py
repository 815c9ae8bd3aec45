"""The system of record: identity, stitching, threads, policy, REST API and inbox."""
