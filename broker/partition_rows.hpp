// Requests name many partitions, on several shards. A handler makes a row for each, with at least
//   PartitionKey key; int shard;   // shard -1: refused before it got there
// and sends each shard its rows.
#pragma once

#include "broker/broker.hpp"
#include "broker/request.hpp"
#include "broker/shards.hpp"

#include <algorithm>
#include <vector>

namespace sluice::broker {

template <class Row>
struct ShardRows {
  Shard* home;
  Shard* shard;
  std::vector<Row*> rows;
};

// The rows of each shard, shards in the order of their first row. Rows with shard -1 are left out.
template <class Row>
std::vector<ShardRows<Row>> by_shard(Shard& home, std::vector<Row>& rows) {
  std::vector<ShardRows<Row>> works;
  for (Row& row : rows) {
    if (row.shard < 0) continue;
    Shard* shard = &home.broker().shard(row.shard);
    auto at = std::ranges::find(works, shard, &ShardRows<Row>::shard);
    if (at == works.end()) at = works.insert(at, ShardRows<Row>{&home, shard, {}});
    at->rows.push_back(&row);
  }
  return works;
}

// For Request::served_by.
template <class Row>
int shard_of_all(const std::vector<ShardRows<Row>>& works) {
  if (works.empty()) return Affinity::no_shard;
  return works.size() == 1 ? works.front().shard->id() : Affinity::several;
}

template <class Row>
using VisitPartition = Task<> (*)(Partition* partition, Row* row);

template <class Row>
Task<> visit_rows(const ShardRows<Row>* work, VisitPartition<Row> visit) {
  for (Row* row : work->rows) {
    Partition* partition = work->shard->find(row->key.topic, row->key.index);
    co_await visit(partition, row);
  }
}

// Calls visit(partition, row) for each row on the partition's shard, one after the other; partition
// is null when it is not open there.
template <class Row>
Task<> visit_partitions(Shard& home, std::vector<Row>& rows, VisitPartition<Row> visit) {
  const std::vector<ShardRows<Row>> works = by_shard(home, rows);
  for (const ShardRows<Row>& work : works) co_await on(home, *work.shard, visit_rows(&work, visit));
}

}  // namespace sluice::broker
