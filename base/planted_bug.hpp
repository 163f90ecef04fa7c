// Bugs planted on purpose, so that the tests can show that they would find them. One build, made
// for tests/planted/ only, compiles them in with SLUICE_PLANTED_BUGS and chooses one at run time;
// in every other build planted() is false at compile time and nothing of them is left.
#pragma once

#include <cstdint>

namespace sluice {

enum class PlantedBug : std::uint8_t {
  none,
  write_not_durable,              // a write is acknowledged from the drive's cache
  acknowledge_before_completion,  // … before the disk has answered
  sync_before_write,              // the sync runs before the write that it should make durable
  no_directory_sync,              // a new segment's name is left to luck
  short_write_ignored,            // what the kernel did not take is forgotten
  failed_write_retried,           // fsyncgate: a sync after a failed write "succeeds"
  failed_sync_retried,            // … and after a failed sync, in recovery
  recovery_without_crc,           // recovery believes a header
  stale_batches_accepted,         // recovery takes old batches of a recycled file for live
  watermark_before_durable,       // consumers see what is on its way
  index_trusted,                  // an index from before a crash is not checked when used
  durable_over_gap,               // a write that landed covers for an earlier one that has not
  cut_below_frontier,             // damage ends the log, wherever it is
  snapshot_beyond_end,            // producers' state speaks of records that are gone
  epoch_not_raised,               // batches after a crash carry the epoch of those before it
  tail_not_destroyed,             // bytes behind the cut stay in the file
  orphan_returns,                 // both: a batch that was cut may follow a new one
  // Of the broker:
  commit_before_durable,          // a group's offset is confirmed, and shown, before it is written
  stale_generation_accepted,      // a member of a former generation may commit
  accept_before_durable,          // a share group's accept is confirmed before it is written
  dead_letter_before_durable,     // a record is given up before its copy in the dead-letter topic
  lock_forgotten,                 // a record that its consumer forgot does not come back
  schedule_done_before_delivery,  // a scheduled record is done before its topic has it
  reader_not_woken,               // a fetch that waits is not told of new records
  producer_ids_given_again,       // the block of producer ids is not written before it is used
  catalog_name_not_synced,        // the catalog's name is left to luck
  sequence_window_short,          // of the last five batches of a producer four are known
};

#ifdef SLUICE_PLANTED_BUGS
inline PlantedBug planted_bug = PlantedBug::none;  // set by the test
inline bool planted(PlantedBug bug) { return planted_bug == bug; }
#else
constexpr bool planted(PlantedBug /*bug*/) { return false; }
#endif

}  // namespace sluice
