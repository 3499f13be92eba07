# rules of tests/shim
