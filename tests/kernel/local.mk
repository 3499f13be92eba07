# rules of tests/kernel
