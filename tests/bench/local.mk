# rules of tests/bench
