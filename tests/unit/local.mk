# rules of tests/unit
