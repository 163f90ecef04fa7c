// Partition directories that belong to no topic of the catalog.
#pragma once

#include "base/log.hpp"
#include "base/result.hpp"
#include "base/task.hpp"
#include "broker/catalog.hpp"

namespace sluice::storage {
class FileSystem;
}

namespace sluice::broker {

// A crash between the catalog's record of a deletion and the removal of the files leaves a
// directory that a new topic of the same name must not open. Such directories, known by the topic
// id in their partition.metadata, are renamed to TOPIC-PARTITION.ID-stray, durably, and reported:
// nothing is deleted here, since it may as well be the catalog that lost something. Call at start,
// before logs are opened. Errors: those of the file system.
Task<Result<>> set_strays_aside(storage::FileSystem& files, CatalogSnapshot catalog,
                                Logger& logger);

}  // namespace sluice::broker
