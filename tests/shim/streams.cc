// C++ streams over one file: what they read, where they are, and what state they are in,
// printed, so that it can be compared.
#include <ext/stdio_filebuf.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

static std::uint64_t sum(const std::string &s)
{
    std::uint64_t h = 1469598103934665603u;
    for (unsigned char c : s)
        h = (h ^ c) * 1099511628211u;
    return h;
}

static void show(const char *what, std::istream &in, const std::string &got)
{
    std::cout << what << ' ' << got.size() << ' ' << std::hex << sum(got) << std::dec << " state "
              << in.rdstate() << " count " << in.gcount();
    bool was = in.good();
    if (was)
        std::cout << " at " << in.tellg();
    std::cout << '\n';
}

static std::string take(std::istream &in, std::size_t n)
{
    std::string s(n, '\0');
    in.read(&s[0], static_cast<std::streamsize>(n));
    s.resize(static_cast<std::size_t>(in.gcount()));
    return s;
}

static void seeks(const char *path)
{
    std::ifstream in(path, std::ios::binary);
    for (long at : {0L, 100L, 8190L, 8191L, 65536L, 1000000L, 5L}) {
        in.seekg(at);
        show("small", in, take(in, 100));
        show("big", in, take(in, 700000));
        in.clear();
        in.seekg(-50, std::ios::cur);
        show("back", in, take(in, 60));
        in.seekg(-1000, std::ios::end);
        show("end", in, take(in, 2000));
        in.clear();
    }
    in.seekg(-5);
    show("bad", in, take(in, 5));
    in.clear();
    in.seekg(1L << 40);
    show("far", in, take(in, 5));
}

static void unbuffered(const char *path)
{
    std::ifstream in;
    in.rdbuf()->pubsetbuf(nullptr, 0);
    in.open(path, std::ios::binary);
    show("first", in, take(in, 1000));
    show("second", in, take(in, 300000));
    in.seekg(17);
    show("third", in, take(in, 20000));
}

// Two streams and a stringstream over one buffer.
static void shared(const char *path)
{
    std::ifstream in(path, std::ios::binary);
    std::istream other(in.rdbuf());
    std::ostringstream out;

    show("one", in, take(in, 333));
    show("two", other, take(other, 70000));
    show("one", in, take(in, 500000));
    other.seekg(11, std::ios::cur);
    show("one", in, take(in, 20));
    out << other.rdbuf();
    show("rest", in, out.str());
}

// On a descriptor that has a duplicate which moves the offset, too.
static void over_descriptor(const char *path)
{
    int fd = ::open(path, O_RDONLY), copy = ::dup(fd);
    char few[100];
    for (int i = 0; i < 20; i++)
        if (::read(fd, few, 77) != 77)
            std::cout << "read failed\n";
    {
        __gnu_cxx::stdio_filebuf<char> buffer(fd, std::ios::in | std::ios::binary);
        std::istream in(&buffer);
        show("filebuf", in, take(in, 5000));
        show("filebuf", in, take(in, 400000));
        std::cout << "copy at " << ::lseek(copy, 0, SEEK_CUR) << '\n';
        in.seekg(300);
        std::cout << "copy at " << ::lseek(copy, 0, SEEK_CUR) << '\n';
        if (::read(copy, few, 10) != 10)
            std::cout << "read failed\n";
        show("filebuf", in, take(in, 9000));
    }
    std::cout << "copy at " << ::lseek(copy, 0, SEEK_CUR) << " read " << ::read(copy, few, 10) << '\n';
    ::close(copy);
}

static void whole(const char *path)
{
    std::ifstream in(path, std::ios::binary | std::ios::ate);
    std::vector<char> all(static_cast<std::size_t>(in.tellg()));
    in.seekg(0);
    in.read(all.data(), static_cast<std::streamsize>(all.size()));
    show("whole", in, std::string(all.begin(), all.end()));
    std::ifstream again(path, std::ios::binary);
    std::string s((std::istreambuf_iterator<char>(again)), std::istreambuf_iterator<char>());
    show("characters", again, s);
    std::ifstream lines(path);
    std::string line;
    std::size_t n = 0;
    while (std::getline(lines, line))
        n += line.size() * 31 + 7;
    std::cout << "lines " << n << '\n';
}

int main(int, char **argv)
{
    seeks(argv[1]);
    unbuffered(argv[1]);
    shared(argv[1]);
    over_descriptor(argv[1]);
    whole(argv[1]);
    std::ifstream none(std::string(argv[1]) + ".not");
    show("none", none, take(none, 5));
}
