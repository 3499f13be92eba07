# rules of tests/programs
