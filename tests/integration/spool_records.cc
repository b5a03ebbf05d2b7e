// Writes a record for each "host:port" of standard input into a spool; its root is the argument.
#include <cstdio>
#include <iostream>

#include "common/spool/spool_writer.h"

int main(int argc, char** argv) {
    using namespace lb;
    if (argc != 2) return 64;
    spool::SpoolWriterOptions options;
    options.root = argv[1];
    options.segment_bytes_min = 4096;
    options.free_bytes_min = 0;
    auto writer = spool::SpoolWriter::open(env::posix_env(), options);
    if (!writer.ok()) return std::fprintf(stderr, "%s\n", writer.error().text.c_str()), 73;
    const std::string payload(400, 'x');
    for (std::string line; std::getline(std::cin, line);) {
        const auto destination = spool::Destination::parse(line);
        if (!destination.ok())
            return std::fprintf(stderr, "%s\n", destination.error().text.c_str()), 65;
        spool::AppendItem item{&*destination, spool::Lane::kBulk, payload, {}};
        (*writer)->append({&item, 1});
        if (!item.status.ok())
            return std::fprintf(stderr, "%s\n", item.status.error().text.c_str()), 74;
    }
    return (*writer)->close().ok() ? 0 : 74;
}
