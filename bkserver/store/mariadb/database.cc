#include "bkserver/store/mariadb/database.h"

#include "bkserver/store/mariadb/migration.h"
#include "bkserver/store/mariadb/reader.h"
#include "bkserver/store/mariadb/writer.h"

namespace lb::store::mariadb {

MariadbDatabase::MariadbDatabase(DatabaseOptions options)
    : options_(std::move(options)), dictionary_(options_.dsn) {}

Result<std::unique_ptr<MariadbDatabase>> MariadbDatabase::open(DatabaseOptions options) {
    LB_TRY(migrate(options.dsn, migrations(), options.on_message));
    return std::unique_ptr<MariadbDatabase>(new MariadbDatabase(std::move(options)));
}

Result<std::unique_ptr<Writer>> MariadbDatabase::open_writer(std::uint32_t lane) {
    auto writer = std::make_unique<MariadbWriter>(options_.dsn, dictionary_,
                                                  StreamOwner{options_.instance, lane});
    return std::unique_ptr<Writer>(std::move(writer));
}

Result<std::unique_ptr<Reader>> MariadbDatabase::open_reader() {
    auto reader = std::make_unique<MariadbReader>(options_.dsn, dictionary_, options_.service,
                                                  options_.watch);
    return std::unique_ptr<Reader>(std::move(reader));
}

}  // namespace lb::store::mariadb
