// seekg and read of 64 bytes at random through a C++ stream: the median of ns each.
// To be run without and with the library.
//   ifstream FILE [ROUNDS]
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <vector>

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    std::ifstream file(argv[1], std::ios::binary);
    int rounds = argc > 2 ? std::atoi(argv[2]) : 11, reads = 20000;
    file.seekg(0, std::ios::end);
    auto size = static_cast<std::uint64_t>(file.tellg());
    std::uint64_t state = 1;
    std::vector<double> ns;
    char buf[64];
    for (int r = 0; r <= rounds; r++) {
        auto begin = std::chrono::steady_clock::now();
        for (int i = 0; i < reads; i++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            file.seekg(static_cast<std::streamoff>((state >> 20) % (size - sizeof buf)));
            if (!file.read(buf, sizeof buf))
                return 1;
        }
        std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
        if (r > 0)
            ns.push_back(took.count() / reads);
    }
    std::sort(ns.begin(), ns.end());
    std::printf("%.2f\n", ns[ns.size() / 2]);
    return 0;
}
