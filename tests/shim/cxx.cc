// A long walk through a file by std::ifstream, of every kind of step; prints what it saw.
// Run without and with the library, cxx.sh compares.
//   cxx FILE SEED
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ext/stdio_filebuf.h>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

static std::uint64_t state;
static std::uint64_t next(std::uint64_t n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 20) % n;
}

struct Walk {
    std::ifstream file;
    std::uint64_t size, hash = 14695981039346656037u;

    explicit Walk(const char *path) : file(path, std::ios::binary | std::ios::ate)
    {
        size = static_cast<std::uint64_t>(file.tellg());
        file.seekg(0);
    }
    void note(std::uint64_t x)
    {
        hash = (hash ^ x) * 1099511628211u;
    }
    void note(const char *p, std::size_t n)
    {
        for (std::size_t i = 0; i < n; i++)
            note(static_cast<unsigned char>(p[i]));
    }
    void read(std::size_t most)
    {
        std::vector<char> buf(1 + next(most));
        file.read(buf.data(), static_cast<std::streamsize>(buf.size()));
        note(static_cast<std::uint64_t>(file.gcount()));
        note(buf.data(), static_cast<std::size_t>(file.gcount()));
    }
    void seek()
    {
        switch (next(4)) {
        case 0: file.seekg(static_cast<std::streamoff>(next(size + 100))); break;
        case 1: file.seekg(static_cast<std::streamoff>(next(20000)) - 10000, std::ios::cur); break;
        case 2: file.seekg(-static_cast<std::streamoff>(next(5000)), std::ios::end); break;
        default: file.seekg(static_cast<std::streamoff>(next(size)) & ~7LL); break;
        }
    }
    void line()
    {
        std::string text;
        std::getline(file, text);
        note(text.data(), text.size());
    }
    void characters()
    {
        note(static_cast<std::uint64_t>(file.get()));
        file.unget();
        note(static_cast<std::uint64_t>(file.peek()));
        file.putback('x');
        note(static_cast<std::uint64_t>(file.get()));
        char some[64];
        note(static_cast<std::uint64_t>(file.readsome(some, sizeof some)));
        note(static_cast<std::uint64_t>(file.sync()));
    }
    // A child goes on where the parent is, by the description they share.
    void child()
    {
        std::cout.flush();
        file.sync();
        file.seekg(static_cast<std::streamoff>(next(size)));
        pid_t pid = fork();
        if (pid == 0) {
            read(30000);
            file.seekg(123);
            read(10);
            std::cout << "child " << hash << '\n' << std::flush;
            _exit(0);
        }
        waitpid(pid, nullptr, 0);
        read(30000);
    }
    void step(unsigned i)
    {
        switch (next(8)) {
        case 0: read(400000); break;
        case 1: line(); break;
        case 2: characters(); break;
        case 3: case 4: seek(); break;
        default: seek(); read(200); break;
        }
        note(static_cast<std::uint64_t>(file.tellg()));
        note(static_cast<std::uint64_t>(file.rdstate()));
        file.clear();
        if (i % 1000 == 999)
            child();
    }
};

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    state = std::strtoull(argv[2], nullptr, 0);
    {
        Walk walk(argv[1]);
        for (unsigned i = 0; i < 2500; i++)
            walk.step(i);
        std::cout << walk.hash << '\n';
    }
    Walk again(argv[1]); // the number and the record are used anew
    for (unsigned i = 0; i < 300; i++)
        again.step(i);
    std::cout << again.hash << '\n';
    std::wifstream wide(argv[1]);
    wide.seekg(1000);
    std::wstring word;
    wide >> word;
    std::cout << word.size() << ' ' << wide.tellg() << '\n';
    // The FILE of a filebuf: stdio goes on where the filebuf has read to, and the other way round.
    __gnu_cxx::stdio_filebuf<char> both;
    both.open(argv[1], std::ios::in | std::ios::binary);
    char some[3][100];
    both.pubseekoff(5000, std::ios::beg);
    std::streamsize first = both.sgetn(some[0], sizeof some[0]);
    std::size_t second = std::fread(some[1], 1, sizeof some[1], both.file());
    long at = std::ftell(both.file());
    std::fseek(both.file(), 77777, SEEK_SET);
    both.pubsync();
    std::streamsize third = both.sgetn(some[2], sizeof some[2]);
    std::cout << first << ' ' << second << ' ' << third << ' ' << at << '\n';
    for (auto &part : some)
        std::cout.write(part, sizeof part) << '\n';
    std::ifstream all(argv[1], std::ios::binary);
    std::uint64_t sum = 0;
    for (std::istreambuf_iterator<char> i(all), end; i != end; ++i)
        sum = sum * 31 + static_cast<unsigned char>(*i);
    std::cout << sum << '\n';
}
