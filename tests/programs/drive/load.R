# usage: load.R HOW FILE: load it, print something that depends on all of it, stay a while.
args <- commandArgs(trailingOnly = TRUE)
if (args[1] == "rds") {
    x <- readRDS(args[2])
} else {
    f <- file(args[2], "rb")
    x <- readBin(f, "double", n = 12500000)
    close(f)
}
cat(length(x), format(sum(x), digits = 15), format(x[length(x)], digits = 15), "\n")
Sys.sleep(as.numeric(Sys.getenv("STAY", "1")))
